import type { Image } from "#shared/contract/images";
import { AppError } from "#shared/errors";
import type { ContentStore } from "../content/content-store.ts";
import { type Digest, splitDigest } from "../content/digest.ts";
import {
  type ConfigFile,
  type Descriptor,
  type Manifest,
  mediaTypes,
  parseConfig,
  parseDocument,
  requireImage,
} from "../content/oci.ts";
import { normalizePlatform, platformText } from "../content/platform.ts";
import { toImageConfig } from "./image-config.ts";
import type { ImageRecord, ImageStore, LayerRecord } from "./image-store.ts";
import type { Lease } from "./leases.ts";

/** Where an image comes from, and what it is to be called. */
export interface Provenance {
  source: Image["source"];
  origin: string;
  names: string[];
}

/** An image's documents, read and found to agree. */
export interface Documents {
  digest: Digest;
  mediaType: string;
  /** Bytes of manifest and config. */
  size: number;
  manifest: Manifest;
  configDigest: Digest;
  config: ConfigFile;
}

/** Turns documents and layers that are here into images. */
export class ImageMaker {
  readonly #content: ContentStore;
  readonly #images: ImageStore;

  constructor(options: { content: ContentStore; images: ImageStore }) {
    this.#content = options.content;
    this.#images = options.images;
  }

  /** Writes the documents of an image made here, which the lease then holds. A config that has an id already stays as it is. */
  async write(
    lease: Lease,
    config: ConfigFile | Buffer,
    layers: Omit<LayerRecord, "diffId">[],
  ): Promise<Documents> {
    const written = await this.#content.put(Buffer.isBuffer(config) ? config : json(config));
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, ...written },
      layers: layers.map(({ digest, mediaType, size }) => ({ mediaType, digest, size })),
    };
    const { digest } = await this.#content.put(json(manifest));
    await lease.hold({ digests: [digest, written.digest] });
    return this.read({ digest, mediaType: mediaTypes.manifest });
  }

  /** Reads an image's manifest and config, which are here. DATA_LOSS when they don't agree. */
  async read({ digest, mediaType }: Pick<Descriptor, "digest" | "mediaType">): Promise<Documents> {
    const bytes = await this.#content.read(digest);
    const document = parseDocument(bytes, mediaType);
    if (document.kind !== "manifest") {
      throw new AppError("INVALID_ARGUMENT", "This is a list of images, not an image");
    }
    const { manifest } = document;
    requireImage(manifest);
    const configBytes = await this.#content.read(manifest.config.digest);
    const config = parseConfig(configBytes);
    requireAgreement(manifest, config);
    return {
      ...{ digest, manifest, config, configDigest: manifest.config.digest },
      ...{ mediaType: document.mediaType, size: bytes.length + configBytes.length },
    };
  }

  /** Makes the record of an image, all of which is here and held by the caller's lease. Idempotent. */
  async add(documents: Documents, provenance: Provenance): Promise<ImageRecord> {
    const { digest, mediaType, size, manifest, config, configDigest } = documents;
    const { algorithm, hex: id } = splitDigest(configDigest);
    if (algorithm !== "sha256") {
      throw new AppError(
        "UNIMPLEMENTED",
        `Images that are named by ${algorithm} can't be used yet`,
      );
    }
    const before = this.#images.find(id);
    const record: ImageRecord = {
      ...{ id, digest, mediaType, documents: size },
      createdAt: Date.parse(config.created ?? "") || 0,
      addedAt: before?.addedAt ?? Date.now(),
      platform: platformText(normalizePlatform(config)),
      source: provenance.source,
      origin: provenance.origin,
      config: toImageConfig(config.config),
      layers: manifest.layers.map((layer, at) => ({
        diffId: config.rootfs.diff_ids[at] as Digest,
        digest: layer.digest,
        mediaType: layer.mediaType,
        size: layer.size,
      })),
    };
    await this.#images.put(record);
    for (const name of provenance.names) await this.#images.name(name, id);
    return record;
  }
}

/** Every layer has its digest in the config. */
export function requireAgreement(manifest: Manifest, config: ConfigFile): void {
  const { diff_ids: diffIds } = config.rootfs;
  if (manifest.layers.length === diffIds.length && diffIds.length > 0) return;
  throw new AppError(
    "DATA_LOSS",
    diffIds.length === 0
      ? "The image has no layers"
      : `The image's manifest has ${manifest.layers.length} layers, its config ${diffIds.length}`,
  );
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
