import { AppError } from "#shared/errors";
import type { ContentStore } from "../content/content-store.ts";
import type { BlobRequest } from "../registry/blob-request.ts";
import type { LayerInfo } from "../snapshots/layer.ts";
import type { LayerStore } from "../snapshots/layer-store.ts";
import type { LayerJob, LayerResult, LayerSource } from "./layer-job.ts";
import { LayerPool } from "./layer-pool.ts";

export type LayerRequest = Pick<LayerJob, "digest" | "size" | "diffId" | "compression" | "pack"> & {
  source: LayerSource;
};

export interface MakingOptions {
  signal: AbortSignal;
  /** Bytes of the source that have passed. */
  onProgress?(bytes: number): void;
  /** For a source in a registry. */
  renew?(): Promise<BlobRequest>;
}

/** What several wait for. */
interface Making {
  result: Promise<Made>;
  abort: AbortController;
  listeners: Set<(bytes: number) => void>;
  waiting: number;
  bytes: number;
}

export interface Made extends LayerResult {
  layer: LayerInfo;
}

/** Makes layers that are not here, each once however many want it. */
export class LayerMaker {
  readonly #content: ContentStore;
  readonly #layers: LayerStore;
  readonly #onMade: (layer: LayerInfo) => void;
  readonly #pool = new LayerPool();
  /** By digest of the blob and diffId. */
  readonly #making = new Map<string, Making>();

  constructor(options: {
    content: ContentStore;
    layers: LayerStore;
    /** A layer has become whole. */
    onMade(layer: LayerInfo): void;
  }) {
    this.#content = options.content;
    this.#layers = options.layers;
    this.#onMade = options.onMade;
  }

  /** What of it is here already; to be asked under a lease that holds it. */
  async here(digest: string, diffId: string): Promise<{ blob: boolean; layer: boolean }> {
    const [blob, layer] = await Promise.all([this.#content.stat(digest), this.#layers.get(diffId)]);
    return { blob: blob !== undefined, layer: layer !== undefined };
  }

  /**
   * Makes blob and layer, of which the caller's lease holds both, or is open. Whoever comes for the same while it is
   * under way shares it; it is cancelled when all who wait for it have.
   */
  make(request: LayerRequest, options: MakingOptions): Promise<Made> {
    const { digest, diffId } = request;
    if (digest === undefined) return this.#make(request, options);
    const key = `${digest} ${diffId}`;
    let making = this.#making.get(key);
    if (!making || making.abort.signal.aborted) {
      making = this.#begin(key, request, options.renew);
    }
    return this.#join(making, options);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #begin(key: string, request: LayerRequest, renew: MakingOptions["renew"]): Making {
    const abort = new AbortController();
    const listeners = new Set<(bytes: number) => void>();
    const onProgress = (bytes: number): void => {
      making.bytes = bytes;
      for (const listener of listeners) listener(bytes);
    };
    const result = this.#make(request, {
      ...{ signal: abort.signal, onProgress },
      ...(renew ? { renew } : {}),
    }).finally(() => {
      if (this.#making.get(key) === making) this.#making.delete(key);
    });
    const making: Making = { result, abort, listeners, waiting: 0, bytes: 0 };
    this.#making.set(key, making);
    return making;
  }

  async #join(making: Making, { signal, onProgress }: MakingOptions): Promise<Made> {
    making.waiting += 1;
    if (onProgress) {
      making.listeners.add(onProgress);
      onProgress(making.bytes);
    }
    let left = (): void => undefined;
    const leaving = new Promise<never>((_, reject) => {
      left = () => {
        making.waiting -= 1;
        // The last one waits until nothing of it is at work.
        if (making.waiting === 0) making.abort.abort();
        else reject(new AppError("CANCELLED", "The operation was cancelled"));
      };
    });
    signal.addEventListener("abort", left, { once: true });
    if (signal.aborted) left();
    try {
      return await Promise.race([making.result, leaving]);
    } finally {
      signal.removeEventListener("abort", left);
      if (onProgress) making.listeners.delete(onProgress);
    }
  }

  async #make(request: LayerRequest, options: MakingOptions): Promise<Made> {
    const { digest, diffId } = request;
    const here = diffId === undefined ? undefined : await this.#layers.get(diffId);
    const blobHere = digest !== undefined && (await this.#content.stat(digest)) !== undefined;
    const job: LayerJob = {
      ...request,
      source: blobHere ? { type: "content" } : request.source,
      content: this.#content.directory,
      plan: this.#layers.plan(),
      layer: here === undefined,
    };
    if (blobHere && here) return { digest, size: request.size ?? 0, layer: here };
    const result = await this.#pool.run(job, {
      signal: options.signal,
      onProgress: (bytes) => options.onProgress?.(bytes),
      renew: options.renew ?? notRenewed,
    });
    const layer = result.layer ?? here;
    if (!layer) throw new AppError("INTERNAL", "No layer was made");
    if (!here) this.#onMade(layer);
    return { ...result, layer };
  }
}

const notRenewed = (): Promise<never> =>
  Promise.reject(new AppError("UNAUTHENTICATED", "The registry's authorization has ended"));
