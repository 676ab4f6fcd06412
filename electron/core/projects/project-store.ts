import { z } from "zod";
import { ProjectName, ProjectSource } from "#shared/contract/projects";
import { Time } from "#shared/contract/common";
import type { Collection, DamagedRecord, Store } from "../store/store.ts";

/** A project as it was imported, and what was last read of it: enough to list it without reading it again. */
export const ProjectRecord = z.object({
  name: ProjectName,
  source: ProjectSource,
  importedAt: Time,
  services: z.array(z.object({ name: z.string(), image: z.string(), replicas: z.number() })),
});
export type ProjectRecord = z.infer<typeof ProjectRecord>;

/** The projects' records: all in memory, each change on disk before its promise resolves. */
export class ProjectStore {
  readonly #collection: Collection<typeof ProjectRecord>;
  readonly #records = new Map<string, ProjectRecord>();
  #damaged: readonly DamagedRecord[];

  constructor(store: Store) {
    this.#collection = store.collection("projects", ProjectRecord);
    const { records, damaged } = this.#collection.all();
    this.#damaged = damaged;
    for (const record of records) this.#records.set(record.name, record);
  }

  /** Records on disk that can't be read; they stay there until they are removed or imported anew. */
  get damaged(): readonly DamagedRecord[] {
    return this.#damaged;
  }

  names(): string[] {
    return [...this.#records.keys()];
  }

  find(name: string): ProjectRecord | undefined {
    return this.#records.get(name);
  }

  async put(record: ProjectRecord): Promise<void> {
    await this.#collection.put(record.name, record);
    this.#records.set(record.name, record);
    this.#forgetDamaged(record.name);
  }

  async remove(name: string): Promise<void> {
    await this.#collection.remove(name);
    this.#records.delete(name);
    this.#forgetDamaged(name);
  }

  #forgetDamaged(name: string): void {
    this.#damaged = this.#damaged.filter(({ id }) => id !== name);
  }
}
