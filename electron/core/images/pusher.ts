import { AppError } from "#shared/errors";
import type { ContentStore } from "../content/content-store.ts";
import { parseReference, referenceTarget } from "../registry/reference.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { Repository } from "../registry/repository.ts";
import { Serial } from "../runtime/serial.ts";
import { allOrNone } from "./all-or-none.ts";
import { configDigest, type ImageRecord, type ImageStore } from "./image-store.ts";
import type { Leases } from "./leases.ts";
import type { TransferProgress } from "./transfer-list.ts";

/** Blobs that are sent at once. */
const lanes = 3;

interface Blob {
  digest: string;
  size: number;
}

/** Sends images to registries: blobs that are not there, then the manifest, byte by byte as it is here. */
export class Pusher {
  readonly #o: {
    registries: RegistryClient;
    content: ContentStore;
    images: ImageStore;
    leases: Leases;
  };

  constructor(options: {
    registries: RegistryClient;
    content: ContentStore;
    images: ImageStore;
    leases: Leases;
  }) {
    this.#o = options;
  }

  /** Resolves with the manifest's digest when the registry has it under this name. */
  async push(
    name: string,
    signal: AbortSignal,
    progress: TransferProgress,
  ): Promise<{ id: string; digest: string }> {
    const { registries, content, images, leases } = this.#o;
    const record = images.findByName(name);
    if (!record) {
      throw new AppError("NOT_FOUND", `There is no image named "${name}"`, {
        field: "name",
        hint: "Give it that name first.",
      });
    }
    const reference = parseReference(name);
    return leases.during({ what: `push ${name}` }, async (lease) => {
      const layers = distinct(record.layers);
      const config = await sizeOf(content, configDigest(record.id));
      await lease.hold({ digests: [record.digest, ...[config, ...layers].map((b) => b.digest)] });
      const repository = await registries.open(reference);
      const blobs = [...layers, config];
      progress.layers(
        layers.map(({ digest, size }) => ({ digest, size, done: 0, state: "waiting" })),
      );
      const failed = new AbortController();
      const either = AbortSignal.any([signal, failed.signal]);
      const serials = Array.from({ length: lanes }, () => new Serial());
      await allOrNone(
        blobs.map((blob, at) =>
          (serials[at % lanes] as Serial).run(() =>
            this.#send(repository, blob, this.#elsewhere(blob.digest, reference), {
              signal: either,
              tell: (change) => progress.layer(at, change),
            }),
          ),
        ),
        failed,
      );
      const bytes = await content.read(record.digest);
      const digest = await repository.putManifest(
        referenceTarget(reference),
        { bytes, mediaType: record.mediaType },
        { signal },
      );
      return { id: record.id, digest };
    });
  }

  async #send(
    repository: Repository,
    { digest, size }: Blob,
    elsewhere: string[],
    options: {
      signal: AbortSignal;
      tell(change: Parameters<TransferProgress["layer"]>[1]): void;
    },
  ): Promise<void> {
    const { signal, tell } = options;
    signal.throwIfAborted();
    const there =
      (await repository.hasBlob(digest, { signal })) ||
      (await this.#mounted(repository, digest, elsewhere, signal));
    if (there) {
      tell({ state: "there", done: size });
      return;
    }
    tell({ state: "moving" });
    const path = this.#o.content.path(digest);
    const onProgress = (done: number): void => tell({ done });
    await repository.uploadBlob({ digest, size }, path, { signal, onProgress });
    tell({ state: "done", done: size });
  }

  async #mounted(
    repository: Repository,
    digest: string,
    elsewhere: string[],
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const from of elsewhere) {
      if (await repository.mountBlob(digest, from, { signal })) return true;
    }
    return false;
  }

  /** Other repositories of that registry that may have the blob: those whose images here have it. At most two are asked. */
  #elsewhere(digest: string, to: { registry: string; repository: string }): string[] {
    const { images } = this.#o;
    const has = (record: ImageRecord): boolean =>
      record.layers.some((layer) => layer.digest === digest);
    const names = images.list().flatMap((record) => (has(record) ? images.namesOf(record.id) : []));
    const repositories = names
      .map(parseReference)
      .filter(
        ({ registry, repository }) => registry === to.registry && repository !== to.repository,
      )
      .map(({ repository }) => repository);
    return [...new Set(repositories)].slice(0, 2);
  }
}

function distinct(blobs: Blob[]): Blob[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

async function sizeOf(content: ContentStore, digest: string): Promise<Blob> {
  const size = await content.stat(digest);
  if (size !== undefined) return { digest, size };
  throw new AppError("DATA_LOSS", `The blob ${digest} is gone`, {
    hint: "Remove the image, and get it again.",
  });
}
