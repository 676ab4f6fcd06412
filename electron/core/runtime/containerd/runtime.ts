import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "#core/host/proc";
import { AppError, isCode } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import { HostRuntime, type Making } from "../host-runtime.ts";
import { endPid, killShims, readProcessFiles } from "../process-dir.ts";
import type { BundleRef, CallOptions, CreateRequest } from "../runtime.ts";
import { endHolders } from "../shim/stdio.ts";
import { clearCgroup } from "../task-cgroup.ts";
import type { ContainerdClient } from "./client.ts";
import { Connection } from "./connection.ts";
import { requireDirectories } from "./rootfs.ts";
import {
  type ContainerdShared,
  containerdNamespace,
  ownNamespace,
  rootLabel,
  rootMark,
} from "./shared.ts";
import { ContainerdTask } from "./task.ts";

/** Milliseconds for a container that was killed to end. */
const endTimeout = 10_000;

/**
 * Containers of ours in a containerd that runs already. It keeps their records and shims; bundles, streams and logs are
 * ours. A caller of `create` that has gone does not cut a step off half-way, as with a shim of ours.
 */
export class ContainerdRuntime extends HostRuntime<ContainerdShared, ContainerdTask> {
  /** UNAVAILABLE while containerd is away: what it holds would stay. */
  async cleanUp(ref: BundleRef): Promise<void> {
    const processes = join(ref.path, "processes");
    const { process: init } = await readProcessFiles(join(processes, "init"));
    // Before containerd is asked: a creation that waits for these is over then.
    await killShims(processes);
    await endHolders(processes);
    await this.#withClient((client) => this.#remove(client, ref));
    if (init && init.pid > 0 && (await isAlive(init))) endPid(init.pid);
    await clearCgroup(ref);
  }

  protected newTask(bundle: Bundle): ContainerdTask {
    return new ContainerdTask(this.shared, bundle);
  }

  protected async prepare(bundle: Bundle, request: CreateRequest): Promise<void> {
    if (request.shimGroup !== undefined) {
      throw new AppError("UNIMPLEMENTED", "In containerd each container gets a shim of its own");
    }
    requireDirectories(request.rootfs);
    await mkdir(this.restoreWork(bundle));
  }

  protected async make(
    task: ContainerdTask,
    { request, bundle, file, context }: Making,
    { signal }: CallOptions,
  ): Promise<void> {
    const make = (): Promise<void> => task.make(request, file, this.restoreWork(bundle), context);
    signal?.throwIfAborted();
    await make().catch(async (error: unknown) => {
      if (!isCode(error, "ALREADY_EXISTS")) throw error;
      // Of one that was deleted by force while containerd was away; another root's stays, and so does the refusal.
      await this.#withClient((client) => this.#remove(client, bundle.ref));
      await make();
    });
    signal?.throwIfAborted();
  }

  protected restoreWork(bundle: Bundle): string {
    return join(bundle.path, "work");
  }

  /** Nothing while it is away. */
  protected async held(): Promise<{ namespace: string; id: string }[]> {
    try {
      return await this.#withClient(async (client) => {
        const found: { namespace: string; id: string }[] = [];
        for (const name of await client.namespaces()) {
          const namespace = ownNamespace(name);
          if (namespace === undefined) continue;
          for (const { id, labels } of await client.list(name)) {
            if (labels[rootLabel] === rootMark(this.shared)) found.push({ namespace, id });
          }
        }
        return found;
      });
    } catch (error) {
      if (isCode(error, "UNAVAILABLE")) return [];
      throw error;
    }
  }

  /** Only what is of this root: another's container of the same name is left alone. */
  async #remove(client: ContainerdClient, ref: BundleRef): Promise<void> {
    const { id } = ref;
    const namespace = containerdNamespace(ref.namespace);
    const found = await client.get(namespace, id);
    if (found?.labels[rootLabel] !== rootMark(this.shared)) return;
    const task = client.task(namespace, id);
    const context = `Container "${id}" could not be removed from containerd`;
    await task.kill("", 9, true, context).catch(ignoreNotFound);
    await task.resume(context).catch(() => undefined);
    await task.wait("", endTimeout).catch(ignoreNotFound);
    await client.delete(namespace, id).catch(ignoreNotFound);
  }

  async #withClient<T>(work: (client: ContainerdClient) => Promise<T>): Promise<T> {
    const nothing = (): void => undefined;
    const share = Connection.join(this.shared.address, {
      ...{ namespace: "", id: "", up: nothing, down: nothing, hear: nothing },
    });
    try {
      return await work(await share.connection.ready());
    } finally {
      share.dispose();
    }
  }
}

function ignoreNotFound(error: unknown): void {
  if (!isCode(error, "NOT_FOUND")) throw error;
}
