import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { Bundle } from "../bundle.ts";
import { type ProcessFile, endPid } from "../process-dir.ts";
import type { BundleRef, CallOptions, CreateRequest, Runtime } from "../runtime.ts";
import { TtrpcTaskService } from "../shim/ttrpc-task-service.ts";
import type { WindowsShared } from "./shared.ts";
import { deleteShim } from "./shim-command.ts";
import { windowsConfig } from "./spec.ts";
import { WindowsTask } from "./task.ts";
import { listeningShims, shimId, shimPipe } from "./transport.ts";

/** Milliseconds for a killed container to be gone; a load has five seconds in all (manager.ts). */
const killTimeout = 2000;

/**
 * Windows containers, by hcsshim's containerd-shim-runhcs-v1: a runtime that makes tasks, ends them, and takes up none
 * that an earlier manager left. See WithoutRestore for what is made of those.
 */
export class WindowsRuntime implements Omit<Runtime, "load"> {
  readonly id: string;
  readonly #shared: WindowsShared;

  constructor(shared: WindowsShared) {
    this.id = shared.id;
    this.#shared = shared;
  }

  /** Bundle, shim and container; each is undone when a later one fails, also when the caller has gone. */
  async create(request: CreateRequest, options: CallOptions = {}): Promise<WindowsTask> {
    const { paths, privileges } = this.#shared;
    if (request.checkpoint) {
      throw new AppError("UNIMPLEMENTED", "Windows containers can't be started from a checkpoint");
    }
    if (request.shimGroup !== undefined) {
      throw new AppError("UNIMPLEMENTED", "Windows' shim holds no more than one container");
    }
    const config = windowsConfig(request);
    const bundle = await Bundle.make(paths, this.id, request, undefined, { config });
    const file: ProcessFile = {
      ...config.process,
      shimyard: { id: "init", createdAt: bundle.record.createdAt },
    };
    const task = new WindowsTask(this.#shared, bundle);
    try {
      const path = join(bundle.processDir("init"), "process.json");
      await writeFile(path, JSON.stringify(file), { mode: 0o600 });
      options.signal?.throwIfAborted();
      await task.make(file, `Container "${request.id}" could not be created`);
      options.signal?.throwIfAborted();
      return task;
    } catch (error) {
      task.dispose();
      await this.cleanUp(bundle.ref);
      await bundle.remove(privileges);
      throw AppError.from(error);
    }
  }

  /** By its shim where that answers, then by the shim's `delete`, which needs none. */
  async cleanUp(ref: BundleRef): Promise<void> {
    const { paths, transport } = this.#shared;
    const own = { namespace: ref.namespace, id: shimId(paths, ref) };
    const socket = transport.address(shimPipe(own));
    const service = await TtrpcTaskService.connect(own.id, { socket, version: 2 }).catch(
      () => undefined,
    );
    if (service) {
      const pid = await endThrough(service);
      // It told this number just now, on a connection that it still holds.
      if (pid !== undefined && !(await closes(service))) endPid(pid);
      service.close();
    }
    await deleteShim(this.#shared, ref);
  }

  leaked(): Promise<{ namespace: string; id: string }[]> {
    return listeningShims(this.#shared.transport, this.#shared.paths);
  }
}

/** Kills the container and tells the shim to end. Answers the shim's pid; undefined when it does not answer. */
async function endThrough(service: TtrpcTaskService): Promise<number | undefined> {
  try {
    const pid = await service.shimPid();
    // One that was never created, or has ended, is none to kill.
    await service.kill("", 9, true, "It could not be killed").catch(() => {});
    const late = new Promise((resolve) => setTimeout(resolve, killTimeout).unref());
    await Promise.race([service.wait("").catch(() => {}), late]);
    await service.delete("").catch(() => {});
    await service.shutdown().catch(() => {});
    return pid;
  } catch {
    return undefined;
  }
}

/** Whether the other side ends the connection within half a second. */
function closes(service: TtrpcTaskService): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 500);
    service.onClose(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
