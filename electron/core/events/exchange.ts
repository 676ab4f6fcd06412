import { AsyncQueue } from "#shared/base/async-queue";
import { Emitter } from "#shared/base/emitter";
import type { Event } from "#shared/contract/activity";
import { defaultNamespace } from "../base/ids.ts";
import type { Journal, JournalQuery } from "./journal.ts";

/** containerd's topics (api/events), and ours under /shimyard. */
export type Topic =
  | `/containers/${"create" | "update" | "delete"}`
  | `/tasks/${"create" | "start" | "exit" | "paused" | "resumed" | "oom" | "delete" | "checkpointed" | "exec-added" | "exec-started"}`
  | `/images/${"create" | "update" | "delete"}`
  | `/volumes/${"create" | "delete" | "restore"}`
  | `/networks/${"create" | "delete" | "connect" | "disconnect"}`
  | `/shimyard/${"start-failed" | "health" | "shim-lost" | "restored" | "restarting" | "checkpoint-deleted" | "manager-started" | "repaired"}`;

export interface Publication {
  topic: Topic;
  namespace?: string;
  containerId?: string;
  containerName?: string;
  data?: Record<string, string>;
  /** What tells of it, too. */
  partOf?: Topic | undefined;
}

/** A watcher that is this far behind loses the newest until it catches up; the journal has them. */
const maxQueued = 10_000;

/** Where everything that happens is said, once; it goes to the journal and to whoever watches. */
export class Exchange {
  readonly #journal: Journal;
  readonly #emitter = new Emitter<Event>();

  readonly onEvent = this.#emitter.event;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  publish(publication: Publication): void {
    const event: Event = {
      seq: this.#journal.lastSeq + 1,
      time: Date.now(),
      namespace: defaultNamespace,
      ...publication,
      data: cut(publication.data ?? {}),
    };
    this.#journal.append(event);
    this.#emitter.fire(event);
  }

  /** Newest first. */
  query(query: JournalQuery): Promise<Event[]> {
    return this.#journal.query(query);
  }

  /** From now on, until `signal` aborts. */
  async *watch(signal: AbortSignal): AsyncGenerator<Event, void, void> {
    const queue = new AsyncQueue<Event>();
    const subscription = this.onEvent((event) => {
      if (queue.size < maxQueued) queue.push(event);
    });
    const abort = (): void => queue.end();
    signal.addEventListener("abort", abort);
    try {
      if (!signal.aborted) yield* queue;
    } finally {
      subscription.dispose();
      signal.removeEventListener("abort", abort);
    }
  }
}

/** What the contract allows a value to have, characters. */
const maxValue = 4096;

function cut(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, value.slice(0, maxValue)]),
  );
}
