import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupHost } from "#core/host/cgroup";
import { runCommand } from "#core/host/command";
import { isAlive } from "#core/host/proc";
import { type Bundle, readRecord } from "../bundle.ts";
import { HostRuntime, type Making } from "../host-runtime.ts";
import { mountArgs } from "../rootfs-mount.ts";
import { isolated } from "../oci/starter.ts";
import { ociError } from "../oci/oci-error.ts";
import { endPid, killShims, readNumber, readProcessFiles } from "../process-dir.ts";
import type { BundleRef, CreateRequest, CallOptions } from "../runtime.ts";
import { clearCgroup } from "../task-cgroup.ts";
import { eventsAddress } from "./events.ts";
import { findShims } from "./find-shims.ts";
import { groupName, inGroup, inTurn, isShared, shimUsers, unmountInShim } from "./group.ts";
import { connectNoted, removeStaleSocket } from "./link.ts";
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
    const shimGroup = (await readRecord(ref).catch(() => undefined))?.shimGroup;
    const turn = { namespace, shimGroup };
    const shared = await inTurn(this.shared, turn, () => this.#endShims(ref));
    await cli.delete(namespace, id, undefined, true).catch(() => {});
    if (init && init.pid > 0 && (await isAlive(init))) endPid(init.pid);
    await killShims(processes);
    await endHolders(processes);
    await clearCgroup(ref);
    await cli.discard(namespace, id);
    const name = shimGroup === undefined ? id : groupName(this.id, shimGroup);
    if (!shared) await removeStaleSocket(socketPath(address, namespace, name));
  }

  override create(request: CreateRequest, options: CallOptions = {}): Promise<ShimTask> {
    return super.create(inGroup(this.id, request), options);
  }

  protected newTask(bundle: Bundle): ShimTask {
    return new ShimTask(this.shared, bundle);
  }

  protected async prepare(bundle: Bundle, request: CreateRequest): Promise<void> {
    await Promise.all([
      this.shared.cli.prepare(request.namespace),
      // A plain file: a fifo without a reader would hold up every call.
      writeFile(join(bundle.path, "log"), ""),
      mkdir(this.restoreWork(bundle)),
    ]);
  }

  protected async make(task: ShimTask, making: Making, options: CallOptions): Promise<void> {
    const { request, bundle, file, context } = making;
    const { signal } = options;
    signal?.throwIfAborted();
    const start = (): Promise<StartAnswer> => this.#startShim(bundle, request, context);
    await inTurn(this.shared, request, () => task.make(request, file, start, context));
    signal?.throwIfAborted();
  }

  protected restoreWork(bundle: Bundle): string {
    return join(bundle.path, "work");
  }

  protected async held(): Promise<{ namespace: string; id: string }[]> {
    const { cli, paths } = this.shared;
    const users = await shimUsers(paths);
    const shims = await findShims(eventsAddress(paths));
    // One may outlive the bundle it was started in, for the others of its group.
    return [...(await cli.containers()), ...shims.filter(({ pid }) => !users.has(pid))];
  }

  /** Ends the shim of a bundle. One that holds other containers too goes on without this one: then the answer is true. */
  async #endShims(ref: BundleRef): Promise<boolean> {
    const { paths } = this.shared;
    const noted = await readNumber(join(ref.path, "processes", "init", "shim.pid"));
    let shared = false;
    for (const shim of await findShims(eventsAddress(paths))) {
      const { pid } = shim;
      const own = shim.namespace === ref.namespace && shim.id === ref.id;
      if (!own && pid !== noted) continue;
      if (await isShared(paths, pid, ref.path)) {
        shared = true;
        await leaveShim(ref);
        await unmountInShim(pid, join(ref.path, "rootfs"));
      } else endPid(pid);
    }
    return shared;
  }

  /**
   * Starts the shim in a mount namespace of its own, the root file system mounted in it already: the container's mounts
   * go with the shim, and none is ever on the host. Of a group's only the first starts one, so there the root file
   * systems are mounted later.
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
    const argv =
      request.shimGroup === undefined
        ? mountArgs(request.rootfs, bundle.rootfs, { busybox, rootless }, start)
        : start;
    const result = await runCommand(isolated(argv, { privileges, busybox, hide }), {
      // Its standard input stays empty: newer shims take anything there for another message than older ones.
      cwd: bundle.path,
      env: {
        ...cli.env(),
        ...{ TTRPC_ADDRESS: address, GRPC_ADDRESS: address, NAMESPACE: request.namespace },
        ...{ GOMAXPROCS: "2", MAX_SHIM_VERSION: "2" },
      },
      timeout: startTimeout,
    });
    if (result.code !== 0) throw ociError(context, result.stderr.toString("utf8"));
    return parseStartAnswer(result.stdout);
  }
}

/** Milliseconds for a container that is killed in a shim which others use. */
const leaveTimeout = 2000;

/** Takes a container out of a shim that goes on, as far as that answers. */
async function leaveShim(ref: BundleRef): Promise<void> {
  const service = await connectNoted(ref).catch(() => undefined);
  if (!service) return;
  try {
    await service.kill("", 9, true, "It could not be killed").catch(() => {});
    const late = new Promise((resolve) => setTimeout(resolve, leaveTimeout).unref());
    await Promise.race([service.wait(""), late]);
    await service.delete("");
  } catch {
    // It was never made, or is gone.
  } finally {
    service.close();
  }
}

/** Where the runc shim listens (containerd's runtime/v2/shim/util_unix.go): for a task that has no bundle any more. */
function socketPath(address: string, namespace: string, id: string): string {
  const hash = createHash("sha256")
    .update(join(address, namespace, id))
    .digest("hex");
  return join("/run/containerd/s", hash);
}
