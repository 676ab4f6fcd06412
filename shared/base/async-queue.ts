/**
 * An unbounded queue with one consumer that iterates it. `push` after `end` or `fail` is ignored.
 * Bounding is the producer's business: see `size`.
 */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #waiting: { resolve(result: IteratorResult<T>): void; reject(error: unknown): void } | undefined;
  #end: { error?: unknown } | undefined;

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    if (this.#end) return;
    if (this.#waiting) {
      this.#waiting.resolve({ value: item, done: false });
      this.#waiting = undefined;
    } else {
      this.#items.push(item);
    }
  }

  /** Items already queued are still delivered. */
  end(): void {
    this.#finish({});
  }

  /** Items already queued are still delivered, then the consumer's `next` rejects. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#items.length > 0) {
      return Promise.resolve({ value: this.#items.shift() as T, done: false });
    }
    if (this.#end) {
      const { error } = this.#end;
      this.#end = {};
      return error === undefined
        ? Promise.resolve({ value: undefined, done: true })
        : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.#items = [];
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end) return;
    this.#end = end;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return;
    if ("error" in end && end.error !== undefined) waiting.reject(end.error);
    else waiting.resolve({ value: undefined, done: true });
  }
}
