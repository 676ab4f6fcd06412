import { createWriteStream } from "node:fs";
import { mkdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { AppError } from "#shared/errors";
import { type ContentStore, documentLimit } from "../content/content-store.ts";
import { type Digest, digestOf, splitDigest } from "../content/digest.ts";
import {
  type Descriptor,
  Index,
  isIndexType,
  layerCompression,
  parseConfig,
  parseDocument,
} from "../content/oci.ts";
import { choosePlatform, platformManifests } from "../content/platform.ts";
import { commandOutput } from "../host/command-output.ts";
import { type Paths, workDir } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { OperationContext } from "../operations/operation-service.ts";
import { familiarText, parseReference } from "../registry/reference.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import { allOrNone } from "./all-or-none.ts";
import { ArchiveIndex, type Part } from "./archive-index.ts";
import { type ImageMaker, requireAgreement } from "./image-maker.ts";
import type { ImageRecord, LayerRecord } from "./image-store.ts";
import type { LayerMaker, LayerRequest } from "./layer-maker.ts";
import { compressionOf, layerOfFile, layerTypes, openFile, withManager } from "./layer-file.ts";
import type { Lease, Leases } from "./leases.ts";
import { Progress } from "./progress.ts";

export interface ArchiveLoaderOptions {
  paths: Paths;
  privileges: Privileges;
  content: ContentStore;
  leases: Leases;
  layers: LayerMaker;
  maker: ImageMaker;
}

interface LoadContext {
  /** A directory of this operation's own. */
  work: string;
  lease: Lease;
  op: OperationContext;
  /** What becomes of them; `names`: instead of those that the archive gives. */
  as: { source: ImageRecord["source"]; origin: string; names?: string[] };
}

/** Files of images, in an archive or a directory. */
interface Files {
  /** Where a file's bytes are. NOT_FOUND when it has none of that name. */
  locate(name: string): Promise<Part & { path: string }>;
}

/** docker save's manifest.json. */
const DockerManifest = z.array(
  z.looseObject({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()),
  }),
);

/** Indexes that lead to an image, one in the other. */
const mostIndexes = 4;

/** OCI's and containerd's annotations for what an image in a layout is called. */
const nameAnnotations = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/** Loads docker-archives, oci-archives and OCI layouts. Every digest in them is verified; no name in them leads out. */
export class ArchiveLoader {
  readonly #o: ArchiveLoaderOptions;

  constructor(options: ArchiveLoaderOptions) {
    this.#o = options;
  }

  /** All images in it, each whole; those before one that fails stay. */
  async load(
    path: string,
    op: OperationContext,
    as: LoadContext["as"] = {
      source: "archive",
      origin: path,
    },
  ): Promise<ImageRecord[]> {
    const work = workDir(this.#o.paths, op.id);
    try {
      return await this.#o.leases.during({ what: `load ${path}`, open: true }, (lease) =>
        this.#load(path, { work, lease, op, as }),
      );
    } catch (error) {
      throw AppError.wrap(error, `${path} could not be loaded`, { field: "path" });
    } finally {
      await removeTree(work, this.#o.privileges);
    }
  }

  async #load(path: string, { work, lease, op, as }: LoadContext): Promise<ImageRecord[]> {
    const files = await this.#open(path, work, op);
    const images = await this.#found(files, path);
    if (images.length === 0) throw noImages(path);
    const records: ImageRecord[] = [];
    for (const image of images) {
      op.signal.throwIfAborted();
      const names = as.names ?? image.names;
      op.detail(`Loading ${names[0] ?? "an image without a name"}`);
      const documents =
        "docker" in image
          ? await this.#loadDocker(lease, files, image.docker, op)
          : await this.#loadOci(files, image.descriptor, op);
      records.push(await this.#o.maker.add(documents, { ...as, names }));
    }
    return records;
  }

  async #open(path: string, work: string, op: OperationContext): Promise<Files> {
    const found = await stat(path).catch((error: unknown) => {
      throw AppError.wrap(error, `${path} can't be read`);
    });
    if (found.isDirectory()) return { locate: (name) => locateFile(path, name) };
    const file = await openFile(path);
    const compression = await compressionOf(file).finally(() => file.close());
    const plain = compression ? join(work, "archive.tar") : path;
    if (compression) {
      op.detail("Decompressing");
      await mkdir(work, { recursive: true, mode: 0o700 });
      const argv = withManager([compression.program, "--decompress", "--stdout", "--", path]);
      const output = createWriteStream(plain, { mode: 0o600 });
      await pipeline(commandOutput(argv, op.signal), output);
    }
    const index = await ArchiveIndex.read(plain, { signal: op.signal });
    return {
      locate: async (name) => {
        const part = index.find(name);
        if (part) return { path: plain, ...part };
        throw new AppError("NOT_FOUND", `There is no ${name} in it`);
      },
    };
  }

  async #found(
    files: Files,
    path: string,
  ): Promise<
    (
      | { names: string[]; descriptor: Descriptor }
      | { names: string[]; docker: z.infer<typeof DockerManifest>[number] }
    )[]
  > {
    const index = await readJson(files, "index.json", Index);
    if (index) {
      const images: { names: string[]; descriptor: Descriptor }[] = [];
      for (const descriptor of index.manifests) {
        const chosen = await this.#single(files, descriptor);
        const names = namesIn(descriptor);
        const same = images.find((image) => image.descriptor.digest === chosen.digest);
        if (same) same.names.push(...names);
        else images.push({ names, descriptor: chosen });
      }
      return images;
    }
    const docker = await readJson(files, "manifest.json", DockerManifest);
    if (!docker) throw noImages(path);
    return docker.map((entry) => ({ names: entry.RepoTags ?? [], docker: entry }));
  }

  /** Of an index in the index the manifest for this host, or its only one. */
  async #single(files: Files, descriptor: Descriptor, depth = 0): Promise<Descriptor> {
    if (!isIndexType(descriptor.mediaType) || depth === mostIndexes) return descriptor;
    const document = parseDocument(await readBlob(files, descriptor), descriptor.mediaType);
    if (document.kind !== "index") return descriptor;
    const all = platformManifests(document.index);
    const [only] = all;
    const chosen = all.length === 1 && only ? only.descriptor : choosePlatform(document.index);
    return this.#single(files, chosen, depth + 1);
  }

  async #loadOci(files: Files, descriptor: Descriptor, op: OperationContext) {
    const { content, layers, maker } = this.#o;
    const bytes = await readBlob(files, descriptor);
    const document = parseDocument(bytes, descriptor.mediaType);
    if (document.kind !== "manifest") throw new AppError("DATA_LOSS", "An index has no end");
    const { manifest } = document;
    const configBytes = await readBlob(files, manifest.config);
    const config = parseConfig(configBytes);
    requireAgreement(manifest, config);
    const requests = await Promise.all(
      manifest.layers.map(async (layer, at): Promise<LayerRequest> => {
        const { digest, size } = layer;
        const compression = layerCompression(layer);
        const { path, ...part } = await locateBlob(files, layer);
        const diffId = config.rootfs.diff_ids[at];
        return { digest, size, diffId, compression, source: { type: "file", path, ...part } };
      }),
    );
    await makeAll(layers, requests, op);
    await content.put(bytes);
    await content.put(configBytes);
    return maker.read({ digest: descriptor.digest, mediaType: document.mediaType });
  }

  async #loadDocker(
    lease: Lease,
    files: Files,
    { Config, Layers }: z.infer<typeof DockerManifest>[number],
    op: OperationContext,
  ) {
    const { layers, maker } = this.#o;
    const configBytes = await readAll(await files.locate(Config));
    // docker names it by its digest: HEX.json, or blobs/sha256/HEX since 25.
    const named = /([0-9a-f]{64})(?:\.json)?$/.exec(Config)?.[1];
    const found = digestOf(configBytes);
    if (named !== undefined && found !== `sha256:${named}`) {
      throw new AppError("DATA_LOSS", `The config ${Config} is damaged: it is ${found}`);
    }
    const { rootfs } = parseConfig(configBytes);
    if (rootfs.diff_ids.length !== Layers.length || Layers.length === 0) {
      const message = `The image has ${Layers.length} layers, its config ${rootfs.diff_ids.length}`;
      throw new AppError("DATA_LOSS", message);
    }
    const requests = await Promise.all(
      Layers.map(async (name, at) => {
        const { path, ...part } = await files.locate(name);
        const { request } = await layerOfFile(path, part);
        return { ...request, diffId: rootfs.diff_ids[at] as Digest };
      }),
    );
    const made = await makeAll(layers, requests, op);
    return maker.write(lease, configBytes, made);
  }
}

/** Makes them all, each once; answers them as records, in the same order. */
async function makeAll(
  layers: LayerMaker,
  requests: LayerRequest[],
  op: OperationContext,
): Promise<Omit<LayerRecord, "diffId">[]> {
  const lengths = requests.map(({ source }) => (source.type === "file" ? source.length : 0));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const progress = new Progress(op, total);
  const done = requests.map(() => 0);
  const failed = new AbortController();
  const signal = AbortSignal.any([op.signal, failed.signal]);
  const once = new Map<string, Promise<Omit<LayerRecord, "diffId">>>();
  const make = async (request: LayerRequest, at: number): Promise<Omit<LayerRecord, "diffId">> => {
    const { digest, size } = await layers.make(request, {
      signal,
      onProgress: (bytes) => {
        done[at] = bytes;
        progress.set(done.reduce((sum, each) => sum + each, 0));
      },
    });
    return { digest, size, mediaType: layerTypes[request.compression] };
  };
  const all = requests.map((request, at) => {
    const key = request.diffId ?? String(at);
    const making = once.get(key) ?? make(request, at);
    once.set(key, making);
    return making;
  });
  return allOrNone(all, failed);
}

function namesIn({ annotations }: Descriptor): string[] {
  for (const key of nameAnnotations) {
    const name = annotations?.[key];
    // skopeo writes what it was told, which may be a bare tag.
    if (name === undefined || !/[/:]/.test(name)) continue;
    try {
      return [familiarText(parseReference(name))];
    } catch {
      // Then it has none.
    }
  }
  return [];
}

function locateBlob(files: Files, { digest, size }: Descriptor): Promise<Part & { path: string }> {
  const { algorithm, hex } = splitDigest(digest);
  return files.locate(`blobs/${algorithm}/${hex}`).then((part) => {
    if (part.length === size) return part;
    const message = `The blob ${digest} has ${part.length} bytes, not ${size}`;
    throw new AppError("DATA_LOSS", message);
  });
}

async function readBlob(files: Files, descriptor: Descriptor): Promise<Buffer> {
  const bytes = await readAll(await locateBlob(files, descriptor));
  const found = digestOf(bytes, descriptor.digest);
  if (found === descriptor.digest) return bytes;
  throw new AppError("DATA_LOSS", `The blob ${descriptor.digest} is damaged: it is ${found}`);
}

async function readAll({ path, offset, length }: Part & { path: string }): Promise<Buffer> {
  if (length > documentLimit) {
    throw new AppError("RESOURCE_EXHAUSTED", `A document of ${length} bytes is none`);
  }
  const file = await openFile(path);
  try {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** undefined when there is no such file. */
async function readJson<S extends z.ZodType>(
  files: Files,
  name: string,
  schema: S,
): Promise<z.output<S> | undefined> {
  const part = await files.locate(name).catch(() => undefined);
  if (!part) return undefined;
  const text = (await readAll(part)).toString("utf8");
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const output = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new AppError("DATA_LOSS", `Its ${name} can't be read`, { output }, error);
  }
}

/** A file of a layout. Its name, or links, may lead to others of it (docker's did), and nowhere else. */
async function locateFile(directory: string, name: string): Promise<Part & { path: string }> {
  const [root, path] = await Promise.all([directory, join(directory, name)].map(resolved));
  if (root === undefined || path === undefined) {
    throw new AppError("NOT_FOUND", `There is no ${name} in it`);
  }
  if (!path.startsWith(`${root}${sep}`)) {
    throw new AppError("INVALID_ARGUMENT", `${name} leads out of ${directory}`);
  }
  const file = await openFile(path);
  try {
    return { path, offset: 0, length: (await file.stat()).size };
  } finally {
    await file.close();
  }
}

const resolved = (path: string): Promise<string | undefined> =>
  realpath(path).catch(() => undefined);

const noImages = (path: string): AppError =>
  new AppError("INVALID_ARGUMENT", `There are no images in ${path}`, {
    hint: "Choose what `docker save`, `podman save` or `skopeo copy` wrote; a root file system is imported instead.",
  });
