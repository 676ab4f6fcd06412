import { AppError } from "#shared/errors";
import type { CallOptions, ExitStatus } from "./runtime.ts";

/** A process's exit: set once, awaited by any number. */
export class ExitLatch {
  readonly #waiters = new Set<(exit: ExitStatus) => void>();
  #exit: ExitStatus | undefined;

  get value(): ExitStatus | undefined {
    return this.#exit;
  }

  set(exit: ExitStatus): void {
    if (this.#exit) return;
    this.#exit = exit;
    for (const waiter of this.#waiters) waiter(exit);
    this.#waiters.clear();
  }

  /** Resolves when it is set, at once when it was. Rejects only on abort, with CANCELLED. */
  wait(options: CallOptions = {}): Promise<ExitStatus> {
    if (this.#exit) return Promise.resolve(this.#exit);
    const { signal } = options;
    return new Promise((resolve, reject) => {
      const cancelled = (): void => {
        this.#waiters.delete(done);
        reject(new AppError("CANCELLED", "The operation was cancelled"));
      };
      const done = (exit: ExitStatus): void => {
        signal?.removeEventListener("abort", cancelled);
        resolve(exit);
      };
      if (signal?.aborted) {
        cancelled();
        return;
      }
      signal?.addEventListener("abort", cancelled, { once: true });
      this.#waiters.add(done);
    });
  }
}
