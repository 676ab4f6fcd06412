import { AsyncQueue } from "#shared/base/async-queue";
import type { Delta } from "#shared/contract/common";

/** A list as the core would keep it, with any number of watchers. */
export class FakeList<T extends { id: string }> {
  readonly items = new Map<string, T>();
  readonly #watchers = new Set<AsyncQueue<Delta<T>>>();

  put(...items: T[]): void {
    for (const item of items) this.items.set(item.id, item);
    for (const watcher of this.#watchers) watcher.push({ reset: false, put: items, removed: [] });
  }

  patch(id: string, update: (item: T) => T): void {
    const item = this.items.get(id);
    if (item) this.put(update(item));
  }

  remove(...ids: string[]): void {
    for (const id of ids) this.items.delete(id);
    for (const watcher of this.#watchers) watcher.push({ reset: false, put: [], removed: ids });
  }

  async *watch(signal: AbortSignal): AsyncGenerator<Delta<T>> {
    const queue = new AsyncQueue<Delta<T>>();
    this.#watchers.add(queue);
    const end = (): void => queue.end();
    signal.addEventListener("abort", end, { once: true });
    try {
      yield { reset: true, put: [...this.items.values()], removed: [] };
      yield* queue;
    } finally {
      signal.removeEventListener("abort", end);
      this.#watchers.delete(queue);
    }
  }

  /** As when the core goes: every watcher's stream breaks. */
  break(error: unknown): void {
    for (const watcher of this.#watchers) watcher.fail(error);
  }
}

/** A single value with watchers. */
export class FakeValue<T> {
  value: T;
  readonly #watchers = new Set<AsyncQueue<T>>();

  constructor(value: T) {
    this.value = value;
  }

  set(value: T): void {
    this.value = value;
    for (const watcher of this.#watchers) watcher.push(value);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<T> {
    const queue = new AsyncQueue<T>();
    this.#watchers.add(queue);
    const end = (): void => queue.end();
    signal.addEventListener("abort", end, { once: true });
    try {
      yield this.value;
      yield* queue;
    } finally {
      signal.removeEventListener("abort", end);
      this.#watchers.delete(queue);
    }
  }
}

/** Resolves after `ms`, or at once when the signal is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
