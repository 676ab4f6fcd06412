import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isAlive, processStat } from "../host/proc.ts";
import { rootlessPrivileges, rootPrivileges, type Privileges } from "../host/privileges.ts";
import type { TarLimits } from "./tar/limits.ts";

/** How layers are kept: each as one EROFS file that is mounted where it is used, or unpacked as a directory. */
export type LayerKind = "erofs" | "directory";

/** `sha256:HEX` of the uncompressed tar, as an image's config has it. */
const DiffId = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const LayerInfo = z.object({
  diffId: DiffId,
  kind: z.enum(["erofs", "directory"]),
  /** Bytes on disk. */
  size: z.number(),
  /** Files, directories, links and whiteouts in it. */
  files: z.number(),
  /** Bytes of the uncompressed tar. */
  uncompressed: z.number(),
  /** Devices that were left out, as the kernel lets an ordinary user make none. */
  skippedDevices: z.number(),
});

/** A layer that is whole. */
export type LayerInfo = z.infer<typeof LayerInfo>;

/** layer.json: written last, so that with it the layer is whole. */
export const LayerRecord = LayerInfo.extend({
  version: z.literal(1),
  /** Directories of which only the names of what is in them tell, and which lower layers may have: see implied.ts. */
  implied: z.number().default(0),
  /**
   * What it says of the files that users are looked up in, by path: the content (base64), `hidden` when lower layers'
   * is not seen, `other` when it has to be looked at in place. Absent: nothing.
   */
  captured: z.record(
    z.string(),
    z.union([z.object({ content: z.string() }), z.literal("hidden"), z.literal("other")]),
  ),
});
export type LayerRecord = z.infer<typeof LayerRecord>;

/** All that making a layer needs to know of this host; plain data, so that a worker thread can do it. */
export interface LayerPlan {
  kind: LayerKind;
  /** Where layers of this kind lie. */
  directory: string;
  rootless: boolean;
  /** Path of mkfs.erofs; for kind `erofs`. */
  mkfs?: string;
  /** For kind `erofs`: see Lower. */
  loop?: boolean;
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

/** The files that users and groups are looked up in: their content is kept beside a layer, to be read unmounted. */
export const userFiles = ["etc/passwd", "etc/group"] as const;

export const isDiffId = (text: string): boolean => DiffId.safeParse(text).success;

/** The directory of a layer. In it lie layer.json and `layer.erofs` or `tree`. */
export const layerDir = (directory: string, diffId: string): string =>
  join(directory, diffId.slice("sha256:".length));
export const layerFile = (kind: LayerKind): string => (kind === "erofs" ? "layer.erofs" : "tree");
export const recordFile = "layer.json";
/** Beside it, where there are any: the paths of its implied directories, each with a NUL after it. */
export const impliedFile = "implied";

export const planPrivileges = ({ rootless }: Pick<LayerPlan, "rootless">): Privileges =>
  rootless ? rootlessPrivileges : rootPrivileges;

/** A name for what is being made, or removed: hidden, and saying by which process. */
export async function hiddenName(): Promise<string> {
  const startTime = (await processStat(process.pid))?.startTime ?? 0;
  return `.${process.pid}-${startTime}-${randomBytes(4).toString("hex")}`;
}

/** Whether a hidden name is that of a process that has ended. */
export async function isLeftOver(name: string): Promise<boolean> {
  const [, pid, startTime] = /^\.(\d+)-(\d+)-/.exec(name) ?? [];
  if (pid === undefined) return name.startsWith(".");
  return !(await isAlive({ pid: Number(pid), startTime: Number(startTime) }));
}

/** undefined where there is no whole layer. */
export async function readRecord(
  { directory, kind }: LayerPlan,
  diffId: string,
): Promise<LayerRecord | undefined> {
  if (!isDiffId(diffId)) return undefined;
  const path = join(layerDir(directory, diffId), recordFile);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const record = LayerRecord.parse(JSON.parse(text));
    return record.diffId === diffId && record.kind === kind ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Makes the place of layers: nobody but us may look into it, as setuid programs of images lie there. */
export async function makeLayersDirectory({ directory }: LayerPlan): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
}
