/**
 * A queue of so many items, handled one after another in their order. Who adds to a full one waits until there is
 * room: for a shim's events that means their answers, and so in the end the shim itself. containerd's Windows runtime
 * had a channel of such a kind (windows/runtime.go of 2017).
 */
export class BoundedQueue<T> {
  readonly #limit: number;
  readonly #handle: (item: T) => Promise<void> | void;
  readonly #items: T[] = [];
  readonly #waiting: { item: T; taken: () => void }[] = [];
  #busy = false;
  #closed = false;

  /** What `handle` throws is its own business: it must not. */
  constructor(limit: number, handle: (item: T) => Promise<void> | void) {
    this.#limit = limit;
    this.#handle = handle;
  }

  /** Resolves when the item is in the queue. */
  push(item: T): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#items.length >= this.#limit || this.#waiting.length > 0) {
      return new Promise((taken) => this.#waiting.push({ item, taken }));
    }
    this.#items.push(item);
    void this.#run();
    return Promise.resolve();
  }

  /** Nothing more is handled; whoever waits is let go. */
  close(): void {
    this.#closed = true;
    this.#items.length = 0;
    for (const { taken } of this.#waiting.splice(0)) taken();
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
      const next = this.#waiting.shift();
      if (next) {
        this.#items.push(next.item);
        next.taken();
      }
      await this.#handle(item);
    }
    this.#busy = false;
  }
}
