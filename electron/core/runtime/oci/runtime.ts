import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cgroupHost } from "#core/host/cgroup";
import { type ProcessIdentity, isAlive } from "#core/host/proc";
import type { Bundle } from "../bundle.ts";
import { HostRuntime, type Making } from "../host-runtime.ts";
import { endPid, killShims, readProcessFiles } from "../process-dir.ts";
import type { BundleRef, CallOptions, CreateRequest } from "../runtime.ts";
import { clearCgroup } from "../task-cgroup.ts";
import { createArgs, mountArgs, spawnShim } from "./conmon.ts";
import type { OciShared } from "./shared.ts";
import { OciTask } from "./task.ts";

/** conmon as the shim, an OCI runtime as the executor. */
export class OciRuntime extends HostRuntime<OciShared, OciTask> {
  async cleanUp(ref: BundleRef): Promise<void> {
    const { cli } = this.shared;
    const processes = join(ref.path, "processes");
    const { process: init, shim } = await readProcessFiles(join(processes, "init"));
    const entry = await firstAlive([shim, init]);
    const remove = (pid: number | undefined): Promise<void> =>
      cli.delete(ref.namespace, ref.id, pid, true).catch(() => {});
    // Before the shim goes: rootless it may be the only way in.
    await remove(entry);
    if (init && (await isAlive(init))) endPid(init.pid);
    // A shim that was still at it may have made the container since.
    if (await killShims(processes)) await remove(undefined);
    await clearCgroup(ref);
    await cli.discard(ref.namespace, ref.id);
  }

  protected newTask(bundle: Bundle): OciTask {
    return new OciTask(this.shared, bundle);
  }

  protected async prepare(bundle: Bundle, request: CreateRequest): Promise<void> {
    if (request.checkpoint) await mkdir(this.restoreWork(bundle));
  }

  protected async make(task: OciTask, making: Making, options: CallOptions): Promise<void> {
    const { cli, conmon, binary, busybox, privileges } = this.shared;
    const { request, bundle, file, context } = making;
    const { namespace, id, checkpoint } = request;
    const dir = bundle.processDir("init");
    const runtimeLog = join(bundle.path, "runtime.log");
    const args = createArgs(conmon, {
      id: cli.name(namespace, id),
      dir,
      logPath: request.logPath,
      terminal: request.terminal,
      stdin: request.stdin,
      busybox,
      runtimePath: cli.executable,
      runtimeArgs: cli.globals(namespace, runtimeLog),
      bundle: bundle.path,
      restore: checkpoint && { ...checkpoint, work: this.restoreWork(bundle) },
    });
    const hide = binary.hidesUnifiedCgroup ? (await cgroupHost()).mounts.unified : undefined;
    const { rootless } = privileges;
    const shim = await spawnShim({
      argv: mountArgs(request.rootfs, bundle.rootfs, { busybox, rootless }, args),
      isolation: { privileges, busybox, hide },
      cwd: dir,
      path: cli.path,
      signal: options.signal,
      context,
      runtimeLog,
    });
    await task.adopt(file, shim);
  }

  protected restoreWork(bundle: Bundle): string {
    return join(bundle.path, "restore");
  }

  protected held(): Promise<{ namespace: string; id: string }[]> {
    return this.shared.cli.containers();
  }
}

async function firstAlive(
  candidates: (ProcessIdentity | undefined)[],
): Promise<number | undefined> {
  for (const candidate of candidates) {
    if (candidate && (await isAlive(candidate))) return candidate.pid;
  }
  return undefined;
}
