import type { ContentStore } from "../content/content-store.ts";
import { layerCompression } from "../content/oci.ts";
import type { Lower } from "../runtime/runtime.ts";
import type { LayerStore } from "../snapshots/layer-store.ts";
import type { LayerRecord } from "./image-store.ts";
import { LayerMaker } from "./layer-maker.ts";

/**
 * Layers once more, as plain directories, for a runtime that can't mount files: made of their blobs when a container
 * first needs them, and gone with the layers themselves.
 */
export class PlainLayers {
  readonly #layers: LayerStore;
  readonly #maker: LayerMaker;

  /** `layers` keeps directories. */
  constructor(options: { content: ContentStore; layers: LayerStore }) {
    this.#layers = options.layers;
    this.#maker = new LayerMaker({ ...options, onMade: () => undefined });
  }

  /** Topmost first. Makes what is missing; the caller sees to it that nothing of the image is removed meanwhile. */
  async lowers(layers: readonly LayerRecord[]): Promise<Lower[]> {
    const { signal } = new AbortController();
    await Promise.all(
      layers.map(async ({ diffId, digest, mediaType, size }) => {
        if (await this.#layers.get(diffId)) return;
        const compression = layerCompression({ mediaType, digest, size });
        const source = { type: "content" as const };
        await this.#maker.make({ source, compression, digest, diffId, size }, { signal });
      }),
    );
    return this.#layers.lowers(layers.map(({ diffId }) => diffId));
  }

  remove(diffId: string): Promise<void> {
    return this.#layers.remove(diffId);
  }

  /** For the start: removes what was cut off, and those of which `isThere` knows nothing. */
  async tidy(isThere: (diffId: string) => Promise<boolean>): Promise<void> {
    await this.#layers.tidy();
    for (const { diffId } of await this.#layers.list()) {
      if (!(await isThere(diffId))) await this.#layers.remove(diffId);
    }
  }

  close(): Promise<void> {
    return this.#maker.close();
  }
}
