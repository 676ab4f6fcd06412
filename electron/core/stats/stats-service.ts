import type { Worker } from "node:worker_threads";
import type { Disposable } from "#shared/base/disposable";
import { Emitter } from "#shared/base/emitter";
import type { Sample, stats } from "#shared/contract/stats";
import type { InputOf, ItemOf } from "#shared/rpc/define";
import { startWorker } from "../base/worker.ts";
import { Wake } from "../logs/file-watch.ts";
import type { Task, TaskStats, Tasks } from "../runtime/runtime.ts";
import { HostSampler } from "./host-sampler.ts";
import { SampleRing } from "./sample-ring.ts";
import type { SampleAnswer, SampleRequest } from "./stats-sampler.worker.ts";

/** Between rounds, ms. */
const watchedInterval = 1000;
const quietInterval = 5000;
/** A round may take this share of the time: with very many containers the rounds come less often. */
const maxShare = 0.05;
/** How much is kept, ms. */
const span = 10 * 60 * 1000;
const capacity = span / watchedInterval;

export interface StatsServiceOptions {
  tasks: Tasks;
  namespace: string;
}

interface Series {
  ring: SampleRing;
  /** The reading before, of the same task: rates are differences. */
  before: TaskStats | undefined;
  task: Task;
  sampled: boolean;
  /** Read in the worker. Undefined: the task itself is asked. */
  cgroup: Record<string, string> | undefined;
}

/** CPU, memory, pids and block I/O of every running container, and of this machine. */
export class StatsService implements Disposable {
  readonly #tasks: Tasks;
  readonly #namespace: string;
  readonly #series = new Map<string, Series>();
  readonly #round = new Emitter<void>();
  readonly #host = new HostSampler();
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #latest: ItemOf<typeof stats.watch> = { time: 0, samples: {} };
  #watchers = 0;
  #running = false;
  #disposed = false;

  constructor({ tasks, namespace }: StatsServiceOptions) {
    this.#tasks = tasks;
    this.#namespace = namespace;
    this.#schedule(watchedInterval);
  }

  /** The newest samples of all that run, at once where there are any and then after each round. */
  async *watch({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<
    ItemOf<typeof stats.watch>
  > {
    const wake = new Wake();
    const subscription = this.#round.event(() => wake.notify());
    this.#watchers += 1;
    try {
      if (this.#watchers === 1) this.#schedule(0);
      if (Date.now() - this.#latest.time < 2 * quietInterval) yield this.#latest;
      while (await wake.wait({ signal })) yield this.#latest;
    } finally {
      this.#watchers -= 1;
      subscription.dispose();
    }
  }

  /** Oldest first; empty for a container that did not run in the last ten minutes. */
  history({ id, since = 0 }: InputOf<typeof stats.history>): Sample[] {
    const kept = this.#series.get(id)?.ring.list(Date.now()) ?? [];
    return kept.filter(({ time }) => time > since);
  }

  host(options: { signal?: AbortSignal } = {}): AsyncGenerator<ItemOf<typeof stats.host>> {
    return this.#host.watch(options);
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#stopWorker();
    this.#round.dispose();
  }

  #schedule(delay: number): void {
    if (this.#disposed || this.#running) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#sample(), delay).unref();
  }

  async #sample(): Promise<void> {
    this.#running = true;
    let took = 0;
    try {
      const request = await this.#prepare();
      if (this.#disposed) return;
      if (request) {
        const [answer, asked] = await Promise.all([this.#ask(request), this.#askTasks()]);
        ({ took } = answer);
        this.#take({ ...asked, ...answer.readings });
      } else {
        this.#stopWorker();
        this.#latest = { time: Date.now(), samples: {} };
      }
      this.#round.fire();
    } catch {
      // The worker ended: the next round starts another, and begins anew with everybody.
      this.#stopWorker();
    } finally {
      this.#running = false;
      const interval = this.#watchers > 0 ? watchedInterval : quietInterval;
      this.#schedule(Math.max(interval, took / maxShare));
    }
  }

  /** Whom to read; undefined when nothing runs. */
  async #prepare(): Promise<SampleRequest | undefined> {
    const known = this.#tasks.list().filter((task) => task.namespace === this.#namespace);
    const running = known.filter(({ state }) =>
      ["running", "paused", "shim-lost"].includes(state.status),
    );
    const request: SampleRequest = { put: [], remove: [] };
    const ids = new Set(running.map((task) => task.id));
    const kept = new Set(known.map((task) => task.id));
    for (const [id, series] of this.#series) {
      if (!ids.has(id) && series.sampled) {
        request.remove.push(id);
        series.sampled = false;
        series.before = undefined;
      }
      // A container between two starts has no task for a moment; its history stays ten minutes.
      const last = series.ring.last?.time ?? 0;
      if (!kept.has(id) && Date.now() - last > span) this.#series.delete(id);
    }
    await Promise.all(
      running.map(async (task) => {
        let series = this.#series.get(task.id);
        if (!series || series.task !== task || !series.sampled) {
          const ring = series?.ring ?? new SampleRing(capacity, span);
          const cgroup = await task.cgroup().catch(() => undefined);
          series = { ring, before: undefined, task, sampled: true, cgroup };
          this.#series.set(task.id, series);
          if (cgroup) request.put.push({ id: task.id, cgroup });
        }
      }),
    );
    return running.length > 0 ? request : undefined;
  }

  /** Those whose cgroup can't be read here. */
  async #askTasks(): Promise<Record<string, TaskStats>> {
    const asked = [...this.#series].filter(([, { sampled, cgroup }]) => sampled && !cgroup);
    const readings: Record<string, TaskStats> = {};
    await Promise.all(
      asked.map(async ([id, { task }]) => {
        const reading = await task.stats().catch(() => undefined);
        if (reading) readings[id] = reading;
      }),
    );
    return readings;
  }

  #take(readings: Record<string, TaskStats>): void {
    const samples: Record<string, Sample> = {};
    for (const [id, reading] of Object.entries(readings)) {
      const series = this.#series.get(id);
      if (!series?.sampled) continue;
      const sample = series.before && toSample(series.before, reading);
      series.before = reading;
      if (!sample) continue;
      series.ring.push(sample);
      samples[id] = sample;
    }
    this.#latest = { time: Date.now(), samples };
  }

  #ask(request: SampleRequest): Promise<SampleAnswer> {
    const worker = (this.#worker ??= startWorker("stats-sampler"));
    worker.unref();
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error("the sampler ended"));
      worker.once("error", reject);
      worker.once("exit", ended);
      worker.once("message", (answer: SampleAnswer) => {
        worker.off("error", reject);
        worker.off("exit", ended);
        resolve(answer);
      });
      worker.postMessage(request);
    });
  }

  #stopWorker(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    for (const series of this.#series.values()) {
      series.sampled = false;
      series.before = undefined;
    }
  }
}

/** undefined when the counters began anew in between. */
export function toSample(before: TaskStats, now: TaskStats): Sample | undefined {
  const seconds = (now.clock - before.clock) / 1000;
  const cpu = now.cpu - before.cpu;
  if (seconds <= 0 || cpu < 0) return undefined;
  const rate = (from: number | undefined, to: number | undefined): number | undefined =>
    from === undefined || to === undefined || to < from ? undefined : (to - from) / seconds;
  return {
    time: now.time,
    cpu: cpu / seconds,
    memory: now.memory,
    memoryLimit: now.memoryLimit,
    pids: now.pids,
    readRate: rate(before.read, now.read),
    writeRate: rate(before.written, now.written),
  };
}
