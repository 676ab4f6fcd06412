import type { TarLimits } from "./limits.ts";
import { refuse, type TarEntry } from "./tar-entry.ts";

/**
 * The components of an entry's path; none for the root. What is absolute is taken from the root, as docker does. Throws
 * INVALID_ARGUMENT for what is no name, or leads up.
 */
export function entryPath(name: string, limits: TarLimits): string[] {
  return components(name, name, limits);
}

/** Those of the path a hard link leads to. */
export function linkPath({ path, target }: TarEntry, limits: TarLimits): string[] {
  if (target === "") throw refuse(path, "is a hard link to nothing");
  return components(target, path, limits);
}

function components(name: string, entry: string, limits: TarLimits): string[] {
  if (name === "") throw refuse(entry, "has no name");
  if (name.includes("\0")) throw refuse(entry, "has a NUL in its name");
  if (name.includes("\n")) throw refuse(entry, "has a line break in its name");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw refuse(entry, "leads out of its directory with ..");
  if (parts.some((part) => part.length > limits.component)) {
    throw refuse(entry, `has a name of more than ${limits.component} bytes`);
  }
  if (parts.reduce((sum, part) => sum + part.length + 1, 0) > limits.path) {
    throw refuse(entry, `has a path of more than ${limits.path} bytes`);
  }
  return parts;
}
