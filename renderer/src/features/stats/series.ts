import type { Sample } from "#shared/contract/stats";

/**
 * Samples come each second while anybody looks, else each five; with more than two of these between two of
 * them it did not run, or the core did not. Milliseconds.
 */
const gap = 11_000;

export type Value = number | null;

/** Samples in columns, as charts take them: a gap in time is a gap in every line. */
export interface Columns {
  /** Seconds since the Unix epoch. */
  times: number[];
  cpu: Value[];
  memory: Value[];
  limit: Value[];
  pids: Value[];
  read: Value[];
  write: Value[];
}

export function columns(history: readonly Sample[]): Columns {
  const result: Columns = {
    times: [],
    cpu: [],
    memory: [],
    limit: [],
    pids: [],
    read: [],
    write: [],
  };
  let before: number | undefined;
  for (const sample of history) {
    if (before !== undefined && sample.time - before > gap) push(result, before + 1, undefined);
    push(result, sample.time, sample);
    before = sample.time;
  }
  return result;
}

function push(into: Columns, time: number, sample: Sample | undefined): void {
  into.times.push(time / 1000);
  into.cpu.push(sample?.cpu ?? null);
  into.memory.push(sample?.memory ?? null);
  into.limit.push(sample?.memoryLimit ?? null);
  into.pids.push(sample?.pids ?? null);
  into.read.push(sample?.readRate ?? null);
  into.write.push(sample?.writeRate ?? null);
}

/** A scale's top: the next of 1, 2, 5 times a power of ten (for bytes: of 1024), so that it seldom changes. */
export function niceCeiling(value: number, base: 10 | 1024, least: number): number {
  const wanted = Math.max(value, least);
  const unit = base ** Math.floor(Math.log(wanted) / Math.log(base) + 1e-9);
  const steps = base === 10 ? [1, 2, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  return unit * (steps.find((step) => unit * step >= wanted) ?? base);
}
