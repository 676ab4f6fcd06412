import { AppError } from "#shared/errors";
import { type ContentStore, documentLimit } from "../content/content-store.ts";
import type { Digest } from "../content/digest.ts";
import {
  type ConfigFile,
  type Descriptor,
  layerCompression,
  type Manifest,
  parseConfig,
  parseDocument,
  requireImage,
} from "../content/oci.ts";
import {
  choosePlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  platformManifests,
  platformText,
} from "../content/platform.ts";
import type { OperationContext } from "../operations/operation-service.ts";
import { type Reference, referenceTarget, referenceText } from "../registry/reference.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { Repository } from "../registry/repository.ts";
import { allOrNone } from "./all-or-none.ts";
import { type ImageMaker, requireAgreement } from "./image-maker.ts";
import type { ImageRecord } from "./image-store.ts";
import type { LayerMaker } from "./layer-maker.ts";
import type { Lease, Leases } from "./leases.ts";
import type { TransferProgress } from "./transfer-list.ts";

export interface PullerOptions {
  registries: RegistryClient;
  content: ContentStore;
  leases: Leases;
  layers: LayerMaker;
  maker: ImageMaker;
}

/** A manifest as a registry gave it. */
interface Found {
  digest: Digest;
  mediaType: string;
  bytes: Uint8Array;
  manifest: Manifest;
  /** What its config has to be for, where one was asked for, or an index did not say. */
  platform: string | undefined;
}

/** Indexes that lead to an image, one in the other. */
const mostIndexes = 4;

/** Brings images here: manifest and config by the main thread, layers each as one stream in others. */
export class Puller {
  readonly #o: PullerOptions;

  constructor(options: PullerOptions) {
    this.#o = options;
  }

  /**
   * Resolves when the image is whole and has its name. What a broken-off pull has fetched stays for a day, for the
   * next try of the same.
   */
  async pull(
    reference: Reference,
    platform: string | undefined,
    op: OperationContext,
    progress: TransferProgress,
  ): Promise<ImageRecord> {
    const { registries, leases, maker, content } = this.#o;
    const { signal } = op;
    const name = referenceText(reference);
    const what = `pull ${name} ${platform ?? ""}`;
    return leases.during({ what, resumable: true }, async (lease) => {
      const repository = await registries.open(reference);
      op.detail("Asking the registry");
      const found = await findManifest(repository, reference, platform, signal);
      // Before anything is fetched for nothing.
      for (const layer of found.manifest.layers) layerCompression(layer);
      const { config, layers } = found.manifest;
      await lease.hold({
        digests: [found.digest, config.digest, ...layers.map(({ digest }) => digest)],
      });
      const configFile = await this.#config(repository, config, signal);
      requireAgreement(found.manifest, configFile);
      requirePlatform(configFile, found.platform);
      await this.#layers(repository, lease, { found, configFile, progress, op });
      await putVerified(content, found.digest, found.bytes);
      const documents = await maker.read(found);
      signal.throwIfAborted();
      const provenance = { source: "pull", origin: name, names: [name] } as const;
      return maker.add(documents, { ...provenance, names: [name] });
    });
  }

  /** What a reference comes for, this host's first. */
  async platforms(reference: Reference, options: { signal?: AbortSignal }): Promise<string[]> {
    const repository = await this.#o.registries.open(reference);
    const { bytes, mediaType } = await repository.manifest(referenceTarget(reference), options);
    const document = parseDocument(bytes, mediaType);
    if (document.kind === "manifest") {
      const config = parseConfig(
        await readDocument(repository, document.manifest.config, options.signal),
      );
      return [platformText(normalizePlatform(config))];
    }
    const own = platformText(hostPlatform());
    const all = platformManifests(document.index).map(({ platform }) => platformText(platform));
    return [...new Set(all)].sort((a, b) => Number(b === own) - Number(a === own));
  }

  async #config(
    repository: Repository,
    descriptor: Descriptor,
    signal: AbortSignal,
  ): Promise<ConfigFile> {
    const { content } = this.#o;
    if ((await content.stat(descriptor.digest)) !== undefined) {
      return parseConfig(await content.read(descriptor.digest));
    }
    const bytes = await readDocument(repository, descriptor, signal);
    await putVerified(content, descriptor.digest, bytes);
    return parseConfig(bytes);
  }

  async #layers(
    repository: Repository,
    lease: Lease,
    options: {
      found: Found;
      configFile: ConfigFile;
      progress: TransferProgress;
      op: OperationContext;
    },
  ): Promise<void> {
    const { found, configFile, progress, op } = options;
    const { layers } = this.#o;
    const diffIds = configFile.rootfs.diff_ids;
    await lease.hold({ diffIds });
    const { layers: descriptors } = found.manifest;
    progress.layers(
      descriptors.map(({ digest, size }) => ({ digest, size, done: 0, state: "waiting" })),
    );
    op.detail(`${descriptors.length} layers`);
    const failed = new AbortController();
    const signal = AbortSignal.any([op.signal, failed.signal]);
    const pull = async (descriptor: Descriptor, at: number): Promise<void> => {
      const { digest, size } = descriptor;
      const diffId = diffIds[at] as Digest;
      const here = await layers.here(digest, diffId);
      if (here.blob && here.layer) {
        progress.layer(at, { state: "there", done: size });
        return;
      }
      const request = await repository.blobRequest(descriptor, { signal });
      const source = { type: "registry", request } as const;
      const compression = layerCompression(descriptor);
      await layers.make(
        { digest, size, diffId, compression, source },
        {
          signal,
          renew: () => repository.blobRequest(descriptor, { signal, fresh: true }),
          onProgress: (done) => {
            const state = done === 0 ? "waiting" : done < size ? "moving" : "unpacking";
            progress.layer(at, { done, state });
          },
        },
      );
      progress.layer(at, { state: "done", done: size });
    };
    await allOrNone(descriptors.map(pull), failed);
  }
}

async function findManifest(
  repository: Repository,
  reference: Reference,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Found> {
  let found = await repository.manifest(referenceTarget(reference), { signal });
  let document = parseDocument(found.bytes, found.mediaType);
  let must = platform;
  for (let depth = 0; document.kind === "index"; depth += 1) {
    if (depth === mostIndexes) {
      throw new AppError("UNIMPLEMENTED", `${repository.name} has indexes within indexes`);
    }
    const wanted = platform === undefined ? hostPlatform() : parsePlatform(platform);
    const chosen = choosePlatform(document.index, wanted);
    if (!chosen.platform) must = platformText(wanted);
    found = await repository.manifest(chosen.digest, { signal });
    document = parseDocument(found.bytes, chosen.mediaType);
  }
  requireImage(document.manifest);
  const { mediaType, manifest } = document;
  return { digest: found.digest, mediaType, bytes: found.bytes, manifest, platform: must };
}

/** One that was not asked for is taken where there is no other, as docker does; not in another's place. */
function requirePlatform(config: ConfigFile, platform: string | undefined): void {
  if (platform === undefined) return;
  const wanted = platformText(normalizePlatform(parsePlatform(platform)));
  const found = platformText(normalizePlatform(config));
  if (found === wanted || found.startsWith(`${wanted}/`)) return;
  throw new AppError("NOT_FOUND", `The image does not come for ${wanted}`, {
    field: "platform",
    hint: `It is for ${found} alone.`,
  });
}

async function readDocument(
  repository: Repository,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  if (descriptor.size > documentLimit) {
    throw new AppError("RESOURCE_EXHAUSTED", `The config of ${repository.name} is too long`, {
      subject: repository.name,
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.blob(descriptor, signal ? { signal } : {})) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Stores a document under the digest that it was asked for by. DATA_LOSS when it is another's. */
async function putVerified(
  content: ContentStore,
  digest: Digest,
  bytes: Uint8Array,
): Promise<void> {
  if ((await content.stat(digest)) !== undefined) return;
  const writer = await content.ingest({ digest, size: bytes.length });
  try {
    await writer.write(bytes.subarray(writer.offset));
    await writer.commit();
  } catch (error) {
    await writer.abort({ keep: false });
    throw error;
  }
}
