import { join } from "node:path";
import type { Disposable } from "#shared/base/disposable";
import { AppError, isCode } from "#shared/errors";
import { containerDir, type Paths } from "../host/paths.ts";
import type {
  CallOptions,
  ExitStatus,
  Lower,
  OciSpec,
  RunRequest,
  RunResult,
  Task,
  Tasks,
} from "../runtime/runtime.ts";
import { Serial } from "../runtime/serial.ts";
import type { Snapshotter } from "../snapshots/snapshotter.ts";

const sigterm = 15;
const sigkill = 9;
/** After SIGKILL only a process that hangs in the kernel takes longer. Milliseconds. */
const killDeadline = 10_000;

export interface ExecutorOptions {
  tasks: Tasks;
  snapshots: Snapshotter;
  paths: Paths;
  /** Everything in it is this executor's. */
  namespace: string;
  /** A container has ended by itself or by a signal; nothing of it is left. */
  onExit(id: string, exit: ExitStatus, task: { startedAt: number | undefined }): void;
}

export interface ExecutorRequest {
  runtime: string;
  spec: OciSpec;
  /** Layers of its file system, topmost first; it writes to a directory of its own over them. */
  lower: Lower[];
  logPath: string;
}

/** What restoring found. An exit that was seen while no manager ran is in `exit`. */
export type Restored = { alive: true } | { alive: false; exit?: ExitStatus };

/**
 * Runs containers that belong to this product rather than to its user, in a namespace of their own. After moby's
 * plugin/executor/containerd (2019): a container and its task come and go together, and whatever is in the way of a
 * new one of the same id is what an earlier manager left. Policy (what is run, and whether again) is the caller's.
 */
export class Executor implements Disposable {
  readonly #o: ExecutorOptions;
  /** Those that were created or restored here. */
  readonly #running = new Map<string, Task>();
  readonly #serials = new Map<string, Serial>();
  readonly #subscription: Disposable;

  constructor(options: ExecutorOptions) {
    this.#o = options;
    this.#subscription = options.tasks.onEvent(({ namespace, id, task, event }) => {
      if (namespace !== options.namespace) return;
      if (event.type === "exit" && event.processId === "init") void this.#ended(id, task);
      // Without its shim there is no log and may be no exit status: it is ended, and its end is unknown.
      if (event.type === "shim-lost" && event.processId === "init") void this.#ended(id, task);
    });
  }

  /**
   * Creates and starts a container. A stale one of the same id is removed first, whatever it does. When
   * anything fails, neither task nor container stays.
   */
  create(id: string, request: ExecutorRequest): Promise<void> {
    return this.#serial(id).run(async () => {
      const { tasks, snapshots, paths, namespace } = this.#o;
      await this.#remove(id);
      const directory = containerDir(paths, namespace, id);
      await snapshots.prepare(namespace, id);
      try {
        const task = await tasks.create(request.runtime, {
          ...{ namespace, id, terminal: false, stdin: false, labels: {} },
          ...{ spec: request.spec, logPath: request.logPath },
          rootfs: {
            type: "overlay",
            lower: request.lower,
            upper: join(directory, "upper"),
            work: join(directory, "work"),
          },
        });
        await task.start();
        this.#running.set(id, task);
      } catch (error) {
        // What can't be removed now is stale to the next create.
        await this.#remove(id).catch(() => undefined);
        throw error;
      }
    });
  }

  /** Takes over what an earlier manager left of a container; after `Tasks.load`. What does not live is removed. */
  restore(id: string): Promise<Restored> {
    return this.#serial(id).run(async () => {
      const task = this.#task(id);
      const status = task?.state.status;
      if (task && (status === "running" || status === "paused")) {
        this.#running.set(id, task);
        return { alive: true };
      }
      const exit = task?.state.exit;
      await this.#remove(id);
      return { alive: false, ...(exit ? { exit } : {}) };
    });
  }

  /** Removes every container of the namespace that is not among these; after `Tasks.load`. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    const { tasks, snapshots, namespace } = this.#o;
    const found = [
      ...tasks.list().filter((task) => task.namespace === namespace),
      ...tasks.broken().flatMap(({ bundle }) => (bundle.namespace === namespace ? [bundle] : [])),
    ].map(({ id }) => id);
    for (const id of new Set([...found, ...(await snapshots.list(namespace))])) {
      if (!known.has(id)) await this.#serial(id).run(() => this.#remove(id));
    }
  }

  /** NOT_FOUND for a container that was neither created nor restored here, or has ended. */
  isRunning(id: string): boolean {
    return this.#require(id).state.status === "running";
  }

  /** Its init on this host, and since when; undefined where `isRunning` finds nothing. */
  state(id: string): { pid: number | undefined; startedAt: number | undefined } | undefined {
    const task = this.#running.get(id);
    return task && { pid: task.state.pid, startedAt: task.state.startedAt };
  }

  /** NOT_FOUND as in `isRunning`. */
  async signal(id: string, signal: number): Promise<void> {
    await this.#require(id).kill(signal);
  }

  /** Runs a command inside, to its end. NOT_FOUND as in `isRunning`. */
  async run(id: string, request: RunRequest, options?: CallOptions): Promise<RunResult> {
    return this.#require(id).run(request, options);
  }

  /**
   * SIGTERM, and after `grace` milliseconds SIGKILL. Resolves when nothing of it is left and its handler was told;
   * at once for one that does not run. DEADLINE_EXCEEDED when not even SIGKILL ends it.
   */
  async stop(id: string, grace: number): Promise<void> {
    const task = this.#running.get(id);
    if (!task) return;
    await kill(task, sigterm);
    if (!(await endsWithin(task, grace))) {
      await kill(task, sigkill);
      if (!(await endsWithin(task, killDeadline))) {
        throw new AppError("DEADLINE_EXCEEDED", `"${id}" is still there after SIGKILL`, {
          subject: `extension "${id}"`,
          hint: "A process of it hangs in the kernel.",
        });
      }
    }
    await this.#ended(id, task);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#running.clear();
  }

  /** Removes what has ended, then tells so, once. */
  #ended(id: string, task: Task): Promise<void> {
    return this.#serial(id).run(async () => {
      if (this.#running.get(id) !== task) return;
      const { startedAt } = task.state;
      const exit = task.state.exit ?? { code: undefined, exitedAt: Date.now(), oomKilled: false };
      // What can't be removed now is stale to the next create.
      await this.#remove(id).catch(() => undefined);
      this.#o.onExit(id, exit, { startedAt });
    });
  }

  /** Task and container, dead or alive, whole or broken. Idempotent. */
  async #remove(id: string): Promise<void> {
    const { tasks, snapshots, namespace } = this.#o;
    this.#running.delete(id);
    const task = this.#task(id);
    const broken = tasks
      .broken()
      .some(({ bundle }) => bundle.namespace === namespace && bundle.id === id);
    if (task) {
      await task.delete({ force: true }).catch((error: unknown) => {
        if (!isCode(error, "NOT_FOUND")) throw error;
      });
    } else if (broken) {
      await tasks.discard(namespace, id);
    }
    await snapshots.remove(namespace, id);
  }

  #task(id: string): Task | undefined {
    return this.#o.tasks.get(this.#o.namespace, id);
  }

  #require(id: string): Task {
    const task = this.#running.get(id);
    if (task) return task;
    throw new AppError("NOT_FOUND", `"${id}" does not run`, { subject: `extension "${id}"` });
  }

  #serial(id: string): Serial {
    let serial = this.#serials.get(id);
    if (!serial) this.#serials.set(id, (serial = new Serial()));
    return serial;
  }
}

/** A process that has gone meanwhile needs no signal. */
async function kill(task: Task, signal: number): Promise<void> {
  try {
    await task.kill(signal);
  } catch (error) {
    if (!isCode(error, "NOT_FOUND")) throw error;
  }
}

async function endsWithin(task: Task, milliseconds: number): Promise<boolean> {
  return task.wait({ signal: AbortSignal.timeout(milliseconds) }).then(
    () => true,
    () => task.state.exit !== undefined,
  );
}
