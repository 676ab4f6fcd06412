import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Surroundings } from "#shared/compose/load";
import type { ProjectSource } from "#shared/contract/projects";
import { AppError } from "#shared/errors";

/** In the order in which docker compose looks for them. */
const composeNames = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
/** Bytes: what is longer is no compose file. */
const maxFile = 1024 * 1024;

/**
 * The variables of the user who runs this that a compose file may use. Not all that there are: what a file can put
 * into a container should be in the file, or in its `.env`.
 */
const passed = ["HOME", "USER", "LOGNAME", "LANG", "TZ"];

/** What a project in this directory may need from this machine. */
export function surroundingsOf(directory: string | undefined): Surroundings {
  const environment: Record<string, string> = directory === undefined ? {} : { PWD: directory };
  for (const name of passed) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { environment, read: readText };
}

/** Undefined when there is no such file; RESOURCE_EXHAUSTED for one that is too long, INVALID_ARGUMENT for no file. */
async function readText(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    // A device or a pipe never ends.
    if (!found.isFile()) throw new AppError("INVALID_ARGUMENT", `${path} is no file`);
    if (found.size > maxFile) {
      throw new AppError("RESOURCE_EXHAUSTED", `${path} is longer than a compose file can be`);
    }
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (error instanceof AppError) throw error;
    throw AppError.wrap(error, `${path} can't be read`);
  }
}

/**
 * A compose file, or the one in a directory, with its override and `.env`, as docker compose finds them. NOT_FOUND when
 * there is none.
 */
export async function openSource(path: string): Promise<ProjectSource> {
  const found = await stat(path).catch((error: unknown) => {
    throw AppError.wrap(error, `${path} can't be read`);
  });
  const directory = found.isDirectory() ? path : dirname(path);
  const first = found.isDirectory() ? await firstOf(directory, composeNames) : await named(path);
  if (!first) {
    throw new AppError("NOT_FOUND", `There is no compose file in ${directory}`, {
      hint: `Name it, or call it ${composeNames[0]}.`,
    });
  }
  const isUsual = composeNames.includes(first.name);
  const overrides = composeNames.map((name) => name.replace(/\.(ya?ml)$/, ".override.$1"));
  const override = isUsual ? await firstOf(directory, overrides) : undefined;
  const env = (await readText(join(directory, ".env"))) ?? "";
  return { directory, files: override ? [first, override] : [first], env, profiles: [] };
}

type Found = ProjectSource["files"][number];

async function named(path: string): Promise<Found | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : { name: path.slice(dirname(path).length + 1), text };
}

async function firstOf(directory: string, names: readonly string[]): Promise<Found | undefined> {
  for (const name of names) {
    const text = await readText(join(directory, name));
    if (text !== undefined) return { name, text };
  }
  return undefined;
}
