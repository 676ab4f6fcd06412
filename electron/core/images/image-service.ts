import type { Image, ImageDetail, Removal } from "#shared/contract/images";
import type { Disposable } from "#shared/base/disposable";
import { AppError } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";
import type { ContentStore } from "../content/content-store.ts";
import { parseConfig } from "../content/oci.ts";
import type { Exchange } from "../events/exchange.ts";
import { imageDir, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { OperationContext, OperationService } from "../operations/operation-service.ts";
import { parseReference } from "../registry/reference.ts";
import type { LayerInfo } from "../snapshots/layer.ts";
import type { Lower } from "../runtime/runtime.ts";
import type { LayerStore } from "../snapshots/layer-store.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import type { ArchiveLoader } from "./archive-loader.ts";
import { dockerArchive, ociArchive, type Saved, writeNewFile } from "./archive-writer.ts";
import { DiskShare } from "./disk-share.ts";
import type { GarbageCollector } from "./garbage-collector.ts";
import { nameOf } from "./image-config.ts";
import { historyOf } from "./image-history.ts";
import type { ImageImporter, ImageSource } from "./image-importer.ts";
import { configDigest, type ImageRecord, type ImageStore } from "./image-store.ts";
import type { Leases } from "./leases.ts";
import type { PlainLayers } from "./plain-layers.ts";
import { Progress } from "./progress.ts";

const starterName = "busybox:host";
/** Users of an image that an error names. */
const namedUsers = 3;

export interface ImageServiceOptions {
  paths: Paths;
  privileges: Privileges;
  store: ImageStore;
  content: ContentStore;
  layers: LayerStore;
  /** Absent where `layers` are directories themselves. */
  plain: PlainLayers | undefined;
  leases: Leases;
  collector: GarbageCollector;
  importer: ImageImporter;
  loader: ArchiveLoader;
  operations: OperationService;
  exchange: Exchange;
  /** The containers of an image: their ids and names. */
  usedBy(imageId: string): { id: string; name: string }[];
  /** Who else needs an image, by names. */
  heldBy(imageId: string): string[];
  /** When `usedBy` knows all containers. */
  ready: Promise<void>;
}

/** The images of this machine: what they are, what they are called, what they take, and how they come and go. */
export class ImageService {
  readonly #o: ImageServiceOptions;
  readonly #layers = new Map<string, LayerInfo>();
  readonly #holds = new Map<string, number>();
  readonly #watch: ListWatch<Image>;
  #share: DiskShare | undefined;
  #starter: Promise<Image> | undefined;

  constructor(options: ImageServiceOptions) {
    this.#o = options;
    this.#watch = new ListWatch({
      list: () => this.list(),
      get: (id) => this.find(id),
      ready: options.ready,
    });
  }

  /** Looks at the layers on disk; before anything is listed. */
  async load(): Promise<void> {
    for (const layer of await this.#o.layers.list()) this.#layers.set(layer.diffId, layer);
    this.#share = undefined;
  }

  list(): Image[] {
    return this.#o.store.list().map((record) => this.shown(record));
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Image>["watch"]> {
    return this.#watch.watch(signal);
  }

  /** Says that an image's record, names or users have changed. */
  changed(id: string): void {
    const before = this.#share?.neighbours(id) ?? [];
    this.#share = undefined;
    for (const one of new Set([id, ...before, ...this.#shares().neighbours(id)])) {
      this.#watch.changed(one);
    }
  }

  layerMade(layer: LayerInfo): void {
    this.#layers.set(layer.diffId, layer);
    this.#share = undefined;
  }

  layerRemoved(diffId: string): void {
    this.#layers.delete(diffId);
    this.#share = undefined;
  }

  /** NOT_FOUND when there is none. */
  get(id: string): Image {
    return this.shown(this.#o.store.get(id));
  }

  find(id: string): Image | undefined {
    const record = this.#o.store.find(id);
    return record && this.shown(record);
  }

  findByName(name: string): Image | undefined {
    const record = this.#o.store.findByName(name);
    return record && this.shown(record);
  }

  /** Its layers' diffIds, base first. NOT_FOUND when there is no such image. */
  layersOf(id: string): string[] {
    return this.#o.store.get(id).layers.map(({ diffId }) => diffId);
  }

  /** Its layers as directories, topmost first, for a runtime that mounts nothing else. */
  async directoriesOf(id: string): Promise<Lower[]> {
    const { layers } = this.#o.store.get(id);
    if (!this.#o.plain) return this.#o.layers.lowers(layers.map(({ diffId }) => diffId));
    const hold = this.hold(id);
    try {
      return await this.#o.plain.lowers(layers);
    } finally {
      hold.dispose();
    }
  }

  /** Keeps an image from being removed until it is disposed: for who makes something of it that will name it. */
  hold(id: string): Disposable {
    this.#holds.set(id, (this.#holds.get(id) ?? 0) + 1);
    let held = true;
    return {
      dispose: () => {
        const left = (this.#holds.get(id) ?? 1) - (held ? 1 : 0);
        held = false;
        if (left > 0) this.#holds.set(id, left);
        else this.#holds.delete(id);
      },
    };
  }

  async detail(id: string): Promise<ImageDetail> {
    const { store, content } = this.#o;
    const record = store.get(id);
    const [manifest, config] = await Promise.all([
      content.read(record.digest),
      content.read(configDigest(id)),
    ]);
    const history = historyOf(parseConfig(config), record, {
      layer: (diffId) => this.#layers.get(diffId),
      sharedWith: (diffId) =>
        this.#shares()
          .sharing(diffId, id)
          .map((one) => this.#nameOf(one)),
    });
    return {
      image: this.shown(record),
      history,
      manifest: manifest.toString("utf8"),
      configText: config.toString("utf8"),
    };
  }

  /** The starter image, made or repaired when it isn't whole. */
  ensureStarter(): Promise<Image> {
    this.#starter ??= this.#ensureStarter().finally(() => {
      this.#starter = undefined;
    });
    return this.#starter;
  }

  importTar(source: ImageSource): Promise<Image> {
    return this.#import(source, (op) => this.#o.importer.fromTar(source, op));
  }

  importDirectory(source: ImageSource): Promise<Image> {
    return this.#import(source, (op) => this.#o.importer.fromDirectory(source, op));
  }

  loadArchive(path: string): Promise<Image[]> {
    const spec = { kind: "import", title: `Loading ${path}`, cancellable: true };
    return this.#o.operations.run(spec, async (op) => {
      const records = await this.#o.loader.load(path, op);
      return records.map((record) => this.added(record));
    });
  }

  /** Writes images, each by a name or an id, with that name or with all they have. */
  async save(request: {
    images: string[];
    path: string;
    format: "docker-archive" | "oci-archive";
  }): Promise<void> {
    const { operations, leases, content } = this.#o;
    const images = request.images.map((text) => this.#toSave(text));
    const spec = { kind: "export", title: `Saving to ${request.path}`, cancellable: true };
    await operations.run(spec, async (op) => {
      await leases.during({ what: `save ${request.path}` }, async (lease) => {
        const digests = images.flatMap(({ record }) => digestsOf(record));
        await lease.hold({ digests });
        const write = request.format === "oci-archive" ? ociArchive : dockerArchive;
        const progress = new Progress(op, this.#blobBytes(images));
        await writeNewFile(request.path, write(images, content), {
          signal: op.signal,
          onProgress: (written) => progress.set(written),
        });
      });
    });
  }

  async tag(id: string, name: string): Promise<void> {
    const { store } = this.#o;
    const record = store.get(id);
    if (parseReference(name).digest !== undefined) {
      throw new AppError("INVALID_ARGUMENT", "A name with a digest can't be given", {
        field: "name",
        hint: "Write name:tag.",
      });
    }
    const from = this.#nameOf(record.id);
    await store.name(name, id);
    this.#publish("/images/update", { name, from });
  }

  async untag(name: string): Promise<void> {
    const id = await this.#o.store.unname(name);
    this.#publish("/images/update", { name: this.#nameOf(id), without: name });
  }

  previewDelete(ids: string[]): Removal {
    return this.#preview(ids.map((id) => this.#o.store.get(id)));
  }

  /** With its names. FAILED_PRECONDITION, naming them, while containers or extensions use it. Answers bytes freed. */
  async delete(id: string): Promise<{ freed: number }> {
    const { store, paths, privileges, collector, ready } = this.#o;
    await ready;
    const damaged = store.damaged.some((record) => record.id === id);
    if (!damaged) store.get(id);
    const name = this.#nameOf(id);
    this.#requireUnused(id, name);
    const freed = this.#shares().frees([id]);
    await store.remove(id);
    this.#publish("/images/delete", { name });
    if (damaged) await removeTree(imageDir(paths, id), privileges);
    await collector.collect();
    return { freed };
  }

  previewPrune(what: "unnamed" | "unused"): Removal {
    return this.#preview(this.#prunable(what));
  }

  /** Removes what nothing uses, and what broken-off pulls have left. */
  async prune(what: "unnamed" | "unused"): Promise<{ freed: number; images: number }> {
    const { store, leases, collector, ready } = this.#o;
    await ready;
    const { images } = this.previewPrune(what);
    const removed: string[] = [];
    const share = this.#shares();
    for (const { id } of images) {
      // Something may have been made of it, or it been given a name, while others were removed.
      if (!this.#isPrunable(id, what) || this.#users(id).length > 0) continue;
      const name = this.#nameOf(id);
      removed.push(id);
      await store.remove(id);
      this.#publish("/images/delete", { name });
    }
    await leases.expire({ all: true });
    await collector.collect();
    return { freed: share.frees(removed), images: removed.length };
  }

  /** Tells of an image that has come. */
  added(record: ImageRecord): Image {
    const image = this.shown(record);
    this.#publish("/images/create", { name: nameOf(image), origin: record.origin });
    return image;
  }

  shown(record: ImageRecord): Image {
    const { documents: _, mediaType: __, layers, ...rest } = record;
    return {
      ...rest,
      ...this.#shares().of(record.id),
      names: this.#o.store.namesOf(record.id),
      files: layers.reduce((sum, { diffId }) => sum + (this.#layers.get(diffId)?.files ?? 0), 0),
      layers: layers.length,
      usedBy: this.#o.usedBy(record.id).map(({ id }) => id),
    };
  }

  async #ensureStarter(): Promise<Image> {
    const { store, operations, importer } = this.#o;
    const existing = store.list().find(({ source }) => source === "starter");
    if (existing && (await this.#isWhole(existing))) return this.shown(existing);
    const title = existing ? "Repairing the starter image" : "Making the starter image";
    const spec = { kind: "import", title, cancellable: true };
    return operations.run(spec, async (op) => this.added(await importer.starter(starterName, op)));
  }

  async #isWhole(record: ImageRecord): Promise<boolean> {
    const { content, layers } = this.#o;
    const found = await Promise.all([
      ...digestsOf(record).map((digest) => content.stat(digest)),
      ...record.layers.map(({ diffId }) => layers.get(diffId)),
    ]);
    return found.every((each) => each !== undefined);
  }

  async #import(
    { name }: ImageSource,
    run: (op: OperationContext) => Promise<ImageRecord>,
  ): Promise<Image> {
    this.#requireFreeName(name);
    const spec = { kind: "import", title: `Importing ${name}`, cancellable: true };
    return this.#o.operations.run(spec, async (op) => this.added(await run(op)));
  }

  #preview(records: ImageRecord[]): Removal {
    const share = this.#shares();
    const removal: Removal = { images: [], frees: 0, held: [] };
    for (const { id } of records) {
      const by = this.#users(id);
      const names = this.#o.store.namesOf(id);
      if (by.length > 0) removal.held.push({ id, names, by });
      else removal.images.push({ id, names, frees: share.frees([id]) });
    }
    removal.frees = share.frees(removal.images.map(({ id }) => id));
    return removal;
  }

  #prunable(what: "unnamed" | "unused"): ImageRecord[] {
    return this.#o.store.list().filter(({ id }) => this.#isPrunable(id, what));
  }

  #isPrunable(id: string, what: "unnamed" | "unused"): boolean {
    const holders = what === "unnamed" ? this.#o.store.namesOf(id) : this.#users(id);
    return holders.length === 0;
  }

  #requireUnused(id: string, name: string): void {
    const users = this.#users(id);
    if (users.length === 0) return;
    const more = users.length > namedUsers ? ` and ${users.length - namedUsers} more` : "";
    throw new AppError(
      "FAILED_PRECONDITION",
      `The image "${name}" is used by ${users.slice(0, namedUsers).join(", ")}${more}`,
      { subject: `image "${name}"`, hint: "Delete or remove these first." },
    );
  }

  #users(id: string): string[] {
    const making = this.#holds.has(id) ? ["what is just being made of it"] : [];
    return [...this.#o.usedBy(id).map(({ name }) => name), ...this.#o.heldBy(id), ...making];
  }

  #requireFreeName(name: string): void {
    if (!this.#o.store.findByName(name)) return;
    throw new AppError("ALREADY_EXISTS", `There is an image named "${name}" already`, {
      field: "name",
      hint: "Choose another name or tag.",
    });
  }

  /** By an id, or the beginning of one, with all names; by a name with that one. */
  #toSave(text: string): Saved {
    const { store } = this.#o;
    const byId = store.find(text);
    if (byId) return { record: byId, names: store.namesOf(text) };
    const record = store.findByName(text);
    if (record) return { record, names: [text] };
    throw new AppError("NOT_FOUND", `There is no image "${text}"`, { field: "images" });
  }

  #blobBytes(images: Saved[]): number {
    const sizes = new Map(
      images.flatMap(({ record }) => record.layers.map(({ digest, size }) => [digest, size])),
    );
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  #nameOf(id: string): string {
    return nameOf({ id, names: this.#o.store.namesOf(id) });
  }

  #shares(): DiskShare {
    this.#share ??= new DiskShare(this.#o.store.list(), this.#layers);
    return this.#share;
  }

  #publish(
    topic: "/images/create" | "/images/update" | "/images/delete",
    data: Record<string, string>,
  ): void {
    this.#o.exchange.publish({ topic, data });
  }
}

const digestsOf = ({ id, digest, layers }: ImageRecord): string[] => [
  ...[digest, configDigest(id)],
  ...layers.map((layer) => layer.digest),
];
