import { randomUUID } from "node:crypto";
import { z } from "zod";
import { Time } from "#shared/contract/common";
import type { Collection, Store } from "../store/store.ts";

const LeaseRecord = z.object({
  id: z.string(),
  /** `pull docker.io/library/alpine:latest` */
  what: z.string(),
  /** Blobs. */
  digests: z.array(z.string()),
  /** Layers. */
  diffIds: z.array(z.string()),
  /** What it has is of use to another try: it is held for a while after it has ended without success. */
  resumable: z.boolean(),
  /** Absent while whoever took it is at work. */
  endedAt: Time.optional(),
});
type LeaseRecord = z.infer<typeof LeaseRecord>;

/** How long what a broken-off pull has fetched waits for the next try: a day, in milliseconds. */
const resumableFor = 24 * 3600_000;

/** What somebody at work holds, so that garbage collection leaves it. */
export interface Lease {
  /** Holds these too. When it resolves no collection is just removing one of them: what is there then, stays. */
  hold(what: { digests?: string[]; diffIds?: string[] }): Promise<void>;
}

export interface LeaseOptions {
  what: string;
  resumable?: boolean;
  /**
   * It makes things whose digests are known only when they are there. Nothing is collected meanwhile.
   */
  open?: boolean;
}

/** Who holds what, as containerd's leases; kept on disk for those that are resumed after a crash. */
export class Leases {
  readonly #collection: Collection<typeof LeaseRecord>;
  readonly #records = new Map<string, LeaseRecord>();
  readonly #open = new Set<string>();
  /** Resolves when the removal that is under way is over. */
  removing: Promise<unknown> = Promise.resolve();
  /** Called when a lease has ended; `failed`: it may have left garbage. */
  onEnd: (failed: boolean) => Promise<void> = async () => undefined;

  /** Those of the last manager end here: one root has one manager. */
  constructor(store: Store) {
    this.#collection = store.collection("leases", LeaseRecord);
    for (const record of this.#collection.all().records) {
      this.#records.set(record.id, { ...record, endedAt: record.endedAt ?? Date.now() });
    }
  }

  /**
   * Does something under a lease. What it made is then held by an image record, or is garbage, which has gone when this
   * rejects; but what a next try can use stays for a day.
   */
  async during<T>(options: LeaseOptions, work: (lease: Lease) => Promise<T>): Promise<T> {
    const { what, resumable = false, open = false } = options;
    const id = randomUUID();
    const record: LeaseRecord = { id, what, digests: [], diffIds: [], resumable };
    this.#records.set(id, record);
    if (open) this.#open.add(id);
    let failed = true;
    try {
      const result = await work(await this.#take(record));
      failed = false;
      return result;
    } finally {
      this.#open.delete(id);
      // What a full disk does not take, the next start finds ended.
      await this.#end(record, failed).catch(() => undefined);
      await this.onEnd(failed).catch(() => undefined);
    }
  }

  async #end(record: LeaseRecord, failed: boolean): Promise<void> {
    if (failed && record.resumable) {
      record.endedAt = Date.now();
      await this.#collection.put(record.id, record);
    } else {
      await this.#drop(record.id);
    }
  }

  async #take(record: LeaseRecord): Promise<Lease> {
    const { id, what } = record;
    // A new try holds what the last one fetched.
    const earlier = [...this.#records.values()].filter(
      (other) => other.what === what && other.endedAt !== undefined,
    );
    record.digests = [...new Set(earlier.flatMap(({ digests }) => digests))];
    record.diffIds = [...new Set(earlier.flatMap(({ diffIds }) => diffIds))];
    for (const old of earlier) await this.#drop(old.id);
    await this.#collection.put(id, record);
    const hold: Lease["hold"] = async (more) => {
      record.digests.push(...(more.digests ?? []));
      record.diffIds.push(...(more.diffIds ?? []));
      await this.#collection.put(id, record);
      await this.removing;
    };
    return { hold };
  }

  /** Whether somebody makes what has no name yet. */
  get open(): boolean {
    return this.#open.size > 0;
  }

  /** Everything held just now. */
  held(): { digests: Set<string>; diffIds: Set<string> } {
    const live = [...this.#records.values()].filter(
      ({ resumable, endedAt }) =>
        endedAt === undefined || (resumable && Date.now() - endedAt < resumableFor),
    );
    return {
      digests: new Set(live.flatMap(({ digests }) => digests)),
      diffIds: new Set(live.flatMap(({ diffIds }) => diffIds)),
    };
  }

  /** Drops those that nobody works under any more; `all`: also those that a next try could use. */
  async expire({ all }: { all: boolean }): Promise<void> {
    for (const { id, resumable, endedAt } of [...this.#records.values()]) {
      if (endedAt === undefined) continue;
      if (all || !resumable || Date.now() - endedAt >= resumableFor) await this.#drop(id);
    }
  }

  async #drop(id: string): Promise<void> {
    this.#records.delete(id);
    await this.#collection.remove(id);
  }
}
