import { setTimeout as delay } from "node:timers/promises";
import type { containers } from "#shared/contract/containers";
import type { InputOf, ItemOf } from "#shared/rpc/define";
import type { Task, Tasks } from "../runtime/runtime.ts";
import { readProcessTable } from "./process-table.ts";

/** Between tables, ms; a table may take a twentieth of the time. */
const interval = 2000;
const maxShare = 0.05;

export interface ProcessServiceOptions {
  tasks: Tasks;
  namespace: string;
}

/** A container's process table, for as long as somebody looks at it. */
export class ProcessService {
  readonly #tasks: Tasks;
  readonly #namespace: string;

  constructor({ tasks, namespace }: ProcessServiceOptions) {
    this.#tasks = tasks;
    this.#namespace = namespace;
  }

  /** Empty while nothing runs; goes on when the container is started again. */
  async *watch(
    { id }: InputOf<typeof containers.processes>,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<ItemOf<typeof containers.processes>> {
    while (!signal?.aborted) {
      const began = performance.now();
      const task = this.#tasks.get(this.#namespace, id);
      const processes = task ? await readTask(task) : [];
      const took = performance.now() - began;
      yield { time: Date.now(), processes };
      const wait = Math.max(interval, took / maxShare);
      await delay(wait, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}

async function readTask(task: Task): Promise<ItemOf<typeof containers.processes>["processes"]> {
  const init = task.state.pid;
  if (init === undefined) return [];
  // An ended container has none; anything else is worth saying.
  const pids = await task.pids();
  return await readProcessTable(pids, init);
}
