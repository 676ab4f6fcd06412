import type { TarLimits } from "./tar/limits.ts";

/** How layers are kept: each as one EROFS file that is mounted where it is used, or unpacked as a directory. */
export type LayerKind = "erofs" | "directory";

/** A layer that is whole. */
export interface LayerInfo {
  /** `sha256:HEX` of the uncompressed tar, as in an image's config. */
  diffId: string;
  kind: LayerKind;
  /** Bytes on disk. */
  size: number;
  /** Files, directories, links and whiteouts in it. */
  files: number;
  /** Bytes of the uncompressed tar. */
  uncompressed: number;
  /** Devices that were left out, as the kernel lets an ordinary user make none. */
  skippedDevices: number;
}

/** All that making a layer needs to know of this host; plain data, so that a worker thread can do it. */
export interface LayerPlan {
  kind: LayerKind;
  /** Where layers of this kind lie. */
  directory: string;
  rootless: boolean;
  /** Path of mkfs.erofs; for kind `erofs`. */
  mkfs?: string;
}

export interface MakeLayerOptions {
  compression: "gzip" | "zstd" | "none";
  /** What the uncompressed tar must hash to. */
  diffId?: string;
  limits?: Partial<TarLimits>;
  signal?: AbortSignal;
  /** Bytes of the tar, as it came, that were taken until now. */
  onProgress?(bytes: number): void;
}
