import type { z } from "zod";
import type { Collection } from "./store.ts";

/** A collection with a copy in memory: each change is on disk before its promise resolves. What can't be read is left out. */
export class Kept<S extends z.ZodType> {
  readonly #collection: Collection<S>;
  readonly #id: (record: z.output<S>) => string;
  readonly #records = new Map<string, z.output<S>>();

  constructor(collection: Collection<S>, id: (record: z.output<S>) => string) {
    this.#collection = collection;
    this.#id = id;
    for (const record of collection.all().records) this.#records.set(id(record), record);
  }

  list(): z.output<S>[] {
    return [...this.#records.values()];
  }

  get(id: string): z.output<S> | undefined {
    return this.#records.get(id);
  }

  async put(record: z.output<S>): Promise<void> {
    const id = this.#id(record);
    const before = this.#records.get(id);
    this.#records.set(id, record);
    try {
      await this.#collection.put(id, record as z.input<S>);
    } catch (error) {
      if (before === undefined) this.#records.delete(id);
      else this.#records.set(id, before);
      throw error;
    }
  }

  async remove(id: string): Promise<void> {
    const before = this.#records.get(id);
    this.#records.delete(id);
    try {
      await this.#collection.remove(id);
    } catch (error) {
      if (before !== undefined) this.#records.set(id, before);
      throw error;
    }
  }
}
