import { setTimeout as delay } from "node:timers/promises";
import type { Disposable } from "#shared/base/disposable";
import type { WholeHealthCheck } from "#shared/base/health-check";
import type { HealthResult } from "#shared/contract/health";
import type { Task } from "../runtime/runtime.ts";
import { probe } from "./probe.ts";

export interface HealthMonitorOptions {
  task: Task;
  check: WholeHealthCheck;
  /** Milliseconds until the first check. */
  firstDelay: number;
  /** Takes a result; answers the milliseconds until the next check. */
  onResult: (result: HealthResult) => number;
}

/** Checks one run of a container again and again, one check at a time, until it is disposed. */
export class HealthMonitor implements Disposable {
  readonly task: Task;
  readonly check: WholeHealthCheck;
  readonly #abort = new AbortController();
  /** Resolves when no check is under way any more after `dispose`. */
  readonly ended: Promise<void>;

  constructor(options: HealthMonitorOptions) {
    this.task = options.task;
    this.check = options.check;
    this.ended = this.#run(options);
  }

  dispose(): void {
    this.#abort.abort();
  }

  async #run({ task, check, firstDelay, onResult }: HealthMonitorOptions): Promise<void> {
    const { signal } = this.#abort;
    let wait = firstDelay;
    for (;;) {
      await delay(wait, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      const result = await probe(task, check, signal);
      if (signal.aborted) return;
      wait = result ? onResult(result) : check.intervalSeconds * 1000;
    }
  }
}
