import type { Disposable } from "#shared/base/disposable";
import { type ExecPlace, makeExecDir } from "../exec-dir.ts";
import type { HostShared } from "../host-shared.ts";
import type { ProcessFile } from "../process-dir.ts";
import type { CallOptions, ExecRequest } from "../runtime.ts";
import type { ServedProcess } from "./process.ts";
import type { TaskService } from "./task-service.ts";

/**
 * Runs another process in a container, with a directory and standard streams of its own. All is undone on failure.
 * Rejects ALREADY_EXISTS for a second of the same id, NOT_FOUND for an unknown command, in the runtime's words.
 * `make` makes the process that the directory is of; the caller disposes the lifeline.
 */
export async function startExec(
  shared: HostShared,
  bundle: ExecPlace,
  target: { service: TaskService; root: string; make(file: ProcessFile): ServedProcess },
  request: ExecRequest,
  options: CallOptions,
): Promise<{ process: ServedProcess; lifeline: Disposable }> {
  const { privileges, conmon, busybox } = shared;
  const { terminal } = request;
  const { id } = bundle.ref;
  options.signal?.throwIfAborted();
  const { file, context } = await makeExecDir(bundle, privileges, target.root, request);
  const { service } = target;
  const process = target.make(file);
  let lifeline: Disposable | undefined;
  try {
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
    // A start that fails leaves the shim with a process that never was: this removes it too.
    await process.discard();
    throw error;
  }
}
