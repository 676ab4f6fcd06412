import { lstat, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "#shared/errors";
import { containerDir, type Paths, viewDir } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import { removeTree } from "../host/remove-tree.ts";
import { readUserFiles, type UserFiles } from "../runtime/oci/user.ts";
import type { CallOptions, Lower, RootfsMount } from "../runtime/runtime.ts";
import { type Change, listChanges } from "./changes.ts";
import type { LayerStore } from "./layer-store.ts";
import { userFiles } from "./layer.ts";
import { packDirectory, packMount } from "./pack.ts";
import { openView, type View } from "./view.ts";

export { removeTree };

/** An image's files: its layers by their diff ids, base first. */
type ImageFiles = readonly string[];

/**
 * The writable side of containers: per container an overlay's upper and work directory, over its
 * image's layers. Nothing is mounted here; the shim does that in a mount namespace of its own.
 */
export class Snapshotter {
  readonly #paths: Paths;
  readonly #privileges: Privileges;
  readonly #layers: LayerStore;

  constructor(paths: Paths, privileges: Privileges, layers: LayerStore) {
    this.#paths = paths;
    this.#privileges = privileges;
    this.#layers = layers;
  }

  /** Makes the directories of a new container; leaves nothing when that fails. */
  async prepare(namespace: string, id: string): Promise<void> {
    const directory = containerDir(this.#paths, namespace, id);
    try {
      await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
      await mkdir(directory, { mode: 0o700 });
      // overlayfs shows upper's mode as the root directory's.
      await Promise.all([
        mkdir(join(directory, "upper"), { mode: 0o755 }),
        mkdir(join(directory, "work"), { mode: 0o700 }),
      ]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") await this.remove(namespace, id);
      throw AppError.wrap(error, "The container's directory can't be made");
    }
  }

  /** How the root file system is put together. NOT_FOUND when the image's files have gone. */
  async mounts(namespace: string, id: string, files: ImageFiles): Promise<RootfsMount> {
    const directory = containerDir(this.#paths, namespace, id);
    return {
      type: "overlay",
      lower: await this.lowers(files),
      upper: join(directory, "upper"),
      work: join(directory, "work"),
    };
  }

  /** An image's layers, topmost first. NOT_FOUND when they have gone. */
  lowers(files: ImageFiles): Promise<Lower[]> {
    return this.#layers.lowers(files);
  }

  /**
   * The files that users are looked up in, while nothing is mounted: those written in the container go before its
   * image's. NOT_FOUND when the image's files have gone.
   */
  async userFiles(namespace: string, id: string, files: ImageFiles): Promise<UserFiles> {
    const upper = this.upper(namespace, id);
    const ofImage = this.imageUserFiles(files);
    ofImage.catch(() => undefined);
    const etc = await kindOf(join(upper, "etc"));
    if (etc === "absent") return ofImage;
    const kinds = await Promise.all(userFiles.map((path) => kindOf(join(upper, path))));
    const others = kinds.some((kind) => kind === "directory" || kind === "other");
    if (etc !== "directory" || others)
      return this.#lookInto(await this.#merged(namespace, id, files));
    const [own, image] = await Promise.all([readUserFiles(upper, this.#privileges), ofImage]);
    const [passwd, group] = kinds;
    return {
      passwd: passwd === "file" ? own.passwd : image.passwd,
      group: group === "file" ? own.group : image.group,
    };
  }

  /** Those of an image alone. */
  async imageUserFiles(files: ImageFiles): Promise<UserFiles> {
    const [lower, captured] = await Promise.all([
      this.lowers(files),
      capturedUsers(this.#layers, files),
    ]);
    if (captured) return captured;
    const [only] = lower;
    if (only?.type === "directory" && lower.length === 1) {
      return readUserFiles(only.path, this.#privileges);
    }
    return this.#lookInto({ type: "overlay", lower });
  }

  /** An image's files, to be looked at while nothing runs; the caller disposes of it. */
  async view(files: ImageFiles, options: CallOptions = {}): Promise<View> {
    const mount = { type: "overlay" as const, lower: await this.lowers(files) };
    return openView(mount, await this.#place(), this.#privileges, options);
  }

  /** A container's, as they are now. */
  async viewContainer(
    namespace: string,
    id: string,
    files: ImageFiles,
    options: CallOptions = {},
  ): Promise<View> {
    const mount = await this.#merged(namespace, id, files);
    return openView(mount, await this.#place(), this.#privileges, options);
  }

  /** What was changed in a container since it was made, as a layer's tar (image-spec, layer.md), not compressed. */
  diff(namespace: string, id: string, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
    return packDirectory(this.upper(namespace, id), this.#privileges, options);
  }

  /** The same as a list, in the order of names. */
  async changes(
    namespace: string,
    id: string,
    files: ImageFiles,
    options: CallOptions = {},
  ): Promise<Change[]> {
    return listChanges({
      upper: this.upper(namespace, id),
      lower: { type: "overlay", lower: await this.lowers(files) },
      merged: await this.#merged(namespace, id, files),
      place: await this.#place(),
      privileges: this.#privileges,
      ...options,
    });
  }

  /** All of a container's files as a tar, not compressed. */
  async *exportTree(
    namespace: string,
    id: string,
    files: ImageFiles,
    options: CallOptions = {},
  ): AsyncGenerator<Uint8Array> {
    const mount = await this.#merged(namespace, id, files);
    yield* packMount(mount, await this.#place(), this.#privileges, options);
  }

  upper(namespace: string, id: string): string {
    return join(containerDir(this.#paths, namespace, id), "upper");
  }

  /** Everything of a container that outlives its task, its log too. Idempotent. */
  async remove(namespace: string, id: string): Promise<void> {
    await removeTree(containerDir(this.#paths, namespace, id), this.#privileges);
  }

  /** The ids that have directories, whether or not a record knows them. */
  async list(namespace: string): Promise<string[]> {
    return readdir(dirname(containerDir(this.#paths, namespace, "id"))).catch(() => []);
  }

  /** All layers of a container, to be read: what is written in it is one more of them. */
  async #merged(namespace: string, id: string, files: ImageFiles): Promise<RootfsMount> {
    const upper: Lower = { type: "directory", path: this.upper(namespace, id) };
    return { type: "overlay", lower: [upper, ...(await this.lowers(files))] };
  }

  async #lookInto(mount: RootfsMount): Promise<UserFiles> {
    await using view = await openView(mount, await this.#place(), this.#privileges);
    return await readUserFiles(view.root, this.#privileges);
  }

  async #place(): Promise<string> {
    const path = viewDir(this.#paths);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }
}

/** What layers say of them without being mounted; undefined when one says that they have to be looked at in place. */
async function capturedUsers(
  layers: LayerStore,
  diffIds: readonly string[],
): Promise<UserFiles | undefined> {
  const all = await Promise.all(diffIds.map((diffId) => layers.captured(diffId)));
  const texts = userFiles.map((path) => {
    const topmost = all.findLast((captured) => captured[path] !== undefined)?.[path];
    if (topmost === undefined || topmost === "hidden") return "";
    return topmost === "other"
      ? undefined
      : Buffer.from(topmost.content, "base64").toString("utf8");
  });
  const [passwd, group] = texts;
  return passwd === undefined || group === undefined ? undefined : { passwd, group };
}

async function kindOf(path: string): Promise<"absent" | "file" | "directory" | "other"> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats) return "absent";
  return stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other";
}
