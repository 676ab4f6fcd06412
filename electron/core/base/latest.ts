import { Emitter, type Event } from "#shared/base/emitter";

/** A value that others follow. */
export class Latest<T> {
  readonly #emitter = new Emitter<T>();
  #value: T;

  readonly onChange: Event<T> = this.#emitter.event;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    this.#emitter.fire(value);
  }

  /** The value now, then the newest after each change, until `signal` aborts. */
  async *watch(signal: AbortSignal): AsyncGenerator<T, void, void> {
    let changed = true;
    let wake: (() => void) | undefined;
    const subscription = this.onChange(() => {
      changed = true;
      wake?.();
    });
    const abort = (): void => wake?.();
    signal.addEventListener("abort", abort);
    try {
      while (!signal.aborted) {
        if (changed) {
          changed = false;
          yield this.#value;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        }
      }
    } finally {
      subscription.dispose();
      signal.removeEventListener("abort", abort);
    }
  }
}
