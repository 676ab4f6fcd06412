import type { ContainerConfig } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import { allDone } from "../base/all-done.ts";
import { explainFullDisk } from "../base/disk.ts";
import { defaultNamespace, newId } from "../base/ids.ts";
import { nameOf } from "../images/image-config.ts";
import { nameOwnVolumes, volumesOf } from "../volumes/volume-uses.ts";
import type { Activities } from "./activities.ts";
import type { ContainerRecord } from "./container-store.ts";
import { requireEnding } from "./require-ending.ts";
import { type Launcher, type LauncherOptions, streams } from "./launcher.ts";
import type { NextContainer } from "./next-container.ts";
import { freeIds } from "./spec/id-maps.ts";
import { tell } from "./tell.ts";

export interface CreatorOptions extends LauncherOptions {
  launcher: Launcher;
  activities: Activities;
  next: NextContainer;
  /** The containers of an image have changed. */
  onImageUse(imageId: string): void;
  /** Removes a record, and tells of it. */
  forget(record: ContainerRecord): Promise<void>;
}

/** An id that was chosen for a container, and another one of which it has addresses, ports and anonymous volumes. */
export interface Heir {
  id: string;
  of: string;
}

/** Makes containers: the record, what it claims, its directories, and the undoing of all of it. */
export class Creator {
  readonly #o: CreatorOptions;
  /** Of which there may be no record yet. */
  readonly #creating = new Set<ContainerRecord>();

  constructor(options: CreatorOptions) {
    this.#o = options;
  }

  /** As ContainerService.check. */
  async check(config: ContainerConfig): Promise<void> {
    await this.#o.system.known(config.runtime);
    requireEnding(config);
    await this.#o.launcher.spec(this.#newRecord(config));
  }

  /** As ContainerService.create. */
  async create(
    config: ContainerConfig,
    start: boolean,
    heir?: Heir,
  ): Promise<{ id: string; warnings: string[] }> {
    const { images, snapshots, system, networks, volumes, tasks } = this.#o;
    const { store, launcher, next, activities, paths } = this.#o;
    await system.known(config.runtime);
    store.requireFreeName(config.name);
    requireEnding(config);
    const record = this.#newRecord(config, heir);
    const { image, runtime } = record;
    const network = launcher.plan(record);
    this.#creating.add(record);
    const hold = images.hold(image.id);
    const kind = { runtime, ...streams(config) };
    const place =
      start && !heir ? await next.take(kind, () => launcher.layersAhead(record)) : undefined;
    const id = place?.id ?? record.id;
    record.id = id;
    await activities
      .run(id, config.name, { name: "creating" }, async () => {
        if (heir) await networks.connections.inherit(record, heir.of);
        if (place) void launcher.begin(record, place).catch(() => undefined);
        const making = launcher.spec(record);
        // Looked at below, when the directories are there or have failed.
        making.catch(() => undefined);
        if (!place) await snapshots.prepare(defaultNamespace, id);
        // Before anything is known of it: a port that is taken, an address that is not the network's.
        const connecting = start
          ? launcher.connect(record, network)
          : networks.connections.check(record, network).then(() => undefined);
        connecting.catch(() => undefined);
        // Before the start, so that it finds in them what its image has there.
        const claiming = volumes.claims.claim(record);
        claiming.catch(() => undefined);
        try {
          const [made, claim, connected] = await Promise.all([making, claiming, connecting]);
          Object.assign(record, { warnings: made.warnings, notes: made.notes });
          store.requireFreeName(config.name);
          // In memory at once; the disk follows beside the launch, and is waited for.
          const saved = store.put(record);
          tell(this.#o, "/containers/create", id, { image: record.image.name });
          const launching = start
            ? launcher.launch(id, { made: { ...made, connected } })
            : undefined;
          this.#o.onImageUse(image.id);
          await allDone([saved, claim.keep(), ...(launching ? [launching] : [])]);
          volumes.changed(volumesOf(record).map(({ name }) => name));
        } catch (thrown) {
          const error = await explainFullDisk(thrown, paths.data);
          await tasks.get(defaultNamespace, id)?.delete({ force: true });
          await connecting.catch(() => undefined);
          await networks.connections.forget(id);
          if (store.find(id)) await this.#o.forget(record);
          // What can't be removed of it the next start removes; why there is no container is what is told.
          await place?.drop().catch(() => undefined);
          await snapshots.remove(defaultNamespace, id);
          await claiming.then(
            (claim) => claim.undo(),
            () => undefined,
          );
          throw error;
        }
      })
      .finally(async () => {
        await place?.drop().catch(() => undefined);
        hold.dispose();
        this.#creating.delete(record);
      });
    return { id, warnings: record.warnings };
  }

  #newRecord(config: ContainerConfig, heir?: Heir): ContainerRecord {
    const { images, system, store } = this.#o;
    const image = images.get(config.imageId);
    const runtime = system.chooseRuntime(config.runtime);
    this.#requireShareable(config, runtime);
    const inherited = heir && store.get(heir.of).ownVolumes;
    return {
      ...{ id: heir?.id ?? newId(), config, runtime, ...this.#ids(config) },
      ownVolumes: nameOwnVolumes(config.mounts ?? [], image.config.volumes, inherited),
      image: { id: image.id, name: nameOf(image), config: image.config },
      createdAt: Date.now(),
      ...{ restartCount: 0, stoppedByUser: false, warnings: [], notes: [] },
    };
  }

  /** Ids that no other container has, nor one that is being created. */
  #ids({ userns }: ContainerConfig): Pick<ContainerRecord, "firstId"> {
    if (!userns || !("auto" in userns)) return {};
    const taken = [...this.#o.store.list(), ...this.#creating].flatMap(({ config, firstId }) =>
      config.userns && "auto" in config.userns && firstId !== undefined
        ? [{ first: firstId, size: config.userns.auto }]
        : [],
    );
    return { firstId: freeIds(userns.auto, taken) };
  }

  #requireShareable({ shimGroup }: ContainerConfig, runtime: string): void {
    const { shareShim } = this.#o.system.runtime(runtime).abilities;
    if (shimGroup === undefined || shareShim.ok) return;
    throw new AppError("INVALID_ARGUMENT", `Containers of ${runtime} can't share a shim`, {
      field: "shimGroup",
      hint: `${shareShim.reason ?? "It holds one each"}: leave the shim group empty, or choose another runtime.`,
    });
  }
}
