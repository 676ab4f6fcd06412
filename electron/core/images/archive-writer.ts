import { createReadStream } from "node:fs";
import { link, lstat, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { randomUUID } from "node:crypto";
import { AppError } from "#shared/errors";
import { explainFullDisk } from "../base/disk.ts";
import type { ContentStore } from "../content/content-store.ts";
import { splitDigest } from "../content/digest.ts";
import type { Descriptor, Index } from "../content/oci.ts";
import { layerCompression, mediaTypes } from "../content/oci.ts";
import { parseReference, referenceText } from "../registry/reference.ts";
import { configDigest, type ImageRecord } from "./image-store.ts";

/** An image with the names that it is to have in an archive. */
export interface Saved {
  record: ImageRecord;
  names: string[];
}

const block = 512;
/** Bytes read from a blob at once. */
const readSize = 1024 * 1024;

/** An oci-archive: a tar of an OCI layout. Blobs that several images have are in it once. */
export async function* ociArchive(
  images: Saved[],
  content: ContentStore,
): AsyncGenerator<Uint8Array, void, void> {
  const index: Index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: await Promise.all(images.map((image) => descriptors(image, content))).then((all) =>
      all.flat(),
    ),
  };
  yield* member("oci-layout", Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })));
  yield* member("index.json", Buffer.from(JSON.stringify(index)));
  yield* blobs(images, content, (digest) => {
    const { algorithm, hex } = splitDigest(digest);
    return `blobs/${algorithm}/${hex}`;
  });
  yield Buffer.alloc(2 * block);
}

/** A docker-archive, as `docker save` of before version 25 wrote; layers are compressed as they are kept. */
export async function* dockerArchive(
  images: Saved[],
  content: ContentStore,
): AsyncGenerator<Uint8Array, void, void> {
  const layerNames = new Map(
    images.flatMap(({ record }) =>
      record.layers.map(({ digest, mediaType, size, diffId }): [string, string] => {
        const compressed = layerCompression({ digest, mediaType, size });
        const suffix = { none: "", gzip: ".gz", zstd: ".zst" }[compressed];
        return [digest, `${splitDigest(diffId).hex}.tar${suffix}`];
      }),
    ),
  );
  const nameOf = (digest: string): string | undefined => layerNames.get(digest);
  yield* blobs(images, content, nameOf);
  for (const { record } of images) {
    yield* member(`${record.id}.json`, await content.read(configDigest(record.id)));
  }
  const manifest = images.map(({ record, names }) => ({
    Config: `${record.id}.json`,
    RepoTags: names,
    Layers: record.layers.map(({ digest }) => nameOf(digest)),
  }));
  yield* member("manifest.json", Buffer.from(JSON.stringify(manifest)));
  yield Buffer.alloc(2 * block);
}

/** Under each of its names, as an index says it; once without, when it has none. */
async function descriptors({ record, names }: Saved, content: ContentStore): Promise<Descriptor[]> {
  const { digest, mediaType } = record;
  const size = await content.stat(digest);
  if (size === undefined) throw missing(digest);
  const descriptor: Descriptor = { mediaType, digest, size };
  if (names.length === 0) return [descriptor];
  return names.map((written) => {
    const name = referenceText(parseReference(written));
    // The first is podman's and skopeo's key, the second containerd's and docker's.
    const annotations = {
      "org.opencontainers.image.ref.name": name,
      "io.containerd.image.name": name,
    };
    return { ...descriptor, annotations };
  });
}

/** Manifests, configs and layers, each once; those without a name are left out. */
async function* blobs(
  images: Saved[],
  content: ContentStore,
  nameOf: (digest: string) => string | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const all = images.flatMap(({ record }) => [
    ...[record.digest, configDigest(record.id)],
    ...record.layers.map(({ digest }) => digest),
  ]);
  for (const digest of new Set(all)) {
    const name = nameOf(digest);
    if (name === undefined) continue;
    const size = await content.stat(digest);
    if (size === undefined) throw missing(digest);
    yield header(name, size);
    yield* createReadStream(content.path(digest), {
      highWaterMark: readSize,
    }) as AsyncIterable<Uint8Array>;
    yield padding(size);
  }
}

function* member(name: string, bytes: Buffer): Generator<Uint8Array, void, void> {
  yield header(name, bytes.length);
  yield bytes;
  yield padding(bytes.length);
}

/** A header of a plain file (POSIX.1-1988, ustar); a length beyond 8 GiB in base 256, as GNU's. */
function header(name: string, length: number): Buffer {
  const bytes = Buffer.alloc(block);
  const octal = (value: number, digits: number): string =>
    `${value.toString(8).padStart(digits, "0")}\0`;
  bytes.write(name, 0);
  bytes.write(octal(0o644, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  if (length < 8 ** 11) bytes.write(octal(length, 11), 124);
  else {
    bytes.writeBigUInt64BE(BigInt(length), 128);
    bytes[124] = 0x80;
  }
  bytes.write(octal(0, 11), 136);
  bytes.write("        ", 148);
  bytes.write("0", 156);
  bytes.write("ustar\x0000", 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return bytes;
}

const padding = (length: number): Buffer => Buffer.alloc((block - (length % block)) % block);

const missing = (digest: string): AppError =>
  new AppError("DATA_LOSS", `The blob ${digest} is gone`, {
    hint: "Remove the image, and get it again.",
  });

/**
 * Writes a file that was not there before; whole and on disk when this resolves, else nothing is left. ALREADY_EXISTS
 * when its name is taken.
 */
export async function writeNewFile(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  options: { signal: AbortSignal; onProgress?(written: number): void },
): Promise<void> {
  if (await lstat(path).catch(() => undefined)) throw taken(path);
  const partial = `${path}.${randomUUID().slice(0, 8)}.partial`;
  const file = await open(partial, "wx", 0o600).catch((error: unknown) => {
    const { code, message } = AppError.from(error);
    // The name that it has meanwhile tells nobody anything.
    const words = message.replace(`: ${partial}`, "");
    const absent = code === "NOT_FOUND" && { hint: `Make the directory ${dirname(path)} first.` };
    throw new AppError(
      code,
      `${path} can't be written: ${words}`,
      { field: "path", ...absent },
      error,
    );
  });
  try {
    let written = 0;
    for await (const chunk of bytes) {
      options.signal.throwIfAborted();
      // Not write(), which a disk that fills up takes only a part of, without a word.
      await file.appendFile(chunk);
      written += chunk.length;
      options.onProgress?.(written);
    }
    await file.sync();
    // A link, not a rename: it replaces nothing.
    await link(partial, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") throw taken(path);
      // File systems without links, as on USB sticks.
      if (error.code !== "EPERM" && error.code !== "EOPNOTSUPP") throw error;
      await rename(partial, path);
    });
  } catch (thrown) {
    throw await explainFullDisk(thrown, dirname(path));
  } finally {
    await file.close();
    await rm(partial, { force: true });
  }
}

const taken = (path: string): AppError =>
  new AppError("ALREADY_EXISTS", `${path} is there already`, {
    field: "path",
    hint: "Choose another name, or remove it first.",
  });
