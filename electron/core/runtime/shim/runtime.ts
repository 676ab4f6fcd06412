import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupHost } from "#core/host/cgroup";
import { runCommand } from "#core/host/command";
import { isAlive } from "#core/host/proc";
import type { Bundle } from "../bundle.ts";
import { HostRuntime, type Making } from "../host-runtime.ts";
import { mountArgs } from "../rootfs-mount.ts";
import { isolated } from "../oci/starter.ts";
import { ociError } from "../oci/oci-error.ts";
import { endPid, killShims, readProcessFiles } from "../process-dir.ts";
import type { BundleRef, CreateRequest, CallOptions } from "../runtime.ts";
import { clearCgroup } from "../task-cgroup.ts";
import { eventsAddress } from "./events.ts";
import { findShims } from "./find-shims.ts";
import type { ShimShared } from "./shared.ts";
import { type StartAnswer, parseStartAnswer } from "./start-answer.ts";
import { endHolders } from "./stdio.ts";
import { ShimTask } from "./task.ts";

/** Milliseconds for a shim to come up: it takes 15 as a rule. */
const startTimeout = 20_000;

/**
 * Any containerd v2 shim, spoken to over ttrpc: after containerd's runtime/v2/manager.go. A caller of `create` that has
 * gone does not cut a step off half-way: what is under way comes to its end (tens of milliseconds), then all is undone.
 */
export class ShimRuntime extends HostRuntime<ShimShared, ShimTask> {
  /** What `containerd-shim delete` does, and more: that one stops no live shim and leaves its socket. */
  async cleanUp(ref: BundleRef): Promise<void> {
    const { cli, paths } = this.shared;
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

  protected newTask(bundle: Bundle): ShimTask {
    return new ShimTask(this.shared, bundle);
  }

  protected async prepare(bundle: Bundle): Promise<void> {
    await Promise.all([
      // A plain file: a fifo without a reader would hold up every call.
      writeFile(join(bundle.path, "log"), ""),
      mkdir(this.restoreWork(bundle)),
    ]);
  }

  protected async make(task: ShimTask, making: Making, options: CallOptions): Promise<void> {
    const { request, bundle, file, context } = making;
    const { signal } = options;
    signal?.throwIfAborted();
    await task.make(request, file, () => this.#startShim(bundle, request, context), context);
    signal?.throwIfAborted();
  }

  protected restoreWork(bundle: Bundle): string {
    return join(bundle.path, "work");
  }

  protected async held(): Promise<{ namespace: string; id: string }[]> {
    const { cli, paths } = this.shared;
    return [...(await cli.containers()), ...(await findShims(eventsAddress(paths)))];
  }

  /**
   * Starts the shim in a mount namespace of its own, the root file system mounted in it already: the container's mounts
   * go with the shim, and none is ever on the host.
   */
  async #startShim(bundle: Bundle, request: CreateRequest, context: string): Promise<StartAnswer> {
    const { cli, shim, binary, busybox, privileges, paths } = this.shared;
    const address = eventsAddress(paths);
    const hide = binary.hidesUnifiedCgroup ? (await cgroupHost()).mounts.unified : undefined;
    const { rootless } = privileges;
    const start = [
      ...[shim.path, "-namespace", request.namespace, "-address", address],
      // Asked for by shims that would publish events by running it; ours are sent to TTRPC_ADDRESS.
      ...["-publish-binary", "/bin/true", "-id", request.id, "start"],
    ];
    const result = await runCommand(
      isolated(mountArgs(request.rootfs, bundle.rootfs, { busybox, rootless }, start), {
        ...{ privileges, busybox, hide },
      }),
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
