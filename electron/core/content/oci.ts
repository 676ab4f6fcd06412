import { z } from "zod";
import { AppError } from "#shared/errors";
import { Digest } from "./digest.ts";

/** OCI image-spec 1.1, and Docker's "image manifest version 2, schema 2", which is the same in other words. */
export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
} as const;

/** What a registry is asked for, the best first. */
export const manifestTypes: readonly string[] = [
  mediaTypes.index,
  mediaTypes.manifest,
  mediaTypes.dockerIndex,
  mediaTypes.dockerManifest,
];

const schema1Type = "application/vnd.docker.distribution.manifest.v1+";
const indexTypes = new Set<string>([mediaTypes.index, mediaTypes.dockerIndex]);
const singleTypes = new Set<string>([mediaTypes.manifest, mediaTypes.dockerManifest]);
const configTypes = new Set<string>([mediaTypes.config, mediaTypes.dockerConfig]);

export const Platform = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
  "os.version": z.string().optional(),
  "os.features": z.array(z.string()).optional(),
});
export type Platform = z.infer<typeof Platform>;

const Annotations = z.record(z.string(), z.string());

/** Unknown fields are kept everywhere: what is written again has what was read. */
export const Descriptor = z.looseObject({
  mediaType: z.string(),
  digest: Digest,
  /** Bytes. */
  size: z.int().nonnegative(),
  urls: z.array(z.string()).optional(),
  annotations: Annotations.nullish(),
  platform: Platform.optional(),
  artifactType: z.string().optional(),
});
export type Descriptor = z.infer<typeof Descriptor>;

export const Manifest = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: Descriptor,
  /** Base first. */
  layers: z.array(Descriptor),
  subject: Descriptor.optional(),
  annotations: Annotations.nullish(),
});
export type Manifest = z.infer<typeof Manifest>;

export const Index = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: z.array(Descriptor),
  annotations: Annotations.nullish(),
});
export type Index = z.infer<typeof Index>;

/** Go writes an empty list or map as null. */
const strings = z.array(z.string()).nullish();
const keys = z.record(z.string(), z.unknown()).nullish();

/** What a container is started with, unless it is told otherwise (image-spec config.md). */
export const RunConfig = z.looseObject({
  User: z.string().optional(),
  ExposedPorts: keys,
  Env: strings,
  Entrypoint: strings,
  Cmd: strings,
  Volumes: keys,
  WorkingDir: z.string().optional(),
  Labels: Annotations.nullish(),
  StopSignal: z.string().optional(),
  /** docker's own, durations in nanoseconds (moby: api/types/container/health.go); 0 or absent: the default. */
  Healthcheck: z
    .looseObject({
      Test: strings,
      Interval: z.number().nullish(),
      Timeout: z.number().nullish(),
      StartPeriod: z.number().nullish(),
      StartInterval: z.number().nullish(),
      Retries: z.number().nullish(),
    })
    .nullish()
    // Not the image specification's: what can't be read must not keep an image away.
    .catch(undefined),
  /** docker's own: what runs the text of a CMD-SHELL. */
  Shell: strings.catch(undefined),
});
export type RunConfig = z.infer<typeof RunConfig>;

export const ConfigFile = z.looseObject({
  created: z.string().optional(),
  author: z.string().optional(),
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  config: RunConfig.nullish(),
  rootfs: z.looseObject({
    type: z.literal("layers"),
    /** Digests of the uncompressed tars, base first. */
    diff_ids: z.array(Digest),
  }),
  history: z
    .array(
      z.looseObject({
        created: z.string().optional(),
        created_by: z.string().optional(),
        author: z.string().optional(),
        comment: z.string().optional(),
        empty_layer: z.boolean().optional(),
      }),
    )
    .nullish(),
});
export type ConfigFile = z.infer<typeof ConfigFile>;

export type Document =
  | { kind: "manifest"; mediaType: string; manifest: Manifest }
  | { kind: "index"; mediaType: string; index: Index };

/**
 * A manifest or an index. `mediaType` is what the registry or a descriptor called it; what the document says
 * of itself must agree (image-spec: a document that can be read as both is an attack). UNIMPLEMENTED for
 * Docker's schema 1, DATA_LOSS for what can't be read.
 */
export function parseDocument(bytes: Uint8Array, mediaType?: string): Document {
  const json = parseJson(bytes, "The manifest");
  const fields = z
    .looseObject({ mediaType: z.string().optional(), schemaVersion: z.unknown().optional() })
    .safeParse(json);
  if (!fields.success) throw unreadable("The manifest", fields.error, bytes);
  const { mediaType: own, schemaVersion } = fields.data;
  const given = mediaType?.split(";")[0]?.trim().toLowerCase();
  if (schemaVersion === 1 || given?.startsWith(schema1Type)) {
    throw new AppError(
      "UNIMPLEMENTED",
      "The image has a manifest of Docker's old schema 1, which has no digests of its layers' contents",
      { hint: "Push it again with a docker of 2017 or newer, or ask its owner to." },
    );
  }
  const isIndex = "manifests" in fields.data;
  if (isIndex && ("layers" in fields.data || "config" in fields.data)) {
    throw new AppError("DATA_LOSS", "The manifest has both layers and manifests of its own");
  }
  const known = [own, given].filter((type) => type !== undefined && isDocumentType(type));
  const type = known[0] ?? (isIndex ? mediaTypes.index : mediaTypes.manifest);
  if (known.some((type) => indexTypes.has(type as string) !== isIndex)) {
    throw new AppError("DATA_LOSS", `The manifest is not the ${type} that it is said to be`);
  }
  const parsed = isIndex ? Index.safeParse(json) : Manifest.safeParse(json);
  if (!parsed.success) throw unreadable("The manifest", parsed.error, bytes);
  return isIndex
    ? { kind: "index", mediaType: type, index: parsed.data as Index }
    : { kind: "manifest", mediaType: type, manifest: parsed.data as Manifest };
}

/** Whether a descriptor's media type is that of a manifest or index. */
export const isDocumentType = (mediaType: string): boolean =>
  indexTypes.has(mediaType) || singleTypes.has(mediaType);

export const isIndexType = (mediaType: string): boolean => indexTypes.has(mediaType);

/** FAILED_PRECONDITION when a manifest is not of a container image but of something else kept in registries. */
export function requireImage(manifest: Manifest): void {
  const { mediaType } = manifest.config;
  const what = manifest.artifactType ?? mediaType;
  if (configTypes.has(mediaType) && manifest.artifactType === undefined) return;
  // Old builders left the config's type open.
  if (mediaType === "application/octet-stream" && manifest.artifactType === undefined) return;
  throw new AppError("FAILED_PRECONDITION", `This is not a container image but a ${what}`, {
    hint: "Registries hold other things too, such as charts and signatures. Choose an image.",
  });
}

/** An image's config. DATA_LOSS when it can't be read. */
export function parseConfig(bytes: Uint8Array): ConfigFile {
  const parsed = ConfigFile.safeParse(parseJson(bytes, "The image's config"));
  if (!parsed.success) throw unreadable("The image's config", parsed.error, bytes);
  return parsed.data;
}

export type Compression = "gzip" | "zstd" | "none";

/**
 * How a layer is compressed. FAILED_PRECONDITION for one that the registry doesn't hold or that is encrypted,
 * UNIMPLEMENTED for a type that nobody defined.
 */
export function layerCompression({ mediaType, digest }: Descriptor): Compression {
  const subject = `layer ${digest}`;
  if (/\.foreign\.|\.nondistributable\./.test(mediaType)) {
    throw new AppError(
      "FAILED_PRECONDITION",
      "The image has a foreign layer, which its maker does not allow to be shared through registries, as with Windows' base layers",
      { subject, hint: "Use an image whose layers are all in its registry.", output: mediaType },
    );
  }
  if (mediaType.endsWith("+encrypted")) {
    throw new AppError("FAILED_PRECONDITION", "The image has an encrypted layer", {
      subject,
      hint: "Decrypt it first, for example with `skopeo copy --decryption-key`.",
      output: mediaType,
    });
  }
  switch (mediaType) {
    case mediaTypes.layerGzip:
    case mediaTypes.dockerLayerGzip:
      return "gzip";
    case mediaTypes.layerZstd:
    case mediaTypes.dockerLayerZstd:
      return "zstd";
    case mediaTypes.layer:
    case mediaTypes.dockerLayer:
      return "none";
    default:
      throw new AppError(
        "UNIMPLEMENTED",
        `The image has a layer of an unknown type: ${mediaType}`,
        {
          subject,
        },
      );
  }
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw unreadable(what, error, bytes);
  }
}

function unreadable(what: string, error: unknown, bytes: Uint8Array): AppError {
  const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
  const begin = Buffer.from(bytes).toString("utf8").slice(0, 1024);
  const output = `${why}\n\n${begin}`;
  return new AppError("DATA_LOSS", `${what} can't be read`, { output });
}
