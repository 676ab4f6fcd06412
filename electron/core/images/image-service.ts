import { mkdir, readdir, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { z } from "zod";
import { Image, type ImageConfig } from "#shared/contract/images";
import { AppError, type ErrorInfo } from "#shared/errors";
import { newId } from "../base/ids.ts";
import { ListWatch } from "../base/list-watch.ts";
import type { Exchange } from "../events/exchange.ts";
import { imageDir, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { OperationContext, OperationService } from "../operations/operation-service.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import type { Collection, Store } from "../store/store.ts";
import { findBusybox, makeStarterRootfs } from "./starter.ts";
import { copyDirectory, measure, unpackTar } from "./unpack.ts";

const ImageRecord = Image.omit({ usedBy: true });
export type ImageRecord = z.infer<typeof ImageRecord>;

const starterName = "busybox:host";
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What an image says when it says nothing. */
const defaultConfig: ImageConfig = { args: ["/bin/sh"], env: [defaultPath], cwd: "/", user: "" };

export interface ImageSource {
  path: string;
  name: string;
  config?: Partial<ImageConfig> | undefined;
}

export interface ImageServiceOptions {
  paths: Paths;
  privileges: Privileges;
  store: Store;
  operations: OperationService;
  exchange: Exchange;
  /** The containers of an image: their ids and names. */
  usedBy(imageId: string): { id: string; name: string }[];
  /** Who else needs an image, by names. */
  heldBy(imageId: string): string[];
  /** When `usedBy` knows all containers. */
  ready: Promise<void>;
}

/** Root file systems that containers are made from: each a directory of plain files, never written to again. */
export class ImageService {
  readonly #options: ImageServiceOptions;
  readonly #collection: Collection<typeof ImageRecord>;
  readonly #records = new Map<string, ImageRecord>();
  readonly #watch: ListWatch<Image>;
  #damaged: { id: string; error: ErrorInfo }[] = [];
  #starter: Promise<Image> | undefined;

  constructor(options: ImageServiceOptions) {
    this.#options = options;
    this.#collection = options.store.collection("images", ImageRecord);
    const { records, damaged } = this.#collection.all();
    for (const record of records) this.#records.set(record.id, record);
    this.#damaged = damaged;
    this.#watch = new ListWatch({
      list: () => this.list(),
      get: (id) => this.#find(id),
      ready: options.ready,
    });
  }

  /** Removes what imports that were cut off have left. A directory whose record is damaged stays. */
  async tidy(): Promise<void> {
    const known = new Set([...this.#records.keys(), ...this.#damaged.map(({ id }) => id)]);
    const root = dirname(imageDir(this.#options.paths, "id"));
    for (const name of await readdir(root).catch(() => [])) {
      if (!known.has(name)) await removeTree(join(root, name), this.#options.privileges);
    }
  }

  list(): Image[] {
    return [...this.#records.values()].map((record) => this.#shown(record));
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Image>["watch"]> {
    return this.#watch.watch(signal);
  }

  /** Says that an image's `usedBy` has changed. */
  usageChanged(id: string): void {
    if (this.#records.has(id)) this.#watch.changed(id);
  }

  /** NOT_FOUND when there is none. */
  get(id: string): Image {
    const image = this.#find(id);
    if (image) return image;
    const damaged = this.#damaged.find((record) => record.id === id);
    if (damaged) throw AppError.fromInfo(damaged.error);
    throw new AppError("NOT_FOUND", "There is no such image", {
      subject: `image ${id.slice(0, 12)}`,
      hint: "Choose another image, or import it again.",
    });
  }

  /** The starter image, made or repaired when it isn't whole. */
  ensureStarter(): Promise<Image> {
    this.#starter ??= this.#ensureStarter().finally(() => {
      this.#starter = undefined;
    });
    return this.#starter;
  }

  importTar(source: ImageSource): Promise<Image> {
    return this.#import("tar", source, (rootfs, op) =>
      unpackTar(source.path, rootfs, this.#options.privileges, op),
    );
  }

  importDirectory(source: ImageSource): Promise<Image> {
    return this.#import("directory", source, (rootfs, op) =>
      copyDirectory(source.path, rootfs, this.#options.privileges, op),
    );
  }

  async rename(id: string, name: string): Promise<void> {
    const image = this.get(id);
    if (image.name === name) return;
    this.#requireFreeName(name);
    await this.#save({ ...this.#record(id), name });
    this.#options.exchange.publish({ topic: "/images/update", data: { name, from: image.name } });
  }

  async delete(id: string): Promise<void> {
    await this.#options.ready;
    const image = this.get(id);
    const containers = this.#options.usedBy(id).map(({ name }) => name);
    const users = [...containers, ...this.#options.heldBy(id)];
    if (users.length > 0) {
      const names = users.slice(0, 3);
      const more = users.length > names.length ? ` and ${users.length - names.length} more` : "";
      throw new AppError(
        "FAILED_PRECONDITION",
        `The image "${image.name}" is used by ${names.join(", ")}${more}`,
        { subject: `image "${image.name}"`, hint: "Delete or remove these first." },
      );
    }
    await this.#collection.remove(id);
    this.#records.delete(id);
    this.#watch.changed(id);
    await removeTree(imageDir(this.#options.paths, id), this.#options.privileges);
    this.#options.exchange.publish({ topic: "/images/delete", data: { name: image.name } });
  }

  async #ensureStarter(): Promise<Image> {
    const existing = [...this.#records.values()].find(({ source }) => source === "starter");
    if (existing) {
      const file = join(imageDir(this.#options.paths, existing.id), "rootfs/bin/busybox");
      const whole = await stat(file).then(
        (found) => found.isFile() && found.size > 0,
        () => false,
      );
      if (whole) return this.#shown(existing);
    }
    const busybox = await findBusybox();
    const id = existing?.id ?? newId();
    const name = existing?.name ?? starterName;
    return this.#make(
      { id, name, source: "starter", origin: busybox, config: defaultConfig },
      existing ? "Repairing the starter image" : "Making the starter image",
      (rootfs, op) => makeStarterRootfs(rootfs, busybox, { signal: op.signal }),
    );
  }

  async #import(
    kind: "tar" | "directory",
    source: ImageSource,
    fill: (rootfs: string, op: OperationContext) => Promise<void>,
  ): Promise<Image> {
    this.#requireFreeName(source.name);
    const { name, path } = source;
    const given = Object.entries(source.config ?? {}).filter(([, value]) => value !== undefined);
    const config = { ...defaultConfig, ...Object.fromEntries(given) };
    return this.#make(
      { id: newId(), name, source: kind, origin: path, config },
      `Importing ${name}`,
      fill,
    );
  }

  /** Fills a directory beside the final one and renames it when it is whole. */
  #make(
    about: Pick<ImageRecord, "id" | "name" | "source" | "origin" | "config">,
    title: string,
    fill: (rootfs: string, op: OperationContext) => Promise<void>,
  ): Promise<Image> {
    const { paths, privileges, operations, exchange } = this.#options;
    const spec = { kind: "import", title, imageId: about.id, cancellable: true };
    return operations.run(spec, async (op) => {
      const final = imageDir(paths, about.id);
      const making = `${final}.${op.id}`;
      try {
        await mkdir(join(making, "rootfs"), { recursive: true, mode: 0o700 });
        await fill(join(making, "rootfs"), op);
        op.detail("Counting");
        const measured = await measure(join(making, "rootfs"), privileges, { signal: op.signal });
        const repaired = this.#records.has(about.id);
        if (!repaired) this.#requireFreeName(about.name);
        else await removeTree(final, privileges);
        await rename(making, final);
        const record = { ...about, ...measured, createdAt: Date.now() };
        try {
          await this.#save(record);
        } catch (error) {
          await removeTree(final, privileges);
          throw error;
        }
        exchange.publish({
          topic: repaired ? "/images/update" : "/images/create",
          data: { name: about.name, origin: about.origin },
        });
        return this.#shown(record);
      } catch (error) {
        await removeTree(making, privileges).catch(() => undefined);
        throw error;
      }
    });
  }

  #requireFreeName(name: string): void {
    if (![...this.#records.values()].some((record) => record.name === name)) return;
    throw new AppError("ALREADY_EXISTS", `There is an image named "${name}" already`, {
      field: "name",
      hint: "Choose another name or tag.",
    });
  }

  async #save(record: ImageRecord): Promise<void> {
    await this.#collection.put(record.id, record);
    this.#records.set(record.id, record);
    this.#watch.changed(record.id);
  }

  #record(id: string): ImageRecord {
    return this.#records.get(id) as ImageRecord;
  }

  #find(id: string): Image | undefined {
    const record = this.#records.get(id);
    return record && this.#shown(record);
  }

  #shown(record: ImageRecord): Image {
    return { ...record, usedBy: this.#options.usedBy(record.id).map(({ id }) => id) };
  }
}
