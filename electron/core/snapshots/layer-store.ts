import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import type { Lower } from "../runtime/runtime.ts";
import {
  hiddenName,
  isDiffId,
  isLeftOver,
  layerDir,
  layerFile,
  type LayerInfo,
  type LayerKind,
  type LayerPlan,
  type LayerRecord,
  planPrivileges,
  readRecord,
} from "./layer.ts";
import { removeTree } from "../host/remove-tree.ts";
import { layerOver, overDir } from "./implied.ts";

/** The layers of this root, each under its diff id: those of an image, and of all that share them, once. */
export interface LayerStore {
  readonly kind: LayerKind;
  /** undefined also for one whose record is damaged: it is made again in its place. */
  get(diffId: string): Promise<LayerInfo | undefined>;
  /** Where makeLayer() puts a layer; serialisable, so that a worker thread can make it. */
  plan(): LayerPlan;
  list(): Promise<LayerInfo[]>;
  /**
   * `diffIds` base first, as in an image's config; the answer topmost first, for RootfsMount.lower, each once, with what
   * has to be laid over some of them (implied.ts). NOT_FOUND names the one that is missing.
   */
  lowers(diffIds: readonly string[]): Promise<Lower[]>;
  /** What a layer says of the files that users are looked up in. NOT_FOUND when there is no such layer. */
  captured(diffId: string): Promise<LayerRecord["captured"]>;
  /** Idempotent. The caller knows that nothing uses it. */
  remove(diffId: string): Promise<void>;
  /** Removes what makers and removers that were cut off have left; what others are at stays. */
  tidy(): Promise<void>;
}

/** One directory a layer. */
export class DiskLayerStore implements LayerStore {
  readonly #plan: LayerPlan;

  constructor(plan: LayerPlan) {
    this.#plan = plan;
  }

  get kind(): LayerKind {
    return this.#plan.kind;
  }

  plan(): LayerPlan {
    return this.#plan;
  }

  async get(diffId: string): Promise<LayerInfo | undefined> {
    const record = await readRecord(this.#plan, diffId);
    if (!record) return undefined;
    const { version: _, captured: __, implied: ___, ...info } = record;
    return info;
  }

  async list(): Promise<LayerInfo[]> {
    const names = await readdir(this.#plan.directory).catch(() => []);
    const ids = names.map((name) => `sha256:${name}`).filter(isDiffId);
    const found = await Promise.all(ids.map((diffId) => this.get(diffId)));
    return found.filter((info) => info !== undefined);
  }

  async lowers(diffIds: readonly string[]): Promise<Lower[]> {
    const { kind, directory, loop } = this.#plan;
    const records = await Promise.all(diffIds.map((diffId) => this.#record(diffId)));
    const lower: Lower[] = [];
    const lay = (dir: string, diffId: string): void => {
      const path = join(layerDir(dir, diffId), layerFile(kind));
      // What is there twice hides itself below, and overlayfs refuses to have it twice.
      const below = lower.findIndex((layer) => layer.path === path);
      if (below >= 0) lower.splice(below, 1);
      lower.unshift({ type: kind, path, ...(loop && { loop }) });
    };
    for (const [at, { diffId, implied }] of records.entries()) {
      const below = { diffIds: diffIds.slice(0, at), lower: [...lower] };
      lay(directory, diffId);
      if (at === 0 || implied === 0) continue;
      const over = await layerOver(this.#plan, diffId, below);
      if (over !== undefined) lay(overDir(directory, diffId), over);
    }
    return lower;
  }

  async captured(diffId: string): Promise<LayerRecord["captured"]> {
    return (await this.#record(diffId)).captured;
  }

  /** Under a hidden name first, so that one half removed is never taken for a layer. */
  async remove(diffId: string): Promise<void> {
    if (!isDiffId(diffId)) return;
    const { directory } = this.#plan;
    const hidden = join(directory, await hiddenName());
    try {
      await rename(layerDir(directory, diffId), hidden);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw AppError.wrap(error, `Layer ${diffId} can't be removed`);
    }
    await removeTree(hidden, planPrivileges(this.#plan));
  }

  async tidy(): Promise<void> {
    const { directory } = this.#plan;
    for (const name of await readdir(directory).catch(() => [])) {
      const diffId = `sha256:${name}`;
      if (isDiffId(diffId)) {
        await new DiskLayerStore({ ...this.#plan, directory: overDir(directory, diffId) }).tidy();
      } else if (await isLeftOver(name)) {
        await removeTree(join(directory, name), planPrivileges(this.#plan));
      }
    }
  }

  async #record(diffId: string): Promise<LayerRecord> {
    const record = await readRecord(this.#plan, diffId);
    if (record) return record;
    throw new AppError("NOT_FOUND", `A layer of the image is gone: ${diffId}`, {
      subject: `layer ${diffId}`,
      hint: "Pull or import the image again.",
    });
  }
}
