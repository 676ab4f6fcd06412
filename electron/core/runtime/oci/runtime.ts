import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupHost } from "#core/host/cgroup";
import { type Paths, bundleDir } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import { type ProcessWatch, isAlive } from "#core/host/proc";
import { AppError } from "#shared/errors";
import { Bundle } from "../bundle.ts";
import type { BundleRef, CallOptions, CreateRequest, Runtime } from "../runtime.ts";
import { cgroupsPath, clearCgroup } from "../task-cgroup.ts";
import { criuError } from "./checkpoint.ts";
import { type Conmon, createArgs, mountArgs, spawnShim } from "./conmon.ts";
import type { OciBinary, OciCli } from "./oci-cli.ts";
import { type ProcessFile, endPid, exists, killShims, readProcessFiles } from "./process-dir.ts";
import { OciTask } from "./task.ts";

/** What the tasks of one OCI runtime share. */
export interface OciShared {
  /** `oci/runc` */
  id: string;
  paths: Paths;
  conmon: Conmon;
  binary: OciBinary;
  cli: OciCli;
  /** Absolute path, where there is one. */
  busybox: string | undefined;
  privileges: Privileges;
  processWatch: ProcessWatch;
}

/** conmon as the shim, an OCI runtime as the executor. */
export class OciRuntime implements Runtime {
  readonly id: string;
  readonly #shared: OciShared;

  constructor(shared: OciShared) {
    this.id = shared.id;
    this.#shared = shared;
  }

  /** Bundle, shim and container; each is undone when a later one fails, also when the caller has gone. */
  async create(request: CreateRequest, options: CallOptions = {}): Promise<OciTask> {
    const shared = this.#shared;
    const { cli, conmon, binary, busybox, privileges } = shared;
    const { namespace, id } = request;
    const cgroup = cgroupsPath(shared.paths, privileges, request);
    const bundle = await Bundle.make(shared.paths, this.id, request, cgroup);
    const restore = request.checkpoint;
    const context = `Container "${id}" could not be ${restore ? "restored" : "created"}`;
    const dir = bundle.processDir("init");
    const runtimeLog = join(bundle.path, "runtime.log");
    const work = join(bundle.path, "restore");
    const file: ProcessFile = {
      ...(await bundle.spec()).process,
      shimyard: { id: "init", createdAt: bundle.record.createdAt },
    };
    try {
      await Promise.all([
        cli.prepare(namespace),
        writeFile(join(dir, "process.json"), JSON.stringify(file), { mode: 0o600 }),
        restore && mkdir(work),
      ]);
      const args = createArgs(conmon, {
        id,
        dir,
        logPath: request.logPath,
        terminal: request.terminal,
        stdin: request.stdin,
        runtimePath: binary.path,
        runtimeArgs: cli.globals(namespace, runtimeLog),
        bundle: bundle.path,
        restore: restore && { ...restore, work },
      });
      const hideUnified = binary.hidesUnifiedCgroup
        ? (await cgroupHost()).mounts.unified
        : undefined;
      const { rootless } = privileges;
      const shim = await spawnShim({
        argv: mountArgs(request.rootfs, bundle.rootfs, { hideUnified, busybox, rootless }, args),
        isolation: { privileges, busybox },
        cwd: dir,
        env: cli.env(),
        signal: options.signal,
        context,
        runtimeLog,
      });
      const task = new OciTask(shared, bundle);
      await task.adopt(file, shim);
      return task;
    } catch (error) {
      const failure = restore
        ? await criuError(error, context, join(work, "restore.log"))
        : AppError.from(error);
      await this.cleanUp(bundle.ref);
      await bundle.remove(privileges);
      throw failure;
    }
  }

  async load(ref: BundleRef): Promise<OciTask> {
    const task = new OciTask(this.#shared, await Bundle.open(ref));
    try {
      await task.load();
    } catch (error) {
      task.dispose();
      throw AppError.wrap(error, `The state of container "${ref.id}" can't be used`);
    }
    return task;
  }

  async cleanUp(ref: BundleRef): Promise<void> {
    const { cli } = this.#shared;
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

  async leaked(): Promise<{ namespace: string; id: string }[]> {
    const { cli, paths } = this.#shared;
    const held = await cli.containers();
    const lost = await Promise.all(
      held.map(async ({ namespace, id }) => !(await exists(bundleDir(paths, namespace, id)))),
    );
    return held.filter((_, index) => lost[index]);
  }
}

async function firstAlive(
  candidates: ({ pid: number; startTime: number } | undefined)[],
): Promise<number | undefined> {
  for (const candidate of candidates) {
    if (candidate && (await isAlive(candidate))) return candidate.pid;
  }
  return undefined;
}
