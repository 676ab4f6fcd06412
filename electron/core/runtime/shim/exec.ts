import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Disposable } from "#shared/base/disposable";
import { AppError } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import { execProcess } from "../oci/exec-process.ts";
import type { ProcessFile } from "../oci/process-dir.ts";
import type { CallOptions, ExecRequest } from "../runtime.ts";
import type { ShimProcess } from "./process.ts";
import type { ShimShared } from "./runtime.ts";
import type { TaskService } from "./task-service.ts";

/**
 * Runs another process in a container, with a directory and standard streams of its own. All is undone on failure.
 * Rejects ALREADY_EXISTS for a second of the same id, NOT_FOUND for an unknown command, in the runtime's words.
 * `make` makes the process that the directory is of; the caller disposes the lifeline.
 */
export async function startExec(
  shared: ShimShared,
  bundle: Bundle,
  target: { service: TaskService; pid: number | undefined; make(file: ProcessFile): ShimProcess },
  request: ExecRequest,
  options: CallOptions,
): Promise<{ process: ShimProcess; lifeline: Disposable }> {
  const { privileges, conmon, busybox } = shared;
  const { size, terminal } = request;
  const { id } = bundle.ref;
  const context = `The command could not be run in container "${id}"`;
  const file: ProcessFile = {
    ...(await execProcess(await bundle.spec(), request, target.pid, privileges)),
    terminal,
    ...(size && { consoleSize: { height: size.rows, width: size.cols } }),
    shimyard: { id: request.id, user: request.user, createdAt: Date.now() },
  };
  const dir = bundle.processDir(request.id);
  options.signal?.throwIfAborted();
  try {
    await mkdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw AppError.wrap(error, context);
    throw new AppError("ALREADY_EXISTS", `Container "${id}" has a process "${request.id}"`);
  }
  const { service } = target;
  const process = target.make(file);
  let lifeline: Disposable | undefined;
  try {
    await writeFile(join(dir, "process.json"), JSON.stringify(file), { mode: 0o600 });
    const stdio = await process.stdio.open({
      ...{ conmon, busybox, id, terminal, context },
      ...{ stdin: true, logPath: process.logPath },
    });
    lifeline = stdio.lifeline;
    const { shimyard: _own, ...spec } = file;
    await service.exec(request.id, { terminal, spec, stdio: stdio.paths }, context);
    await process.began(await service.start(request.id, context));
    return { process, lifeline };
  } catch (error) {
    lifeline?.dispose();
    // A start that fails leaves the shim with a process that never was.
    await service.delete(request.id).catch(() => {});
    await process.discard();
    throw error;
  }
}
