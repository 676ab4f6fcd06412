import { z } from "zod";
import { Time } from "#shared/contract/common";
import { Extension, ExtensionState } from "#shared/contract/extensions";
import { AppError } from "#shared/errors";
import type { Collection, DamagedRecord, Store } from "../store/store.ts";

/** What is known of an extension while nothing of it runs. */
export const ExtensionRecord = Extension.omit({ state: true }).extend({
  restarts: z.number(),
  /** When its present or last container was started. */
  startedAt: Time.optional(),
  lastExit: ExtensionState.shape.lastExit,
});
export type ExtensionRecord = z.infer<typeof ExtensionRecord>;

/** The extensions' records: all in memory, each change on disk before its promise resolves. */
export class ExtensionStore {
  readonly #collection: Collection<typeof ExtensionRecord>;
  readonly #records = new Map<string, ExtensionRecord>();
  readonly #onChange: (id: string) => void;
  #damaged: readonly DamagedRecord[];

  constructor(store: Store, onChange: (id: string) => void) {
    this.#onChange = onChange;
    this.#collection = store.collection("extensions", ExtensionRecord);
    const { records, damaged } = this.#collection.all();
    this.#damaged = damaged;
    for (const record of records) this.#records.set(record.id, record);
  }

  /** Records on disk that can't be read; they stay there until they are removed. */
  get damaged(): readonly DamagedRecord[] {
    return this.#damaged;
  }

  list(): ExtensionRecord[] {
    return [...this.#records.values()];
  }

  find(id: string): ExtensionRecord | undefined {
    return this.#records.get(id);
  }

  /** NOT_FOUND when there is none, DATA_LOSS when its record is damaged. */
  get(id: string): ExtensionRecord {
    const record = this.#records.get(id);
    if (record) return record;
    const damaged = this.#damaged.find((one) => one.id === id);
    if (damaged) throw AppError.fromInfo(damaged.error);
    throw new AppError("NOT_FOUND", `There is no extension "${id}"`, { hint: "It was removed." });
  }

  async put(record: ExtensionRecord): Promise<void> {
    await this.#collection.put(record.id, record);
    this.#records.set(record.id, record);
    this.#onChange(record.id);
  }

  /** Changes some values of the record as it is now. */
  async update(id: string, values: Partial<ExtensionRecord>): Promise<void> {
    await this.put({ ...this.get(id), ...values });
  }

  async remove(id: string): Promise<void> {
    await this.#collection.remove(id);
    this.#records.delete(id);
    this.#damaged = this.#damaged.filter((one) => one.id !== id);
    this.#onChange(id);
  }
}

/** For a record that can't be read: what can be shown of it, so that it can be removed. */
export function damagedExtension({ id, error }: DamagedRecord): Extension {
  return {
    id,
    manifest: {
      ...{ manifest: 1, name: id, title: id, version: "unknown", command: ["unknown"] },
      description: "What was kept of this extension can't be read. Remove it, and install it anew.",
      ...{ image: { kind: "package" }, actions: [], permissions: [], restart: "no" },
    },
    ...{ enabled: false, grants: [], installedAt: 0, origin: "unknown", size: 0 },
    state: { status: "disabled", restarts: 0, error },
  };
}
