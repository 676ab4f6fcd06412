import { access } from "node:fs/promises";
import { z } from "zod";
import { Emitter } from "#shared/base/emitter";
import type { Collection, Store } from "../store/store.ts";

/** Where containerds listen: the distributions', docker's own, k3s', microk8s'. */
export const knownAddresses = [
  "/run/containerd/containerd.sock",
  "/run/docker/containerd/containerd.sock",
  "/run/k3s/containerd/containerd.sock",
  "/var/snap/microk8s/common/run/containerd.sock",
];

const PlaceRecord = z.object({
  /** Its socket's path. */
  id: z.string(),
  /** The user named it. */
  named: z.boolean(),
  /** Namespaces whose containers may be deleted from here. */
  deletable: z.array(z.string()),
});
export type PlaceRecord = z.infer<typeof PlaceRecord>;

/** What is known of the containerds of this machine without speaking to them. */
export class Places {
  readonly #known: readonly string[];
  readonly #collection: Collection<typeof PlaceRecord>;
  readonly #records = new Map<string, PlaceRecord>();
  readonly #changed = new Emitter<void>();

  /** The user named one, or no longer does. */
  readonly onChange = this.#changed.event;

  /** `known`: where to look; for tests, which have their own. */
  constructor(store: Store, known: readonly string[] = knownAddresses) {
    this.#known = known;
    this.#collection = store.collection("places", PlaceRecord);
    for (const record of this.#collection.all().records) this.#records.set(record.id, record);
  }

  /** Addresses that the user named. */
  get named(): string[] {
    return [...this.#records.values()].filter(({ named }) => named).map(({ id }) => id);
  }

  /** Those where a socket is, whoever named them, and all that the user named. */
  async find(): Promise<string[]> {
    const there = await Promise.all(
      this.#known.map((address) =>
        access(address).then(
          () => [address],
          () => [],
        ),
      ),
    );
    return [...new Set([...there.flat(), ...this.named])];
  }

  record(address: string): PlaceRecord {
    return this.#records.get(address) ?? { id: address, named: false, deletable: [] };
  }

  async keep(record: PlaceRecord): Promise<void> {
    await this.#collection.put(record.id, record);
    const before = this.#records.get(record.id);
    this.#records.set(record.id, record);
    if (record.named !== (before?.named ?? false)) this.#changed.fire();
  }

  async remove(address: string): Promise<void> {
    this.#records.delete(address);
    await this.#collection.remove(address);
    this.#changed.fire();
  }
}
