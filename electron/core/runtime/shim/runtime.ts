import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupHost } from "#core/host/cgroup";
import { runCommand } from "#core/host/command";
import { bundleDir } from "#core/host/paths";
import { isAlive } from "#core/host/proc";
import { AppError } from "#shared/errors";
import { Bundle } from "../bundle.ts";
import { criuError } from "../oci/checkpoint.ts";
import { mountArgs } from "../oci/conmon.ts";
import { ociError } from "../oci/oci-error.ts";
import {
  type ProcessFile,
  endPid,
  exists,
  killShims,
  readProcessFiles,
} from "../oci/process-dir.ts";
import type { OciShared } from "../oci/runtime.ts";
import type { BundleRef, CallOptions, CreateRequest, Runtime } from "../runtime.ts";
import { cgroupsPath, clearCgroup } from "../task-cgroup.ts";
import { eventsAddress } from "./events.ts";
import { findShims } from "./find-shims.ts";
import { type StartAnswer, parseStartAnswer } from "./start-answer.ts";
import { endHolders } from "./stdio.ts";
import { ShimTask } from "./task.ts";

/** A containerd shim of this host. */
export interface ShimBinary {
  /** `containerd-shim-runc-v2` */
  name: string;
  path: string;
  version: string;
}

/** What the tasks of one containerd shim with one OCI runtime share. `binary.name` names its state directory. */
export interface ShimShared extends OciShared {
  shim: ShimBinary;
}

/** Milliseconds for a shim to come up: it takes 15 as a rule. */
const startTimeout = 20_000;

/** Any containerd v2 shim, spoken to over ttrpc: after containerd's runtime/v2/manager.go. */
export class ShimRuntime implements Runtime {
  readonly id: string;
  readonly #shared: ShimShared;

  constructor(shared: ShimShared) {
    this.id = shared.id;
    this.#shared = shared;
  }

  /**
   * Bundle, shim and container; each is undone when a later one fails. A caller that has gone does not cut a step
   * off half-way: what is under way comes to its end (tens of milliseconds), then everything is undone.
   */
  async create(request: CreateRequest, options: CallOptions = {}): Promise<ShimTask> {
    const { paths, cli, privileges } = this.#shared;
    const { signal } = options;
    const cgroup = cgroupsPath(paths, privileges, request);
    const bundle = await Bundle.make(paths, this.id, request, cgroup);
    const { id } = request;
    const context = `Container "${id}" could not be ${request.checkpoint ? "restored" : "created"}`;
    const file: ProcessFile = {
      ...(await bundle.spec()).process,
      shimyard: { id: "init", createdAt: bundle.record.createdAt },
    };
    const task = new ShimTask(this.#shared, bundle);
    try {
      await Promise.all([
        cli.prepare(request.namespace),
        writeFile(join(bundle.processDir("init"), "process.json"), JSON.stringify(file), {
          mode: 0o600,
        }),
        // A plain file: a fifo without a reader would hold up every call.
        writeFile(join(bundle.path, "log"), ""),
        mkdir(join(bundle.path, "work")),
      ]);
      signal?.throwIfAborted();
      await task.make(request, file, () => this.#startShim(bundle, request, context), context);
      signal?.throwIfAborted();
      return task;
    } catch (error) {
      const failure = request.checkpoint
        ? await criuError(error, context, join(bundle.path, "work", "restore.log"))
        : AppError.from(error);
      task.dispose();
      await this.cleanUp(bundle.ref);
      await bundle.remove(privileges);
      throw failure;
    }
  }

  async load(ref: BundleRef): Promise<ShimTask> {
    const task = new ShimTask(this.#shared, await Bundle.open(ref));
    try {
      await task.load();
    } catch (error) {
      task.dispose();
      throw AppError.wrap(error, `The state of container "${ref.id}" can't be used`);
    }
    return task;
  }

  /** What `containerd-shim delete` does, and more: that one stops no live shim and leaves its socket. */
  async cleanUp(ref: BundleRef): Promise<void> {
    const { cli, paths } = this.#shared;
    const { namespace, id } = ref;
    const address = eventsAddress(paths);
    const processes = join(ref.path, "processes");
    const { process: init } = await readProcessFiles(join(processes, "init"));
    for (const shim of await findShims(address)) {
      if (shim.namespace === namespace && shim.id === id) endPid(shim.pid);
    }
    await cli.delete(namespace, id, undefined, true).catch(() => {});
    if (init && init.pid > 0 && (await isAlive(init))) endPid(init.pid);
    await killShims(processes);
    await endHolders(processes);
    await clearCgroup(ref);
    await cli.discard(namespace, id);
    await rm(socketPath(address, namespace, id), { force: true });
  }

  async leaked(): Promise<{ namespace: string; id: string }[]> {
    const { cli, paths } = this.#shared;
    const held = [...(await cli.containers()), ...(await findShims(eventsAddress(paths)))];
    const lost = await Promise.all(
      held.map(async ({ namespace, id }) => !(await exists(bundleDir(paths, namespace, id)))),
    );
    return held.filter((_, index) => lost[index]);
  }

  /**
   * Starts the shim in a mount namespace of its own, the root file system mounted in it already: the container's mounts
   * go with the shim, and none is ever on the host.
   */
  async #startShim(bundle: Bundle, request: CreateRequest, context: string): Promise<StartAnswer> {
    const { cli, shim, binary, busybox, privileges, paths } = this.#shared;
    const address = eventsAddress(paths);
    const hideUnified = binary.hidesUnifiedCgroup ? (await cgroupHost()).mounts.unified : undefined;
    const { rootless } = privileges;
    const start = [
      ...[shim.path, "-namespace", request.namespace, "-address", address],
      // Asked for by shims that would publish events by running it; ours are sent to TTRPC_ADDRESS.
      ...["-publish-binary", "/bin/true", "-id", request.id, "start"],
    ];
    const mount = { hideUnified, busybox, rootless };
    const result = await runCommand(
      privileges.isolate(mountArgs(request.rootfs, bundle.rootfs, mount, start)),
      {
        // Its standard input stays empty: newer shims take anything there for another message than older ones.
        cwd: bundle.path,
        env: {
          ...cli.env(),
          ...{ TTRPC_ADDRESS: address, GRPC_ADDRESS: address, NAMESPACE: request.namespace },
          ...{ GOMAXPROCS: "2", MAX_SHIM_VERSION: "2" },
        },
        timeout: startTimeout,
      },
    );
    if (result.code !== 0) throw ociError(context, result.stderr.toString("utf8"));
    return parseStartAnswer(result.stdout);
  }
}

/** Where the runc shim listens (containerd's runtime/v2/shim/util_unix.go): for a task that has no bundle any more. */
function socketPath(address: string, namespace: string, id: string): string {
  const hash = createHash("sha256")
    .update(join(address, namespace, id))
    .digest("hex");
  return join("/run/containerd/s", hash);
}
