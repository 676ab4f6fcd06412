import type { Disposable } from "#shared/base/disposable";
import { defaultNamespace } from "../base/ids.ts";
import type { Exchange, Topic } from "../events/exchange.ts";
import type { ExitStatus, Task, TaskEvent, Tasks } from "../runtime/runtime.ts";
import type { NetworkService } from "../network/network-service.ts";
import type { Snapshotter } from "../snapshots/snapshotter.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import type { ContainerService } from "./container-service.ts";
import { removeEnded } from "./ending.ts";
import type { ContainerRecord } from "./container-store.ts";
import { wantsRestart, wantsRestartAtLoad } from "./restart-supervisor.ts";
import { tell } from "./tell.ts";

export interface TaskWatcherOptions {
  tasks: Tasks;
  containers: ContainerService;
  exchange: Exchange;
  networks: NetworkService;
}

/** Carries what the runtimes say to the records, the window, the journal and the restart policy. */
export class TaskWatcher implements Disposable {
  readonly #o: TaskWatcherOptions;
  readonly #subscription: Disposable;

  constructor(options: TaskWatcherOptions) {
    this.#o = options;
    const { containers } = options;
    this.#subscription = options.tasks.onEvent(({ namespace, id, event }) => {
      if (namespace !== defaultNamespace) return;
      switch (event.type) {
        case "exit":
          this.#tellExit(id, event);
          if (event.processId === "init") void this.#exited(id, event.exit);
          break;
        case "shim-lost":
          this.#publish("/shimyard/shim-lost", id, { process: event.processId });
          break;
        case "oom":
          this.#publish("/tasks/oom", id);
          break;
        case "deleted":
          if (containers.lifecycle.isRestartedByPolicy(id)) {
            this.#publish("/tasks/delete", id, {}, "/shimyard/restarting");
          } else this.#publish("/tasks/delete", id);
          break;
        case "changed":
          break;
      }
      containers.changed(id);
    });
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  async #exited(id: string, exit: ExitStatus): Promise<void> {
    const { containers, networks } = this.#o;
    // What could not be removed is, with the next change or start.
    const released = networks.connections.release(id).catch(() => undefined);
    await recordExit(containers, id, exit);
    await released;
    containers.changed(id);
    const record = containers.records.find(id);
    if (record) containers.lifecycle.supervisor.exited(record);
    // What can't be removed now is with the next start.
    await removeEnded(containers, id).catch(() => undefined);
  }

  /** With what its restart policy makes of it. */
  #tellExit(id: string, { processId, exit, pid }: Extract<TaskEvent, { type: "exit" }>): void {
    const data = {
      ...{ process: processId, ...exitData(exit) },
      ...(pid === undefined ? {} : { pid: String(pid) }),
    };
    const record = this.#o.containers.records.find(id);
    const restarts =
      processId === "init" && record !== undefined && wantsRestart({ ...record, exit });
    if (!restarts) return this.#publish("/tasks/exit", id, data);
    this.#publish("/tasks/exit", id, data, "/shimyard/restarting");
    tellRestart(this.#o, { ...record, exit });
  }

  #publish(topic: Topic, id: string, data: Record<string, string> = {}, partOf?: Topic): void {
    const { exchange, containers } = this.#o;
    tell({ exchange, store: containers.records }, topic, id, data, partOf);
  }
}

/**
 * After the tasks were loaded: takes over what happened while no manager ran, removes what a
 * killed manager left half-made, and lets restart policies answer.
 */
export async function reconcile(options: {
  tasks: Tasks;
  containers: ContainerService;
  snapshots: Snapshotter;
  networks: NetworkService;
  volumes: VolumeService;
  exchange: Exchange;
  /** What was being put in another's place. */
  replacements: { recover(): Promise<void> };
}): Promise<void> {
  const { tasks, containers, snapshots, networks, volumes, replacements } = options;
  const { records, lifecycle } = containers;
  const kept = new Set(records.damaged.map(({ id }) => id));
  for (const task of tasks.list()) {
    if (task.namespace !== defaultNamespace) continue;
    kept.add(task.id);
    const record = records.find(task.id);
    if (!record) continue;
    if (task.state.exit) {
      await recordExit(containers, task.id, task.state.exit);
    } else if (record.exit || record.startedAt === undefined) {
      // The manager was killed between starting it and writing so.
      const startedAt = task.state.startedAt ?? task.shim.startedAt ?? Date.now();
      await records.update(task.id, { startedAt, exit: undefined, startError: undefined });
    }
  }
  for (const { bundle } of tasks.broken()) kept.add(bundle.id);
  for (const id of await snapshots.list(defaultNamespace)) {
    if (!kept.has(id) && !records.find(id)) await snapshots.remove(defaultNamespace, id);
  }
  const broken = new Set(tasks.broken().map(({ bundle }) => bundle.id));
  const exists = (id: string): boolean => kept.has(id) || records.find(id) !== undefined;
  // What can't be known to have ended keeps its network.
  await networks.reconcile((id) => broken.has(id) || mayRun(lifecycle.task(id)), exists);
  await volumes.reconcile(exists);
  await replacements.recover();
  for (const record of records.list()) {
    if (broken.has(record.id) || lifecycle.isLive(record.id)) continue;
    if (!wantsRestartAtLoad(record)) continue;
    tellRestart(options, record);
    lifecycle.supervisor.resumed(record);
  }
}

/** Once for each restart, with the exit that it answers. */
function tellRestart(
  { exchange, containers }: Pick<TaskWatcherOptions, "exchange" | "containers">,
  { id, restartCount, exit }: ContainerRecord,
): void {
  const data = { count: String(restartCount + 1), ...(exit ? exitData(exit) : {}) };
  tell({ exchange, store: containers.records }, "/shimyard/restarting", id, data);
}

const exitData = ({ code, oomKilled }: NonNullable<ContainerRecord["exit"]>) => ({
  code: String(code ?? "unknown"),
  ...(oomKilled ? { oomKilled: "true" } : {}),
});

/** One that was only created by a manager that was killed then is never started. */
function mayRun(task: Task | undefined): boolean {
  return task !== undefined && task.state.status !== "exited" && task.state.status !== "created";
}

/** Once: loading and the runtime's event may both tell of it. */
async function recordExit(
  containers: ContainerService,
  id: string,
  exit: ExitStatus,
): Promise<void> {
  const record = containers.records.find(id);
  if (!record || record.exit?.exitedAt === exit.exitedAt) return;
  const { code, exitedAt, oomKilled } = exit;
  // A full disk loses this only until the next start, which reads it from the bundle again.
  await containers.records
    .update(id, { exit: { exitedAt, oomKilled, ...(code === undefined ? {} : { code }) } })
    .catch(() => undefined);
}
