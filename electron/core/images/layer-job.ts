import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { AppError } from "#shared/errors";
import { ContentStore } from "../content/content-store.ts";
import type { Digest } from "../content/digest.ts";
import type { Compression } from "../content/oci.ts";
import { commandOutput } from "../host/command-output.ts";
import type { BlobRequest } from "../registry/blob-request.ts";
import { fetchBlob } from "../registry/blob-fetch.ts";
import type { LayerInfo, LayerPlan } from "../snapshots/layer.ts";
import { makeLayer } from "../snapshots/make-layer.ts";

/** Where the bytes of a layer's blob come from. Plain data. */
export type LayerSource =
  /** It is in the content store. */
  | { type: "content" }
  | { type: "registry"; request: BlobRequest }
  /** A part of a file of this machine. */
  | { type: "file"; path: string; offset: number; length: number }
  /** What a program writes: a tar. */
  | { type: "command"; argv: string[] };

/** The making of one layer, for whichever thread does it. Plain data. */
export interface LayerJob {
  /** Directory of the content store. */
  content: string;
  plan: LayerPlan;
  source: LayerSource;
  /** Of the blob, where they are known; then they are verified. */
  digest?: Digest | undefined;
  size?: number | undefined;
  diffId?: Digest | undefined;
  /** Of the blob. */
  compression: Compression;
  /**
   * The source is a plain tar, and the blob is to be gzip: for tars that we make. At zlib's fastest, which keeps up
   * with the conversion; half the size on disk and on the way to a registry is worth that.
   */
  pack?: boolean;
  /** Whether its layer is to be made, or only its blob kept. */
  layer: boolean;
}

export interface LayerResult {
  digest: Digest;
  /** Bytes of the blob. */
  size: number;
  layer?: LayerInfo | undefined;
}

export interface LayerJobOptions {
  signal: AbortSignal;
  /** Bytes of the source that have passed. */
  onProgress(bytes: number): void;
  /** A new authorization, when the request's is not good any more. */
  renew(): Promise<BlobRequest>;
}

/** Bytes read from a file at once: small enough to share a cache, large enough to be few. */
const readSize = 1024 * 1024;
/** After these a next try can go on with the bytes that came. */
const resumable = new Set<AppError["code"]>([
  ...(["CANCELLED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"] as const),
  ...(["UNAUTHENTICATED", "PERMISSION_DENIED"] as const),
]);

/**
 * Makes blob and layer in one go: each byte is read once, hashed, written, decompressed, checked and converted. When
 * this rejects, neither is there, except for a blob that was whole before its layer failed.
 */
export async function runLayerJob(job: LayerJob, options: LayerJobOptions): Promise<LayerResult> {
  const content = await ContentStore.open(job.content);
  const { digest, size, source } = job;
  if (source.type === "content") {
    if (digest === undefined) throw new AppError("INTERNAL", "A blob without a digest");
    const blob = count(readFilePart(content.path(digest), 0, Infinity), 0, options);
    const layer = await makeLayer(job.plan, blob, makeOptions(job, options));
    return { digest, size: size ?? 0, layer };
  }
  const ingest = await content.ingest({
    ...(digest === undefined ? {} : { digest }),
    ...(size === undefined ? {} : { size }),
  });
  const bytes = ingest.through(count(open(job, ingest.offset, options), ingest.offset, options));
  try {
    // Whoever makes the layer may have seen enough before the end, which the blob must have too.
    const lent = { [Symbol.asyncIterator]: () => ({ next: () => bytes.next() }) };
    const layer = job.layer
      ? await makeLayer(job.plan, lent, makeOptions(job, options))
      : undefined;
    while (!(await bytes.next()).done);
    return { ...(await ingest.commit()), layer };
  } catch (thrown) {
    const error = AppError.from(thrown);
    await bytes.return().catch(() => undefined);
    await ingest.abort({ keep: source.type === "registry" && resumable.has(error.code) });
    throw error;
  }
}

function makeOptions(
  { compression, diffId }: LayerJob,
  { signal }: LayerJobOptions,
): Parameters<typeof makeLayer>[2] {
  return { compression, signal, ...(diffId === undefined ? {} : { diffId }) };
}

/** The blob's bytes from `offset` on. */
function open(
  { source, pack }: LayerJob,
  offset: number,
  options: LayerJobOptions,
): AsyncIterable<Uint8Array> {
  const bytes = (): AsyncIterable<Uint8Array> => {
    switch (source.type) {
      case "registry":
        return fetchBlob(source.request, { offset, signal: options.signal, renew: options.renew });
      case "file":
        return readFilePart(source.path, source.offset + offset, source.length - offset);
      case "command":
        return commandOutput(source.argv, options.signal);
      case "content":
        throw new AppError("INTERNAL", "A blob that is here need not be fetched");
    }
  };
  return pack ? gzip(bytes()) : bytes();
}

function readFilePart(path: string, offset: number, length: number): AsyncIterable<Uint8Array> {
  if (length <= 0) return empty();
  const end = offset + length - 1;
  return createReadStream(path, { start: offset, end, highWaterMark: readSize });
}

async function* empty(): AsyncGenerator<Uint8Array, void, void> {}

async function* gzip(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const stream = createGzip({ level: 1, chunkSize: 256 * 1024 });
  // Its error is the stream's own, too.
  const fed = pipeline(tar, stream).catch(() => undefined);
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } finally {
    stream.destroy();
    await fed;
  }
}

async function* count(
  bytes: AsyncIterable<Uint8Array>,
  from: number,
  { signal, onProgress }: LayerJobOptions,
): AsyncGenerator<Uint8Array, void, void> {
  let passed = from;
  onProgress(passed);
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    yield chunk;
    passed += chunk.length;
    onProgress(passed);
  }
}
