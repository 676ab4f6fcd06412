import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Image, ImageConfig } from "#shared/contract/images";
import { AppError } from "#shared/errors";
import { defaultNamespace } from "../base/ids.ts";
import type { ContentStore } from "../content/content-store.ts";
import { parseConfig } from "../content/oci.ts";
import type { ContainerService } from "../containers/container-service.ts";
import { type Paths, workDir } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { OperationContext, OperationService } from "../operations/operation-service.ts";
import { removeTree, type Snapshotter } from "../snapshots/snapshotter.ts";
import { writeNewFile } from "./archive-writer.ts";
import { changedRunConfig } from "./image-config.ts";
import type { ImageMaker } from "./image-maker.ts";
import type { ImageService } from "./image-service.ts";
import { configDigest, type ImageStore } from "./image-store.ts";
import { layerOfFile, layerTypes, packed } from "./layer-file.ts";
import type { LayerMaker } from "./layer-maker.ts";
import type { Lease, Leases } from "./leases.ts";
import { Progress } from "./progress.ts";

export interface CommitRequest {
  containerId: string;
  name: string;
  comment?: string | undefined;
  author?: string | undefined;
  config?: { [K in keyof ImageConfig]?: ImageConfig[K] | undefined } | undefined;
  pause: boolean;
}

export interface ContainerImageServiceOptions {
  paths: Paths;
  privileges: Privileges;
  containers: ContainerService;
  images: ImageService;
  store: ImageStore;
  snapshots: Snapshotter;
  content: ContentStore;
  leases: Leases;
  layers: LayerMaker;
  maker: ImageMaker;
  operations: OperationService;
}

/** What containers have written, as images and tars. */
export class ContainerImageService {
  readonly #o: ContainerImageServiceOptions;

  constructor(options: ContainerImageServiceOptions) {
    this.#o = options;
  }

  /** The container's image with one layer more: what the container has changed. */
  commit(request: CommitRequest): Promise<Image> {
    const { containerId } = request;
    const { config } = this.#o.containers.records.get(containerId);
    const spec = { kind: "commit", title: `Committing ${config.name}`, containerId };
    return this.#o.operations.run({ ...spec, cancellable: true }, (op) =>
      this.commitWithin(op, request),
    );
  }

  /** The same as a part of an operation of the caller's. */
  async commitWithin(op: OperationContext, request: CommitRequest): Promise<Image> {
    const { paths, privileges, containers, images, store, content, snapshots } = this.#o;
    const { leases, layers, maker } = this.#o;
    const { containerId, name } = request;
    const record = containers.records.get(containerId);
    const base = store.get(record.image.id);
    const work = workDir(paths, op.id);
    const commit = async (lease: Lease): Promise<Image> => {
      await lease.hold({
        digests: base.layers.map(({ digest }) => digest),
        diffIds: base.layers.map(({ diffId }) => diffId),
      });
      const tar = join(work, "diff.tar");
      await mkdir(work, { recursive: true, mode: 0o700 });
      const progress = new Progress(op);
      // Into a file first: it stands still for no longer than it takes to read what it wrote.
      await this.#still(request, () =>
        writeNewFile(tar, snapshots.diff(defaultNamespace, containerId, { signal: op.signal }), {
          signal: op.signal,
          onProgress: (written) => progress.set(written),
        }),
      );
      op.detail("Making the layer");
      const made = await layers.make((await layerOfFile(tar)).request, { signal: op.signal });
      const created = new Date().toISOString();
      const file = parseConfig(await content.read(configDigest(base.id)));
      const layer = { digest: made.digest, size: made.size };
      const documents = await maker.write(
        lease,
        {
          ...file,
          created,
          ...(request.author === undefined ? {} : { author: request.author }),
          config: changedRunConfig(file.config, request.config ?? {}),
          rootfs: {
            type: "layers",
            diff_ids: [...file.rootfs.diff_ids, made.layer.diffId],
          },
          history: [
            ...(file.history ?? []),
            {
              created,
              created_by: `commit of ${record.config.name}`,
              ...(request.author === undefined ? {} : { author: request.author }),
              ...(request.comment === undefined ? {} : { comment: request.comment }),
            },
          ],
        },
        [...base.layers, { ...layer, mediaType: layerTypes[packed.compression] }],
      );
      op.signal.throwIfAborted();
      const provenance = { source: "commit", origin: record.config.name } as const;
      return images.added(await maker.add(documents, { ...provenance, names: [name] }));
    };
    try {
      return await leases.during({ what: `commit ${containerId}`, open: true }, commit);
    } finally {
      await removeTree(work, privileges);
    }
  }

  /** The container's whole root file system as a tar. */
  async export(containerId: string, path: string): Promise<void> {
    const { containers, images, snapshots, operations } = this.#o;
    const { config, image } = containers.records.get(containerId);
    const title = `Exporting ${config.name}`;
    await operations.run({ kind: "export", title, containerId, cancellable: true }, async (op) => {
      const layers = images.layersOf(image.id);
      const { signal } = op;
      const progress = new Progress(op);
      await writeNewFile(
        path,
        snapshots.exportTree(defaultNamespace, containerId, layers, { signal }),
        { signal, onProgress: (written) => progress.set(written) },
      );
    });
  }

  /** Runs `work` while the container stands still, where that is wanted and it runs. */
  async #still<T>({ containerId, pause }: CommitRequest, work: () => Promise<T>): Promise<T> {
    const { lifecycle } = this.#o.containers;
    const runs = lifecycle.task(containerId)?.state.status === "running";
    if (!pause || !runs) return work();
    await lifecycle.pause(containerId).catch((error: unknown) => {
      throw AppError.wrap(error, "It can't be kept from changing meanwhile", {
        hint: "Stop it first, or commit it without pausing.",
      });
    });
    try {
      return await work();
    } finally {
      await lifecycle.resume(containerId);
    }
  }
}
