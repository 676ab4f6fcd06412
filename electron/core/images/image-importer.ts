import { mkdir, realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import type { Image, ImageConfig } from "#shared/contract/images";
import { AppError } from "#shared/errors";
import type { ConfigFile } from "../content/oci.ts";
import { hostPlatform } from "../content/platform.ts";
import { mustRun } from "../host/command.ts";
import { type Paths, workDir } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { OperationContext } from "../operations/operation-service.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import { requireRootfs } from "./archive-index.ts";
import { changedRunConfig } from "./image-config.ts";
import type { ImageMaker } from "./image-maker.ts";
import type { ImageRecord } from "./image-store.ts";
import { layerOfFile, layerTypes, packed, withManager } from "./layer-file.ts";
import type { LayerMaker, LayerRequest } from "./layer-maker.ts";
import type { Leases } from "./leases.ts";
import { Progress } from "./progress.ts";
import { findBusybox, makeStarterRootfs } from "./starter.ts";

/** What an image says when it says nothing. */
const defaults = {
  Cmd: ["/bin/sh"],
  Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  WorkingDir: "/",
};
/** A day is enough for the biggest, in milliseconds. */
const longest = 24 * 3600_000;

export type ConfigChange = { [K in keyof ImageConfig]?: ImageConfig[K] | undefined };

export interface ImageSource {
  path: string;
  name: string;
  config?: ConfigChange | undefined;
}

export interface ImageImporterOptions {
  paths: Paths;
  privileges: Privileges;
  leases: Leases;
  layers: LayerMaker;
  maker: ImageMaker;
}

/** Images of one layer, made of root file systems of this machine. */
export class ImageImporter {
  readonly #o: ImageImporterOptions;

  constructor(options: ImageImporterOptions) {
    this.#o = options;
  }

  async fromTar(source: ImageSource, op: OperationContext): Promise<ImageRecord> {
    const { path } = source;
    await requireRootfs(path);
    const { length, request } = await layerOfFile(path);
    // What a program decompresses for us it reads by itself.
    const total = request.source.type === "file" ? length : undefined;
    try {
      return await this.#make({ kind: "tar", ...source }, request, op, { total });
    } catch (error) {
      const inner = AppError.from(error);
      if (inner.code !== "INVALID_ARGUMENT" && inner.code !== "DATA_LOSS") throw inner;
      throw AppError.wrap(inner, `${path} could not be unpacked`, {
        field: "path",
        hint: "It must be a tar of a root file system, plain or compressed.",
      });
    }
  }

  async fromDirectory(source: ImageSource, op: OperationContext): Promise<ImageRecord> {
    const { paths, privileges } = this.#o;
    const directory = await requireDirectory(source.path, paths);
    op.detail("Counting bytes");
    const argv = ["du", "--summarize", "--apparent-size", "--block-size=1", "--one-file-system"];
    const sizes = await mustRun(privileges.asRoot([...argv, "--", directory]), {
      ...{ timeout: longest, signal: op.signal },
    });
    const tar = withManager(privileges.asRoot([...packer, `--directory=${directory}`, "."]));
    const request: LayerRequest = { source: { type: "command", argv: tar }, ...packed };
    const total = Number.parseInt(sizes, 10);
    return this.#make({ kind: "directory", ...source }, request, op, { total });
  }

  /** An image around this machine's busybox: of the same busybox always the same image. */
  async starter(name: string, op: OperationContext): Promise<ImageRecord> {
    const { paths, privileges } = this.#o;
    const busybox = await findBusybox();
    const { mtime } = await stat(busybox);
    const directory = workDir(paths, op.id);
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await makeStarterRootfs(directory, busybox, { signal: op.signal });
      const fixed = ["--owner=0", "--group=0", `--mtime=@${Math.floor(mtime.getTime() / 1000)}`];
      const argv = withManager([...packer, ...fixed, `--directory=${directory}`, "."]);
      const request: LayerRequest = { source: { type: "command", argv }, ...packed };
      const source = { kind: "starter", path: busybox, name } as const;
      return await this.#make(source, request, op, { created: mtime });
    } finally {
      await removeTree(directory, privileges);
    }
  }

  async #make(
    { kind, path, name, config }: ImageSource & { kind: Image["source"] },
    request: LayerRequest,
    op: OperationContext,
    { total, created = new Date() }: { total?: number | undefined; created?: Date },
  ): Promise<ImageRecord> {
    const { leases, layers, maker } = this.#o;
    return leases.during({ what: `import ${path}`, open: true }, async (lease) => {
      const progress = new Progress(op, total);
      const made = await layers.make(request, {
        ...{ signal: op.signal, onProgress: (bytes) => progress.set(bytes) },
      });
      // The root itself is one.
      if (made.layer.files <= 1) {
        throw new AppError("INVALID_ARGUMENT", `${path} has no files in it`, { field: "path" });
      }
      const { os, architecture, variant } = hostPlatform();
      const file: ConfigFile = {
        created: created.toISOString(),
        ...{ os, architecture, ...(variant === undefined ? {} : { variant }) },
        config: changedRunConfig(defaults, config ?? {}),
        rootfs: { type: "layers", diff_ids: [made.layer.diffId] },
        history: [{ created: created.toISOString(), created_by: `import of ${kind} ${path}` }],
      };
      const layer = {
        digest: made.digest,
        size: made.size,
        mediaType: layerTypes[request.compression],
      };
      const documents = await maker.write(lease, file, [layer]);
      op.signal.throwIfAborted();
      return maker.add(documents, { source: kind, origin: path, names: [name] });
    });
  }
}

/** GNU tar, with all that a layer can hold and in an order that does not depend on the disk. */
const packer = [
  ...["tar", "--create", "--file=-", "--format=posix", "--sort=name", "--numeric-owner"],
  ...["--pax-option=delete=atime,delete=ctime", "--one-file-system", "--xattrs"],
  ...[
    "--xattrs-include=*",
    "--xattrs-exclude=trusted.overlay.*",
    "--xattrs-exclude=user.overlay.*",
  ],
];

/** A directory of this machine that has none of our own data in it. */
async function requireDirectory(path: string, paths: Paths): Promise<string> {
  const found = await realpath(path).catch((error: unknown) => {
    throw AppError.wrap(error, `${path} can't be read`, { field: "path" });
  });
  if (!(await stat(found)).isDirectory()) {
    throw new AppError("INVALID_ARGUMENT", `${path} is not a directory`, { field: "path" });
  }
  if (`${await realpath(paths.data)}${sep}`.startsWith(found === sep ? sep : `${found}${sep}`)) {
    throw new AppError("INVALID_ARGUMENT", `${path} contains Shimyard's own files`, {
      field: "path",
      hint: "Copy what the image should have to a directory of its own first.",
    });
  }
  return found;
}
