import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Disposable } from "#shared/base/disposable";
import type { ProcessMemory, Shim, ShimProcess } from "#shared/contract/shims";
import { AppError } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";
import { readTail } from "../base/read-tail.ts";
import { isAlive } from "../host/proc.ts";
import { readMemory } from "../host/process-memory.ts";
import { readProcessFiles, signalPid } from "../runtime/process-dir.ts";
import type { Process, Task, Tasks } from "../runtime/runtime.ts";

/** Milliseconds between two looks at the memory of shims while somebody watches. */
const memoryInterval = 2000;

/** Bytes of a shim's log that are shown: its end. */
const logTail = 64 * 1024;

const sigkill = 9;

export interface ShimServiceOptions {
  tasks: Tasks;
  /** When the tasks are known. */
  ready: Promise<void>;
}

/** The shims as they are: what lives because of a container, beside the container. */
export class ShimService implements Disposable {
  readonly #tasks: Tasks;
  readonly #shims = new Map<string, Shim>();
  /** Looks under way, and whether another is wanted after. */
  readonly #looks = new Map<string, { again: boolean }>();
  readonly #watch: ListWatch<Shim>;
  readonly #subscription: Disposable;

  constructor({ tasks, ready }: ShimServiceOptions) {
    this.#tasks = tasks;
    const looked = ready.then(() => this.#lookAtAll());
    // Told to whoever watches.
    looked.catch(() => {});
    this.#watch = new ListWatch({
      list: () => [...this.#shims.values()],
      get: (id) => this.#shims.get(id),
      ready: looked,
    });
    this.#subscription = tasks.onEvent(
      ({ namespace, id }) => void this.#look(`${namespace}/${id}`),
    );
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Shim>["watch"]> {
    return this.#watch.watch(signal);
  }

  /** By pid, now and every two seconds. A process that has ended meanwhile is left out. */
  async *watchMemory(signal: AbortSignal): AsyncGenerator<Record<string, ProcessMemory>> {
    while (!signal.aborted) {
      const found: Record<string, ProcessMemory> = {};
      for (const { processes } of this.#shims.values()) {
        for (const { pid } of processes) {
          const memory = await readMemory(pid);
          if (memory) found[pid] = memory;
        }
      }
      yield found;
      await delay(memoryInterval, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The end of what it, or the runtime under it, wrote about itself. NOT_FOUND when it wrote nothing. */
  async log(id: string): Promise<{ path: string; text: string; truncated: boolean }> {
    const shim = this.#require(id);
    const others = (shim.sharedWith ?? []).flatMap((other) => this.#shims.get(other) ?? []);
    // A shim that several share writes into the bundle it was started in.
    for (const { bundle } of [shim, ...others]) {
      // A containerd shim's own, and that of the OCI runtime under conmon.
      for (const name of ["log", "runtime.log"]) {
        const path = join(bundle, name);
        const tail = await readTail(path, logTail);
        if (tail) return { path, ...tail };
      }
    }
    throw new AppError("NOT_FOUND", "It has written no log", { subject: shim.bundle });
  }

  /** Looks again at a task or a broken bundle, and connects again where nobody answered. */
  async reconnect(id: string): Promise<void> {
    const task = this.#task(id);
    if (task) await task.refresh();
    else await this.#tasks.reload(...split(id));
    await this.#look(id);
  }

  /**
   * Kills the shim of a container, which goes on without; so do those that share it. FAILED_PRECONDITION when it is gone already. SIGKILL:
   * conmon would hand SIGTERM on to the container.
   */
  async terminate(id: string): Promise<void> {
    const task = this.#task(id);
    if (!task) throw new AppError("NOT_FOUND", "There is no such shim", { subject: id });
    const { shim } = await readProcessFiles(join(task.bundle, "processes", "init"));
    if (!shim || !(await isAlive(shim))) {
      throw new AppError("FAILED_PRECONDITION", "The shim is gone already", {
        subject: `container "${task.id}"`,
        hint: "Its container runs without it: stop or delete the container.",
      });
    }
    signalPid(shim.pid, sigkill);
  }

  /** Removes a broken bundle, and ends what still runs of it. NOT_FOUND for any other. */
  async discard(id: string): Promise<void> {
    const { namespace, containerId } = this.#require(id);
    await this.#tasks.discard(namespace, containerId);
    await this.#look(id);
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  async #lookAtAll(): Promise<void> {
    const broken = this.#tasks.broken().map(({ bundle }) => bundle);
    const ids = [...this.#tasks.list(), ...broken].map(({ namespace, id }) => `${namespace}/${id}`);
    await Promise.all(ids.map((id) => this.#look(id)));
  }

  /** Finds out how it is with one, and tells when that is news. */
  async #look(id: string): Promise<void> {
    const under = this.#looks.get(id);
    if (under) {
      under.again = true;
      return;
    }
    const look = { again: true };
    this.#looks.set(id, look);
    try {
      while (look.again) {
        look.again = false;
        const shim = await this.#see(id);
        const before = this.#shims.get(id);
        if (JSON.stringify(shim) === JSON.stringify(before)) continue;
        if (shim) this.#shims.set(id, shim);
        else this.#shims.delete(id);
        this.#watch.changed(id);
        // Who shared it, or does now, may not know yet.
        const others = new Set([...(before?.sharedWith ?? []), ...(shim?.sharedWith ?? [])]);
        for (const other of others) {
          const known = this.#shims.get(other)?.sharedWith?.includes(id) ?? false;
          if (known !== (shim?.sharedWith?.includes(other) ?? false)) void this.#look(other);
        }
      }
    } finally {
      this.#looks.delete(id);
    }
  }

  async #see(id: string): Promise<Shim | undefined> {
    const task = this.#task(id);
    if (task) return seeTask(id, task, this.#sharing(task));
    const broken = this.#tasks
      .broken()
      .find(({ bundle }) => `${bundle.namespace}/${bundle.id}` === id);
    if (!broken) return undefined;
    const { bundle, error } = broken;
    return {
      ...{ id, namespace: bundle.namespace, containerId: bundle.id, status: "broken" },
      ...{ kind: "", processes: [], bundle: bundle.path, error },
    };
  }

  /** The ids of the others in the same shim. */
  #sharing(task: Task): string[] {
    const { pid } = task.shim;
    return this.#tasks
      .list()
      .filter((other) => other !== task && pid !== undefined && other.shim.pid === pid)
      .map(({ namespace, id }) => `${namespace}/${id}`)
      .sort();
  }

  #task(id: string): Task | undefined {
    return this.#tasks.get(...split(id));
  }

  #require(id: string): Shim {
    const shim = this.#shims.get(id);
    if (shim) return shim;
    throw new AppError("NOT_FOUND", "There is no such shim", {
      subject: id,
      hint: "Its container has ended.",
    });
  }
}

/** undefined for a task that needs no shim any more: its container has ended. */
async function seeTask(id: string, task: Task, sharedWith: string[]): Promise<Shim | undefined> {
  const { shim, state, namespace, bundle } = task;
  if (state.exit) return undefined;
  const processes = (await Promise.all(task.processes().map(shimsOf))).flat();
  const lost = state.status === "shim-lost" || !shim.alive;
  const status = lost ? "lost" : state.status === "unknown" ? "unreachable" : "alive";
  return {
    ...{ id, namespace, containerId: task.id, status, bundle },
    ...{ kind: shim.kind, runtimeId: task.runtime, runtime: shim.runtime, processes },
    ...(sharedWith.length > 0 ? { sharedWith } : {}),
    ...(shim.version ? { version: shim.version } : {}),
    ...(shim.startedAt === undefined || lost ? {} : { startedAt: shim.startedAt }),
    address: shim.address ?? (await socketOf(bundle)) ?? join(bundle, "ctl"),
    ...(state.error ? { error: state.error } : {}),
  };
}

/** Namespace and container of a shim's id. */
function split(id: string): [string, string] {
  const [namespace = "", name = ""] = id.split("/");
  return [namespace, name];
}

/** What lives for one process of a container: see process-dir.ts and shim/stdio.ts. */
async function shimsOf(process: Process): Promise<ShimProcess[]> {
  if (process.state.exit) return [];
  const found: ShimProcess[] = [];
  const own = (await readProcessFiles(process.directory)).shim;
  const role = process.id === "init" ? "shim" : "exec";
  if (own && (await isAlive(own))) found.push({ pid: own.pid, role, process: process.id });
  const pid = Number.parseInt(
    await readFile(join(process.directory, "stdio", "shim.pid"), "utf8").catch(() => ""),
    10,
  );
  if (pid > 0 && (await isKeeper(pid, process.directory))) {
    found.push({ pid, role: "log", process: process.id });
  }
  return found;
}

/** A pid may be another's by now: a keeper has the directory among its arguments. */
async function isKeeper(pid: number, directory: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.includes(directory);
}

const Bootstrap = z.object({ socket: z.string() });

/** A containerd shim's, as it was noted when it was started. */
async function socketOf(bundle: string): Promise<string | undefined> {
  const text = await readFile(join(bundle, "bootstrap.json"), "utf8").catch(() => "null");
  try {
    return Bootstrap.parse(JSON.parse(text)).socket;
  } catch {
    return undefined;
  }
}
