import { stat } from "node:fs/promises";
import { suggestName } from "#shared/base/names";
import { VolumeName } from "#shared/contract/container-options";
import type { Volume, VolumePrune } from "#shared/contract/volumes";
import { AppError } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";
import type { Exchange } from "../events/exchange.ts";
import { measurePaths } from "../host/du.ts";
import { type Paths, volumesDir } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { OperationService } from "../operations/operation-service.ts";
import type { View } from "../snapshots/view.ts";
import type { Store } from "../store/store.ts";
import { VolumeArchives } from "./volume-archives.ts";
import { VolumeClaims } from "./volume-claims.ts";
import { VolumeDisk } from "./volume-disk.ts";
import { type Holder, VolumeSet } from "./volume-set.ts";
import { type VolumeRecord, VolumeStore } from "./volume-store.ts";

export interface VolumeServiceOptions {
  paths: Paths;
  privileges: Privileges;
  store: Store;
  exchange: Exchange;
  operations: OperationService;
  ready: Promise<void>;
  /** Every container. */
  holders: () => Iterable<Holder>;
  /** How many containers there are whose records can't be read: what they have is not known. */
  unreadable: () => number;
  /** An image's files, to be read. */
  view: (imageId: string) => Promise<View>;
  /** Called, and waited for, before a volume's files are replaced or removed. */
  release: (name: string) => Promise<void>;
}

/** Named volumes; by `claims` what containers need of them, by `archives` their backups. */
export class VolumeService {
  readonly claims: VolumeClaims;
  readonly archives: VolumeArchives;
  readonly #o: VolumeServiceOptions;
  readonly #volumes: VolumeSet;
  readonly #watch: ListWatch<Volume>;

  constructor(options: VolumeServiceOptions) {
    this.#o = options;
    const { paths, privileges, exchange, holders, release } = options;
    this.#watch = new ListWatch({
      list: () => this.#list(),
      get: (name) => this.#find(name),
      ready: options.ready,
    });
    this.#volumes = new VolumeSet({
      store: new VolumeStore(options.store),
      disk: new VolumeDisk(volumesDir(paths), privileges),
      ...{ exchange, holders, release },
      onChange: (name) => this.#watch.changed(name),
    });
    this.claims = new VolumeClaims(this.#volumes, options.view);
    this.archives = new VolumeArchives(this.#volumes, options);
  }

  async list(): Promise<Volume[]> {
    await this.#o.ready;
    return this.#list();
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Volume>["watch"]> {
    return this.#watch.watch(signal);
  }

  /** Says that other containers have these now. */
  changed(names: readonly string[]): void {
    for (const name of names) this.#watch.changed(name);
  }

  /** Where the files of a volume are. NOT_FOUND when there is no such volume. */
  files(name: string): string {
    this.#volumes.store.require(name);
    return this.directory(name);
  }

  /** Where they would be. */
  directory(name: string): string {
    return this.#volumes.disk.files(name);
  }

  async create(input: { name?: string; labels?: Record<string, string> }): Promise<Volume> {
    await this.#o.ready;
    const { store } = this.#volumes;
    const name = input.name ?? suggestName((taken) => store.get(taken) !== undefined);
    await this.#volumes.turn(name, async () => {
      if (store.get(name)) {
        throw new AppError("ALREADY_EXISTS", `There is a volume named "${name}" already`, {
          field: "name",
        });
      }
      const { labels = {} } = input;
      await this.#volumes.make({ name, labels, anonymous: false, createdAt: Date.now() });
    });
    return this.#view(store.require(name));
  }

  /** With all that is in it. FAILED_PRECONDITION, naming them, while containers have it. */
  async delete(name: string): Promise<void> {
    await this.#o.ready;
    await this.#volumes.turn(name, async () => {
      this.#volumes.store.require(name);
      this.#volumes.requireUnused(name);
      await this.#volumes.remove(name);
    });
  }

  /** Bytes on disk of each. One deleted meanwhile is left out. */
  async diskUse(options: { signal?: AbortSignal } = {}): Promise<{ id: string; size: number }[]> {
    await this.#o.ready;
    return this.#measure(this.#volumes.store.list(), options);
  }

  /** What `prune` would remove. FAILED_PRECONDITION while it can't be known what some container has. */
  async previewPrune(
    { what }: VolumePrune,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ volumes: { id: string; size: number }[]; frees: number }> {
    await this.#o.ready;
    if (this.#o.unreadable() > 0) {
      throw new AppError(
        "FAILED_PRECONDITION",
        "The record of a container can't be read, so which volumes it has is not known",
        { hint: "Delete that container by force first, or delete volumes one by one." },
      );
    }
    const volumes = await this.#measure(this.#volumes.unused(what), options);
    return { volumes, frees: volumes.reduce((sum, { size }) => sum + size, 0) };
  }

  /** Removes what no container has: the anonymous, or all. */
  async prune(prune: VolumePrune): Promise<{ freed: number; volumes: number }> {
    const { volumes } = await this.previewPrune(prune);
    let [freed, removed] = [0, 0];
    for (const { id, size } of volumes) {
      await this.#volumes.turn(id, async () => {
        // A container may have got it while others were removed.
        if (!this.#volumes.unused(prune.what).some(({ name }) => name === id)) return;
        await this.#volumes.remove(id);
        freed += size;
        removed += 1;
      });
    }
    return { freed, volumes: removed };
  }

  /**
   * After the containers were loaded: what a killed manager left half-made or half-removed goes, what it had done but for
   * the last step is finished, and files whose record was lost get one. `exists`: whether there is such a container.
   */
  async reconcile(exists: (containerId: string) => boolean): Promise<void> {
    const { store, disk } = this.#volumes;
    const there = new Set(await disk.list());
    for (const record of store.list()) {
      const { name, madeFor } = record;
      const wanted = madeFor === undefined || exists(madeFor) || this.#volumes.users().has(name);
      if (!there.has(name) || !wanted) {
        await this.#volumes.remove(name);
        there.delete(name);
      } else if (madeFor !== undefined) await this.#volumes.keep(name);
    }
    for (const name of there) {
      // One that can't be read now is tried again with its next container.
      await disk.recover(name).catch(() => undefined);
      if (store.get(name) || !VolumeName.safeParse(name).success) continue;
      const createdAt = (await stat(disk.files(name))).birthtimeMs;
      await store.put({ name, labels: {}, anonymous: false, createdAt });
    }
  }

  /** Removes what removals that were cut off have left. */
  async tidy(): Promise<void> {
    await this.#volumes.disk.tidy();
  }

  async #measure(
    records: VolumeRecord[],
    options: { signal?: AbortSignal },
  ): Promise<{ id: string; size: number }[]> {
    const { disk } = this.#volumes;
    const paths = records.map(({ name }) => disk.files(name));
    const sizes = await measurePaths(paths, this.#o.privileges, options);
    return records.flatMap(({ name }) => {
      const size = sizes.get(disk.files(name));
      return size === undefined ? [] : [{ id: name, size }];
    });
  }

  #list(): Volume[] {
    const users = this.#volumes.users();
    return this.#volumes.store.list().map((record) => this.#view(record, users));
  }

  #find(name: string): Volume | undefined {
    const record = this.#volumes.store.get(name);
    return record && this.#view(record);
  }

  #view(
    { name, labels, anonymous, createdAt }: VolumeRecord,
    users = this.#volumes.users(),
  ): Volume {
    const usedBy = (users.get(name) ?? []).map(
      ({ containerId, containerName, target, readOnly }) => ({
        ...{ containerId, containerName, target, readOnly },
      }),
    );
    return { id: name, labels, anonymous, createdAt, usedBy };
  }
}
