import type { Sample } from "#shared/contract/stats";

/** time, cpu, memory, memoryLimit, pids, readRate, writeRate; NaN: absent. */
const width = 7;

/**
 * The samples of the last `span` ms, oldest first, in one typed array that grows to `capacity`
 * samples: at one a second, ten minutes are 33 KiB.
 */
export class SampleRing {
  readonly #capacity: number;
  readonly #span: number;
  #values = new Float64Array(32 * width);
  #start = 0;
  #length = 0;

  constructor(capacity: number, span: number) {
    this.#capacity = capacity;
    this.#span = span;
  }

  get last(): Sample | undefined {
    return this.#length === 0 ? undefined : this.#at(this.#length - 1);
  }

  push(sample: Sample): void {
    if (this.#length * width === this.#values.length) this.#grow();
    if (this.#length * width === this.#values.length) {
      this.#start = (this.#start + 1) % this.#slots;
      this.#length -= 1;
    }
    const slot = (this.#start + this.#length) % this.#slots;
    const { time, cpu, memory, memoryLimit, pids, readRate, writeRate } = sample;
    const values = [time, cpu, memory, memoryLimit, pids, readRate, writeRate];
    this.#values.set(
      values.map((value) => value ?? Number.NaN),
      slot * width,
    );
    this.#length += 1;
  }

  /** What is younger than the span, at `now`. */
  list(now: number): Sample[] {
    const all: Sample[] = [];
    for (let index = 0; index < this.#length; index += 1) {
      const sample = this.#at(index);
      if (sample.time >= now - this.#span) all.push(sample);
    }
    return all;
  }

  get #slots(): number {
    return this.#values.length / width;
  }

  #at(index: number): Sample {
    const from = ((this.#start + index) % this.#slots) * width;
    const value = (offset: number): number => this.#values[from + offset] ?? Number.NaN;
    const optional = (offset: number): number | undefined =>
      Number.isNaN(value(offset)) ? undefined : value(offset);
    return {
      time: value(0),
      cpu: value(1),
      memory: value(2),
      memoryLimit: optional(3),
      pids: value(4),
      readRate: optional(5),
      writeRate: optional(6),
    };
  }

  #grow(): void {
    const slots = Math.min(this.#capacity, this.#slots * 2);
    if (slots === this.#slots) return;
    // It only grows before the first wrap, so the samples lie in order from the beginning.
    const grown = new Float64Array(slots * width);
    grown.set(this.#values);
    this.#values = grown;
  }
}
