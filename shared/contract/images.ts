import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { ById, delta, ErrorInfoSchema, Id, Labels, Nothing, Time } from "./common.ts";
import { HealthCheck } from "./health.ts";

/** What an image says about how it wants to be run (OCI image spec, config.md). */
export const ImageConfig = z.object({
  entrypoint: z.array(z.string()),
  cmd: z.array(z.string()),
  env: z.array(z.string()),
  cwd: z.string(),
  user: z.string(),
  /** `80/tcp`, sorted. */
  ports: z.array(z.string()),
  /** Absolute paths inside, sorted. */
  volumes: z.array(z.string()),
  labels: Labels,
  /** `SIGQUIT`. */
  stopSignal: z.string().optional(),
  /** docker's HEALTHCHECK. */
  healthCheck: HealthCheck.optional(),
});
export type ImageConfig = z.infer<typeof ImageConfig>;

export const ImageSource = z.enum([
  "starter",
  "tar",
  "directory",
  "archive",
  "pull",
  "build",
  "commit",
]);

export const Image = z.object({
  /** Hexadecimal digits of the config's sha256: docker's image id. */
  id: Id,
  /** `alpine:latest`, as docker writes them, sorted; an image whose names went to others has none. */
  names: z.array(z.string()),
  /** `sha256:...` of its manifest: what a registry knows it by. */
  digest: z.string(),
  /** When it was built, as it says itself. */
  createdAt: Time,
  /** When it came here. */
  addedAt: Time,
  /** `linux/amd64`, `linux/arm64/v8`. */
  platform: z.string(),
  /** Bytes on disk: its layers, unpacked as they are kept, and their blobs. */
  size: z.number(),
  /** Of these, what goes when it goes: no other image has it. */
  own: z.number(),
  files: z.number(),
  layers: z.number(),
  source: ImageSource,
  /** Where it came from: a reference, or a path on this machine. */
  origin: z.string(),
  config: ImageConfig,
  /** Ids of the containers made from it. */
  usedBy: z.array(z.string()),
});
export type Image = z.infer<typeof Image>;

/** A line of an image's history, with the layer it made unless it made none. */
export const HistoryEntry = z.object({
  createdBy: z.string(),
  createdAt: Time.optional(),
  comment: z.string().optional(),
  layer: z
    .object({
      /** `sha256:...` of the uncompressed tar. */
      diffId: z.string(),
      /** Of the blob, as a registry knows it. */
      digest: z.string(),
      mediaType: z.string(),
      /** Bytes of the blob. */
      compressed: z.number(),
      /** Bytes on disk as it is kept. */
      size: z.number(),
      files: z.number(),
      kind: z.enum(["erofs", "directory"]),
      /** Names (else short ids) of other images that have it too. */
      sharedWith: z.array(z.string()),
    })
    .optional(),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

export const ImageDetail = z.object({
  image: Image,
  /** Base first. */
  history: z.array(HistoryEntry),
  /** JSON texts, as the registry gave them. */
  manifest: z.string(),
  configText: z.string(),
});
export type ImageDetail = z.infer<typeof ImageDetail>;

/** A pull or push that is under way, or ended in the last minutes. */
export const Transfer = z.object({
  /** Of the operation that cancels it and tells its end. */
  id: Id,
  direction: z.enum(["pull", "push"]),
  /** As it was asked for. */
  reference: z.string(),
  status: z.enum(["running", "done", "failed", "cancelled"]),
  startedAt: Time,
  endedAt: Time.optional(),
  /** The image that came of it. */
  imageId: z.string().optional(),
  error: ErrorInfoSchema.optional(),
  layers: z.array(
    z.object({
      digest: z.string(),
      /** Bytes of the blob. */
      size: z.number(),
      /** Bytes of it that have come or gone. */
      done: z.number(),
      /** `there`: it was here, or at the registry, already. `unpacking`: all bytes came, it is being made durable. */
      state: z.enum(["waiting", "moving", "unpacking", "done", "there"]),
    }),
  ),
});
export type Transfer = z.infer<typeof Transfer>;

/** What a removal would free, and what stays and why. */
export const Removal = z.object({
  images: z.array(z.object({ id: Id, names: z.array(z.string()), frees: z.number() })),
  /** Bytes in all: layers that several of them share go once. */
  frees: z.number(),
  /** Those that can't go, each with who holds it. */
  held: z.array(z.object({ id: Id, names: z.array(z.string()), by: z.array(z.string()) })),
});
export type Removal = z.infer<typeof Removal>;

export const BuildLine = z.object({ time: Time, text: z.string() });
export type BuildLine = z.infer<typeof BuildLine>;

/** A name for an image of this machine's own, with its tag. */
const Name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._/:-]{0,254}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/,
    "Write name or name:tag, in lower case",
  );
/** Whatever `docker pull` takes: a name, with a registry, a tag or a digest where wanted. */
const Reference = z.string().min(1).max(1024);
const Path = z.string().startsWith("/", "Give a path from / on").max(4096);
const ConfigChange = ImageConfig.partial();

export const images = {
  watch: stream(Nothing, delta(Image)),
  get: query(ById, Image),
  detail: query(ById, ImageDetail),
  /** Makes or repairs the starter image from the host's static busybox. */
  ensureStarter: mutation(Nothing, Image),
  /** A root file system tar (plain, gzip, xz or zstd) at an absolute path of this machine. */
  importTar: mutation(z.object({ path: Path, name: Name, config: ConfigChange.optional() }), Image),
  /** Copies a directory of this machine that holds a root file system. */
  importDirectory: mutation(
    z.object({ path: Path, name: Name, config: ConfigChange.optional() }),
    Image,
  ),
  /** A docker-archive or oci-archive (a file), or an OCI layout (a directory); all images in it. */
  load: mutation(z.object({ path: Path }), z.array(Image)),
  /** Writes images, by name or id, into one archive. ALREADY_EXISTS when the path is taken. */
  save: mutation(
    z.object({
      images: z.array(z.string()).min(1),
      path: Path,
      format: z.enum(["docker-archive", "oci-archive"]),
    }),
    Nothing,
  ),
  /** Resolves when it is here; its progress is a Transfer. `platform`: this host's when absent. */
  pull: mutation(
    z.object({ reference: Reference, platform: z.string().max(100).optional() }),
    Image,
  ),
  /** Sends an image under one of its names. */
  push: mutation(z.object({ name: Reference }), z.object({ digest: z.string() })),
  /** Newest first; those that ended are kept for ten minutes. */
  watchTransfers: stream(Nothing, delta(Transfer)),
  /** References that begin or go on like `text`: images here, earlier pulls, tags of that repository. At most 20. */
  suggest: query(z.object({ text: z.string().max(1024) }), z.array(z.string())),
  /** The platforms that a reference has, `linux/amd64` first where it is this host's. */
  platforms: query(z.object({ reference: Reference }), z.array(z.string())),
  /** One more name for an image; whatever had it loses it. */
  tag: mutation(z.object({ id: Id, name: Name }), Nothing),
  /** The image stays, without that name. */
  untag: mutation(z.object({ name: Reference }), Nothing),
  /** What `delete` of these would free, and what holds them. */
  previewDelete: query(z.object({ ids: z.array(Id).min(1) }), Removal),
  /** All its names too. FAILED_PRECONDITION, naming them, while containers use it. */
  delete: mutation(ById, z.object({ freed: z.number() })),
  /** `unnamed`: images without a name that nothing uses; `unused`: all that nothing uses. */
  previewPrune: query(z.object({ what: z.enum(["unnamed", "unused"]) }), Removal),
  prune: mutation(
    z.object({ what: z.enum(["unnamed", "unused"]) }),
    z.object({ freed: z.number(), images: z.number() }),
  ),
  /** What a container has changed becomes a layer over its image. `pause` stops it from changing meanwhile. */
  commit: mutation(
    z.object({
      containerId: Id,
      name: Name,
      comment: z.string().max(4096).optional(),
      author: z.string().max(1024).optional(),
      config: ConfigChange.optional(),
      pause: z.boolean(),
    }),
    Image,
  ),
  /** A container's whole root file system as a tar at `path`. ALREADY_EXISTS when that is taken. */
  exportContainer: mutation(z.object({ containerId: Id, path: Path }), Nothing),
  /** What builds here: buildah or BuildKit, or why nothing does. */
  builder: query(
    Nothing,
    z.object({
      tool: z.string().optional(),
      version: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
  /** Resolves with the image when it is built, and ends with its call; the log is `watchBuild` of the id named here. */
  build: mutation(
    z.object({
      /** Chosen by the caller: [a-z0-9-]{1,64}. The build is followed by it from the beginning. */
      buildId: z.string().regex(/^[a-z0-9-]{1,64}$/),
      context: Path,
      /** Relative to the context; `Dockerfile` or `Containerfile` when absent. */
      dockerfile: z.string().max(4096).optional(),
      target: z.string().max(256).optional(),
      args: z.record(z.string(), z.string()),
      name: Name,
      noCache: z.boolean().optional(),
    }),
    Image,
  ),
  /** From its first line; ends with the build. */
  watchBuild: stream(z.object({ buildId: z.string().max(64) }), BuildLine),
};
