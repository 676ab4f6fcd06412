import type { ContentStore } from "../content/content-store.ts";
import type { LayerStore } from "../snapshots/layer-store.ts";
import { configDigest, type ImageStore } from "./image-store.ts";
import type { Leases } from "./leases.ts";

export interface GarbageCollectorOptions {
  content: ContentStore;
  layers: LayerStore;
  images: ImageStore;
  leases: Leases;
  /** A layer's files are about to go: who has them mounted without need lets go of them. */
  releaseLayer(diffId: string): Promise<void>;
  /** A layer's files have gone. */
  onLayerRemoved(diffId: string): Promise<void>;
}

/**
 * Removes blobs and layers that no image and no lease holds. Whether one is held is asked again right before each
 * removal, and who takes a lease waits for the removal that is under way: so nothing is taken that somebody has just
 * found to be here. While somebody makes what has no name yet, and while a record can't be read, nothing is removed.
 */
export class GarbageCollector {
  readonly #o: GarbageCollectorOptions;
  #running: Promise<void> | undefined;
  #due = false;

  constructor(options: GarbageCollectorOptions) {
    this.#o = options;
    options.leases.onEnd = async (failed) => {
      if (failed || this.#due) await this.collect();
    };
  }

  /** Resolves when all that is garbage now has gone, as far as it can. */
  async collect(): Promise<void> {
    this.#due = true;
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #collect(): Promise<void> {
    const { content, layers, leases } = this.#o;
    let failed: unknown;
    while (this.#due && !this.#unsure) {
      this.#due = false;
      await leases.expire({ all: false });
      const [blobs, trees] = await Promise.all([content.list(), layers.list()]);
      const before = this.#held();
      const garbage = [
        ...blobs.flatMap(({ digest }) =>
          before.digests.has(digest)
            ? []
            : [
                {
                  held: () => this.#held().digests.has(digest),
                  remove: () => content.remove(digest),
                },
              ],
        ),
        ...trees.flatMap(({ diffId }) =>
          before.diffIds.has(diffId)
            ? []
            : [
                {
                  held: () => this.#held().diffIds.has(diffId),
                  remove: () => this.#removeLayer(diffId),
                },
              ],
        ),
      ];
      for (const { held, remove } of garbage) {
        if (this.#unsure) break;
        if (held()) continue;
        const removal = remove();
        leases.removing = removal.catch(() => undefined);
        await removal.catch((error: unknown) => {
          failed ??= error;
        });
      }
      if (this.#unsure) this.#due = true;
    }
    if (failed !== undefined) throw failed;
  }

  async #removeLayer(diffId: string): Promise<void> {
    await this.#o.releaseLayer(diffId);
    await this.#o.layers.remove(diffId);
    await this.#o.onLayerRemoved(diffId);
  }

  get #unsure(): boolean {
    return this.#o.leases.open || this.#o.images.damaged.length > 0;
  }

  #held(): { digests: Set<string>; diffIds: Set<string> } {
    const held = this.#o.leases.held();
    for (const { id, digest, layers } of this.#o.images.list()) {
      held.digests.add(configDigest(id)).add(digest);
      for (const layer of layers) {
        held.digests.add(layer.digest);
        held.diffIds.add(layer.diffId);
      }
    }
    return held;
  }
}
