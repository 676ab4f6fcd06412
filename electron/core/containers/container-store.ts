import { z } from "zod";
import { suggestName } from "#shared/base/names";
import { VolumeName } from "#shared/contract/container-options";
import { ContainerConfig } from "#shared/contract/containers";
import { ErrorInfoSchema, Id, Time } from "#shared/contract/common";
import { AppError } from "#shared/errors";
import { StoredImageConfig } from "../images/image-config.ts";
import type { Collection, DamagedRecord, Store } from "../store/store.ts";

/** How a container's last task ended. */
const LastExit = z.object({
  code: z.number().optional(),
  exitedAt: Time,
  oomKilled: z.boolean(),
});
export type LastExit = z.infer<typeof LastExit>;

/** What is known of a container while nothing of it runs, and survives everything. */
export const ContainerRecord = z.object({
  id: Id,
  config: ContainerConfig,
  /** As it was when the container was created: it goes on being that. */
  image: z.object({ id: Id, name: z.string(), config: StoredImageConfig }),
  /** Names of the volumes that nobody named, by where it sees them. */
  ownVolumes: z.record(z.string(), VolumeName).default({}),
  createdAt: Time,
  /** Runtime id. */
  runtime: z.string(),
  /** By its restart policy, since the user last started it. */
  restartCount: z.number(),
  /** The user stopped it, so `unless-stopped` leaves it so. */
  stoppedByUser: z.boolean(),
  /** When its present or last task was started. */
  startedAt: Time.optional(),
  exit: LastExit.optional(),
  /** Why its last start failed; gone with the next start. */
  startError: ErrorInfoSchema.optional(),
  /** Of those on this machine that its own user namespace has; only where they were chosen for it. */
  firstId: z.number().optional(),
  warnings: z.array(z.string()),
  notes: z.array(z.string()).default([]),
});
export type ContainerRecord = z.infer<typeof ContainerRecord>;

/** The containers' records: all in memory, each change on disk before its promise resolves. */
export class ContainerStore {
  readonly #collection: Collection<typeof ContainerRecord>;
  readonly #records = new Map<string, ContainerRecord>();
  readonly #ids = new Map<string, string>();
  readonly #onChange: (id: string) => void;
  #damaged: readonly DamagedRecord[];

  constructor(store: Store, onChange: (id: string) => void) {
    this.#onChange = onChange;
    this.#collection = store.collection("containers", ContainerRecord);
    const { records, damaged } = this.#collection.all();
    this.#damaged = damaged;
    for (const record of records) this.#remember(record);
  }

  /** Records on disk that can't be read; they stay there until they are removed. */
  get damaged(): readonly DamagedRecord[] {
    return this.#damaged;
  }

  list(): ContainerRecord[] {
    return [...this.#records.values()];
  }

  find(id: string): ContainerRecord | undefined {
    return this.#records.get(id);
  }

  /** NOT_FOUND when there is none. */
  get(id: string): ContainerRecord {
    const record = this.#records.get(id);
    if (record) return record;
    throw new AppError("NOT_FOUND", "There is no such container", {
      subject: `container ${id.slice(0, 12)}`,
      hint: "It was deleted.",
    });
  }

  /** Names are unique, upper and lower case told apart, as docker's. */
  idOf(name: string): string | undefined {
    return this.#ids.get(name);
  }

  /** ALREADY_EXISTS when another one has it. */
  requireFreeName(name: string): void {
    const reason = this.takenReason(name);
    if (reason === undefined) return;
    throw new AppError("ALREADY_EXISTS", reason, {
      field: "name",
      hint: `Choose another, as "${this.suggestName()}".`,
    });
  }

  /** Why a name can't be had; undefined when it can. */
  takenReason(name: string): string | undefined {
    if (this.idOf(name) === undefined) return undefined;
    return `There is a container named "${name}" already`;
  }

  /** A name nobody has. */
  suggestName(): string {
    return suggestName((name) => this.idOf(name) !== undefined);
  }

  async put(record: ContainerRecord): Promise<void> {
    const before = this.#records.get(record.id);
    // At once in memory, so that a name can't be taken twice while the disk is being written.
    this.#remember(record);
    try {
      await this.#collection.put(record.id, record);
    } catch (error) {
      this.#forget(record.id);
      if (before) this.#remember(before);
      throw error;
    } finally {
      this.#onChange(record.id);
    }
  }

  /** Changes some values of the record as it is now. */
  async update(id: string, values: Partial<ContainerRecord>): Promise<void> {
    await this.put({ ...this.get(id), ...values });
  }

  async remove(id: string): Promise<void> {
    await this.#collection.remove(id);
    this.#forget(id);
    this.#damaged = this.#damaged.filter((record) => record.id !== id);
    this.#onChange(id);
  }

  #remember(record: ContainerRecord): void {
    this.#forget(record.id);
    this.#records.set(record.id, record);
    this.#ids.set(record.config.name, record.id);
  }

  #forget(id: string): void {
    const name = this.#records.get(id)?.config.name;
    if (name !== undefined) this.#ids.delete(name);
    this.#records.delete(id);
  }
}
