import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Bundle } from "../bundle.ts";
import { makeExecDir } from "../exec-dir.ts";
import {
  type ProcessFile,
  type ProcessFiles,
  endPid,
  killShim,
  readNumber,
  recordNew,
} from "../process-dir.ts";
import type { CallOptions, ExecRequest } from "../runtime.ts";
import { execArgs, spawnShim } from "./conmon.ts";
import { sandboxExec } from "./runsc.ts";
import type { OciShared } from "./shared.ts";

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
  target: { entry: number | undefined; root: string },
  request: ExecRequest,
  options: CallOptions,
): Promise<StartedExec> {
  const { cli, conmon, busybox, privileges } = shared;
  const { namespace, id } = bundle.ref;
  const { dir, file, context } = await makeExecDir(bundle, privileges, target.root, request);
  const runtimeLog = join(dir, "runtime.log");
  const { executable } = cli;
  const bare = { path: executable, args: cli.globals(namespace, runtimeLog) };
  const runtime = cli.binary.sandbox ? sandboxExec(busybox, dir, bare) : bare;
  try {
    const args = execArgs(conmon, {
      id: cli.name(namespace, id),
      dir,
      logPath: join(dir, "log"),
      terminal: request.terminal,
      stdin: true,
      busybox,
      runtimePath: runtime.path,
      runtimeArgs: runtime.args,
    });
    const { pid, lifeline } = await spawnShim({
      argv: privileges.enter(target.entry, args),
      cwd: dir,
      path: cli.path,
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
