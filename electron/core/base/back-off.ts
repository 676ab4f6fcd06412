import type { Disposable } from "#shared/base/disposable";

/** moby: restartmanager/restartmanager.go. Milliseconds. */
const firstDelay = 100;
const longestDelay = 60_000;
const goodRun = 10_000;

/** Does something again for each of many, waiting longer each time it was of no use. */
export class BackOff implements Disposable {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #delays = new Map<string, number>();
  readonly #again: (id: string) => void;

  constructor(again: (id: string) => void) {
    this.#again = again;
  }

  /** It ended after `ran` milliseconds. Answers the delay until it is tried again: twice the last, unless it ran well. */
  ended(id: string, ran: number): number {
    const before = this.#delays.get(id);
    const delay =
      before === undefined || ran >= goodRun ? firstDelay : Math.min(before * 2, longestDelay);
    this.schedule(id, delay);
    return delay;
  }

  /**
   * After a start of the manager, for one that was tried `times` times before and then ran for `ran` milliseconds
   * (undefined: nobody saw its end): the delay that it had come to.
   */
  resume(id: string, times: number, ran: number | undefined): void {
    const well = ran === undefined || ran >= goodRun;
    // 2 ** 10 is beyond the longest.
    const delay = well ? firstDelay : firstDelay * 2 ** Math.min(times, 10);
    this.schedule(id, Math.min(delay, longestDelay));
  }

  schedule(id: string, delay: number = firstDelay): void {
    clearTimeout(this.#timers.get(id));
    this.#delays.set(id, delay);
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      this.#again(id);
    }, delay);
    timer.unref();
    this.#timers.set(id, timer);
  }

  /** Nothing is due for it, and its next delay is the first again. */
  forget(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#delays.delete(id);
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
