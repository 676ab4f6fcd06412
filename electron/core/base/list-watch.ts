import { setTimeout as delay } from "node:timers/promises";
import type { Delta } from "#shared/contract/common";

/** At most this often a subscriber gets changes; what comes sooner is sent together. Milliseconds: a frame. */
const interval = 16;

export interface ListSource<T> {
  /** Everything there is. */
  list(): T[];
  get(id: string): T | undefined;
  /** Watchers get their first item when this has resolved. */
  ready?: Promise<unknown>;
}

/**
 * A list kept current by push. Each subscriber has a set of the ids that changed since it last
 * looked, so a slow one costs memory by its list's length and never by the number of changes, and
 * always gets the newest state.
 */
export class ListWatch<T> {
  readonly #source: ListSource<T>;
  readonly #subscribers = new Set<(id: string) => void>();

  constructor(source: ListSource<T>) {
    this.#source = source;
  }

  /** Says that the item with this id is new, different or gone. */
  changed(id: string): void {
    for (const notify of this.#subscribers) notify(id);
  }

  /** The whole list, then what changes, until `signal` aborts. */
  async *watch(signal: AbortSignal): AsyncGenerator<Delta<T>, void, void> {
    await this.#source.ready;
    const dirty = new Set<string>();
    let wake: (() => void) | undefined;
    const notify = (id: string): void => {
      dirty.add(id);
      wake?.();
    };
    const abort = (): void => wake?.();
    this.#subscribers.add(notify);
    signal.addEventListener("abort", abort);
    try {
      if (signal.aborted) return;
      yield { reset: true, put: this.#source.list(), removed: [] };
      while (!signal.aborted) {
        if (dirty.size === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
          continue;
        }
        const delta: Delta<T> = { reset: false, put: [], removed: [] };
        for (const id of dirty) {
          const item = this.#source.get(id);
          if (item === undefined) delta.removed.push(id);
          else delta.put.push(item);
        }
        dirty.clear();
        yield delta;
        await delay(interval);
      }
    } finally {
      this.#subscribers.delete(notify);
      signal.removeEventListener("abort", abort);
    }
  }
}
