import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import type { CallOptions, ExecRequest } from "../runtime.ts";
import { execArgs, spawnShim } from "./conmon.ts";
import { execProcess } from "./exec-process.ts";
import {
  type ProcessFile,
  type ProcessFiles,
  endPid,
  killShim,
  readNumber,
  recordNew,
} from "./process-dir.ts";
import type { OciShared } from "./runtime.ts";

export interface StartedExec {
  file: ProcessFile;
  files: ProcessFiles;
  lifeline: Socket;
}

/**
 * Runs another process in a container, with a conmon and a directory of its own. Both are undone on failure. Rejects
 * ALREADY_EXISTS for a second of the same id, NOT_FOUND for an unknown command, in the runtime's words.
 */
export async function startExec(
  shared: OciShared,
  bundle: Bundle,
  target: { entry: number | undefined; pid: number | undefined },
  request: ExecRequest,
  options: CallOptions,
): Promise<StartedExec> {
  const { cli, conmon, binary, privileges } = shared;
  const { namespace, id } = bundle.ref;
  const context = `The command could not be run in container "${id}"`;
  const { size, terminal } = request;
  const file: ProcessFile = {
    ...(await execProcess(await bundle.spec(), request, target.pid, privileges)),
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
  const runtimeLog = join(dir, "runtime.log");
  try {
    await writeFile(join(dir, "process.json"), JSON.stringify(file), { mode: 0o600 });
    const args = execArgs(conmon, {
      id,
      dir,
      logPath: join(dir, "log"),
      terminal,
      stdin: true,
      runtimePath: binary.path,
      runtimeArgs: cli.globals(namespace, runtimeLog),
    });
    const { pid, lifeline } = await spawnShim({
      argv: privileges.enter(target.entry, args),
      cwd: dir,
      env: cli.env(),
      signal: options.signal,
      context,
      runtimeLog,
    });
    return { file, files: await recordNew(dir, pid), lifeline };
  } catch (error) {
    await killShim(dir);
    const pid = await readNumber(join(dir, "pid"));
    if (pid !== undefined) endPid(pid);
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}
