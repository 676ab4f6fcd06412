import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cgroupHost } from "#core/host/cgroup";
import { bundleDir } from "#core/host/paths";
import { type ProcessIdentity, isAlive } from "#core/host/proc";
import { AppError } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import { rootfsDir } from "../bundle-files.ts";
import { BundlePlace } from "../bundle-place.ts";
import { HostRuntime, type Making } from "../host-runtime.ts";
import { endPid, killShims, readProcessFiles } from "../process-dir.ts";
import { mountArgs, mountCommand, unmountCommand } from "../rootfs-mount.ts";
import type {
  BundleRef,
  CallOptions,
  CheckpointImage,
  CreateRequest,
  ExpectedContainer,
  ExpectedTask,
  RootfsMount,
} from "../runtime.ts";
import { clearCgroup } from "../task-cgroup.ts";
import { createArgs, spawnShim } from "./conmon.ts";
import { fileStamp, OciExpectedTask } from "./expected-task.ts";
import { sandboxCreate } from "./runsc.ts";
import { withRawFilter } from "./raw-filter.ts";
import { hostPaths } from "./host-paths.ts";
import type { OciShared } from "./shared.ts";
import { OciTask } from "./task.ts";
import type { Isolation } from "./starter.ts";
import { WaitingShim } from "./waiting-shim.ts";

/** conmon as the shim, an OCI runtime as the executor. */
export class OciRuntime extends HostRuntime<OciShared, OciTask> {
  readonly #expected = new Map<string, OciExpectedTask>();

  override create(request: CreateRequest, options: CallOptions = {}): Promise<OciTask> {
    const { spec } = request;
    const taken = this.shared.binary.name === "crun" ? withRawFilter(spec) : spec;
    return super.create({ ...request, spec: taken }, options);
  }

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
    if (request.shimGroup !== undefined) {
      throw new AppError("UNIMPLEMENTED", "conmon holds no more than one container");
    }
    await this.shared.cli.prepare(request.namespace);
    if (request.checkpoint) await mkdir(this.restoreWork(bundle));
  }

  async expect(expected: ExpectedContainer): Promise<ExpectedTask | undefined> {
    const { busybox, paths, cli, binary } = this.shared;
    if (busybox === undefined) return undefined;
    const { namespace, id } = expected;
    const path = bundleDir(paths, namespace, id);
    const isolation = await this.#isolation();
    const program = fileStamp(binary.path);
    await cli.prepare(namespace);
    // A sandbox reads its spec more than once.
    const place = binary.sandbox ? undefined : await BundlePlace.make(path);
    const argv = this.#createArgs(path, expected);
    const shim = new WaitingShim(
      argv,
      { ...isolation, busybox },
      { path: cli.path, fifo: place?.fifo },
    );
    const task = new OciExpectedTask(shim, place, {
      argv,
      isolation: () => this.#isolation(),
      mountCommand: (rootfs) => this.#mountCommand(rootfs, busybox, path),
      current: () => fileStamp(binary.path) === program,
      unmountCommand: unmountCommand(rootfsDir(path), busybox),
      end: async () => void (await killShims(join(path, "processes"))),
    });
    const name = key(expected);
    this.#expected.set(name, task);
    return {
      fits: () => task.fits(),
      begin: (rootfs) => task.begin(rootfs),
      drop: () => task.drop().finally(() => this.#expected.delete(name)),
    };
  }

  protected override async place(request: CreateRequest): Promise<BundlePlace | undefined> {
    const { namespace, id, rootfs } = request;
    const bundle = bundleDir(this.shared.paths, namespace, id);
    const argv = this.#createArgs(bundle, request);
    const uses = this.#uses(bundle, request);
    return this.#expected.get(key(request))?.placeFor({ argv, rootfs, uses });
  }

  protected async make(task: OciTask, making: Making, options: CallOptions): Promise<void> {
    const { cli, busybox, privileges } = this.shared;
    const { request, bundle, file, written, context } = making;
    const args = this.#createArgs(bundle.path, request);
    const { rootfs } = request;
    const uses = this.#uses(bundle.path, request);
    const { rootless } = privileges;
    const isolation = await this.#isolation();
    const expected = this.#expected.get(key(request));
    this.#expected.delete(key(request));
    const shim = await spawnShim({
      argv: mountArgs(rootfs, bundle.rootfs, { busybox, rootless }, args),
      isolation: { ...isolation, uses },
      started: await expected?.take({ argv: args, rootfs, uses }),
      cwd: bundle.processDir("init"),
      path: cli.path,
      signal: options.signal,
      context,
      runtimeLog: runtimeLog(bundle.path),
    });
    // Who reads that an init was started, reads what it is.
    await written;
    await task.adopt(file, shim);
  }

  #mountCommand(rootfs: RootfsMount, busybox: string, bundle: string): string[] {
    const { rootless } = this.shared.privileges;
    return mountCommand(rootfs, rootfsDir(bundle), { busybox, rootless });
  }

  /** conmon's argv for init. */
  #createArgs(
    bundle: string,
    request: ExpectedContainer & { checkpoint?: CheckpointImage },
  ): string[] {
    const { cli, conmon, busybox } = this.shared;
    const { namespace, id, logPath, terminal, stdin, checkpoint } = request;
    const bare = { path: cli.executable, args: cli.globals(namespace, runtimeLog(bundle)) };
    const runtime = cli.binary.sandbox ? sandboxCreate(busybox, bare) : bare;
    return createArgs(conmon, {
      id: cli.name(namespace, id),
      dir: join(bundle, "processes", "init"),
      ...{ logPath, terminal, stdin, busybox, bundle },
      ...{ runtimePath: runtime.path, runtimeArgs: runtime.args },
      restore: checkpoint && { ...checkpoint, work: join(bundle, "restore") },
    });
  }

  #uses(bundle: string, request: CreateRequest): string[] | undefined {
    return hostPaths(request, [bundle, this.shared.cli.root(request.namespace)]);
  }

  async #isolation(): Promise<Isolation> {
    const { privileges, busybox, binary, namespaces } = this.shared;
    const hide = binary.hidesUnifiedCgroup ? (await cgroupHost()).mounts.unified : undefined;
    return { privileges, busybox, hide, within: await namespaces?.hold() };
  }

  protected restoreWork(bundle: Bundle): string {
    return join(bundle.path, "restore");
  }

  protected held(): Promise<{ namespace: string; id: string }[]> {
    return this.shared.cli.containers();
  }
}

const key = ({ namespace, id }: ExpectedContainer): string => `${namespace}/${id}`;

const runtimeLog = (bundle: string): string => join(bundle, "runtime.log");

async function firstAlive(
  candidates: (ProcessIdentity | undefined)[],
): Promise<number | undefined> {
  for (const candidate of candidates) {
    if (candidate && (await isAlive(candidate))) return candidate.pid;
  }
  return undefined;
}
