import { dirname } from "node:path";
import type { CreateRequest } from "../runtime.ts";

/**
 * The paths of this machine that the making of a container looks at, beside programs and what the kernel shows; undefined
 * where that can't be told. What the OCI runtime spec names (config.md#mounts, #posix-platform-hooks), what its root file
 * system is made of, and the `own` that its shim writes to.
 */
export function hostPaths(
  { spec, rootfs, logPath, checkpoint }: CreateRequest,
  own: string[],
): string[] | undefined {
  // A hook is a program that looks where it likes.
  if (spec.hooks !== undefined) return undefined;
  const { lower, upper, work, idmap } = rootfs;
  const files = [...lower.map(({ path }) => path), upper, work, checkpoint?.path];
  const sources = [...spec.mounts, ...(idmap?.binds ?? [])].map(({ source }) => source);
  // A tmpfs has a word for its source.
  const named = [...files, ...sources].flatMap((path) => (path?.startsWith("/") ? [path] : []));
  return [...own, dirname(logPath), ...named];
}
