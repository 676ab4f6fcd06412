import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Privileges } from "#core/host/privileges";
import { AppError } from "#shared/errors";
import type { Bundle } from "./bundle.ts";
import { execProcess } from "./oci/exec-process.ts";
import type { ProcessFile } from "./process-dir.ts";
import type { ExecRequest, OciProcess } from "./runtime.ts";

/** What a new exec needs of the bundle, or what stands for one. */
export type ExecPlace = Pick<Bundle, "ref" | "spec" | "processDir">;

export interface ExecDir {
  dir: string;
  file: ProcessFile;
  context: string;
}

/** `makeProcessDir` for the process that `request` asks for; a user's name is looked up in `root`. */
export async function makeExecDir(
  bundle: ExecPlace,
  privileges: Privileges,
  root: string,
  request: ExecRequest,
): Promise<ExecDir> {
  const process = await execProcess(await bundle.spec(), request, root, privileges);
  return makeProcessDir(bundle, request, process);
}

/**
 * Makes the directory of a new exec with its process.json. Rejects ALREADY_EXISTS for a second of the same id. The
 * caller removes the directory when the exec can't be started.
 */
export async function makeProcessDir(
  bundle: ExecPlace,
  request: ExecRequest,
  process: OciProcess,
): Promise<ExecDir> {
  const { size, terminal } = request;
  const { id } = bundle.ref;
  const context = `The command could not be run in container "${id}"`;
  const file: ProcessFile = {
    ...process,
    terminal,
    ...(size && { consoleSize: { height: size.rows, width: size.cols } }),
    shimyard: { id: request.id, user: request.user, createdAt: Date.now() },
  };
  const dir = bundle.processDir(request.id);
  try {
    await mkdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw AppError.wrap(error, context);
    throw new AppError("ALREADY_EXISTS", `Container "${id}" has a process "${request.id}"`);
  }
  try {
    await writeFile(join(dir, "process.json"), JSON.stringify(file), { mode: 0o600 });
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw AppError.wrap(error, context);
  }
  return { dir, file, context };
}
