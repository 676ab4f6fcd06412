import { WINDOW } from "./wire.ts";

interface Waiter<T> {
  resolve: (result: IteratorResult<T>) => void;
  reject: (error: unknown) => void;
}

/**
 * The receiving end of one direction of a call: items wait here until the one consumer takes them,
 * and credits go back to the sender as it does: when half the window was taken, so that a fast
 * consumer costs few frames; or when it asks for more and the sender wants the credit (`latest`, which
 * keeps only one item on the way).
 */
export class Inbox<T> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  readonly #grant: (n: number) => void;
  readonly #onReturn: () => Promise<void> | void;
  #waiting: Waiter<T> | undefined;
  /** Taken by the consumer and not granted again. */
  #taken = 0;
  #wanting = false;
  /** What the sender may still send. */
  #open = WINDOW;
  #end: { error?: unknown } | undefined;
  #returned = false;

  /**
   * `grant` sends credits; the first WINDOW are the owner's to send. `onReturn` is called once, when
   * the consumer leaves before the end; its promise is what the consumer's `return()` waits for.
   */
  constructor(grant: (n: number) => void, onReturn: () => Promise<void> | void) {
    this.#grant = grant;
    this.#onReturn = onReturn;
  }

  /** False when the sender had no credit for it, and the item was not taken. */
  push(item: T, wanting = false): boolean {
    if (this.#open === 0) return false;
    this.#wanting = wanting;
    if (this.#returned) {
      // Nobody reads any more; a sender that goes on must not be stuck for it.
      this.#grant(1);
      return true;
    }
    if (this.#end) return true;
    this.#open -= 1;
    if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      this.#take();
      resolve({ value: item, done: false });
    } else {
      this.#items.push(item);
    }
    return true;
  }

  /** Items that wait are still delivered. */
  end(): void {
    this.#finish({});
  }

  /** Items that wait are still delivered, then `next` rejects once. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  /** As `fail`, but items that wait are dropped. */
  abort(error: unknown): void {
    this.#items.length = 0;
    this.#finish({ error });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift() as T;
      this.#take();
      return Promise.resolve({ value, done: false });
    }
    if (this.#end) {
      const { error } = this.#end;
      this.#end = {};
      return error === undefined
        ? Promise.resolve({ value: undefined, done: true })
        : Promise.reject(error);
    }
    if (this.#waiting)
      return Promise.reject(new Error("next() was called before the last one ended"));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#wanting) this.#replenish();
    });
  }

  async return(): Promise<IteratorResult<T>> {
    if (!this.#returned) {
      this.#returned = true;
      this.#items.length = 0;
      const left = this.#end === undefined;
      this.#finish({});
      this.#end = {};
      if (left) await this.#onReturn();
    }
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): void {
    this.#taken += 1;
    if (this.#taken >= WINDOW / 2) this.#replenish();
  }

  #replenish(): void {
    if (this.#taken === 0 || this.#end) return;
    const n = this.#taken;
    this.#taken = 0;
    this.#open += n;
    this.#grant(n);
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end) return;
    this.#end = end;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return;
    if (end.error === undefined) {
      waiting.resolve({ value: undefined, done: true });
    } else {
      this.#end = {};
      waiting.reject(end.error);
    }
  }
}

/** What the other side allows this one to send. */
export class Credits {
  #free: number;
  #inFlight = 0;
  readonly #most: number;
  #wake: ((open: boolean) => void) | undefined;
  #closed = false;

  /** `most`: items on the way at a time, however many credits there are. */
  constructor(initial: number, most = Number.POSITIVE_INFINITY) {
    this.#free = initial;
    this.#most = most;
  }

  add(n: number): void {
    this.#free += n;
    this.#inFlight = Math.max(0, this.#inFlight - n);
    if (this.#available()) this.#settle(true);
  }

  /** Takes one for an item that is sent now, if there is one. */
  take(): boolean {
    if (!this.#available()) return false;
    this.#free -= 1;
    this.#inFlight += 1;
    return true;
  }

  /** Resolves to true when `take` will succeed, to false once closed. For one who waits at a time. */
  ready(): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    if (this.#available()) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  close(): void {
    this.#closed = true;
    this.#settle(false);
  }

  #available(): boolean {
    return !this.#closed && this.#free > 0 && this.#inFlight < this.#most;
  }

  #settle(open: boolean): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.(open);
  }
}
