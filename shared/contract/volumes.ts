import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { Bytes, delta, Id, Labels, Nothing, Time } from "./common.ts";
import { VolumeName } from "./container-options.ts";

/** A container that has a volume. */
export const VolumeUser = z.object({
  containerId: Id,
  containerName: z.string(),
  /** Where it sees it. */
  target: z.string(),
  readOnly: z.boolean(),
});
export type VolumeUser = z.infer<typeof VolumeUser>;

export const Volume = z.object({
  /** Its name. */
  id: VolumeName,
  labels: Labels,
  /** Made for one container, which or whose image named none. */
  anonymous: z.boolean(),
  createdAt: Time,
  /** Running or not. */
  usedBy: z.array(VolumeUser),
});
export type Volume = z.infer<typeof Volume>;

/** What goes with a removal of volumes that nothing uses: only the anonymous, or those with names too. */
export const VolumePrune = z.object({ what: z.enum(["anonymous", "unused"]) });
export type VolumePrune = z.infer<typeof VolumePrune>;

/** Bytes on disk. */
const Sized = z.object({ id: VolumeName, size: z.number() });

const ByVolume = z.object({ id: VolumeName });
const HostPath = z.string().startsWith("/", "Give a path from / on").max(4096);

export const volumes = {
  watch: stream(Nothing, delta(Volume)),
  list: query(Nothing, z.array(Volume)),
  /** Without a name it is given one. ALREADY_EXISTS when that is taken. */
  create: mutation(z.object({ name: VolumeName.optional(), labels: Labels.optional() }), Volume),
  /** With all that is in it. FAILED_PRECONDITION, naming them, while containers have it. */
  delete: mutation(ByVolume, Nothing),
  /** Counted anew, in a process of its own; one with millions of files takes its time. */
  diskUse: query(Nothing, z.array(Sized)),
  previewPrune: query(VolumePrune, z.object({ volumes: z.array(Sized), frees: z.number() })),
  prune: mutation(VolumePrune, z.object({ freed: z.number(), volumes: z.number() })),
  /**
   * All that is in it as a tar (POSIX.1-2001 pax), not compressed. While a container writes to it, each file is as it
   * was when it was read.
   */
  download: stream(ByVolume, Bytes),
  /** The same into a file of this machine. ALREADY_EXISTS when the path is taken. An operation. */
  backUp: mutation(z.object({ id: VolumeName, path: HostPath }), Nothing),
  /**
   * From a tar (plain, gzip or zstd) of this machine, in place of all that is in it; it is made where there is none.
   * Devices are left out. FAILED_PRECONDITION while a container that has it runs. When it fails the volume is as it
   * was. An operation.
   */
  restore: mutation(
    z.object({ id: VolumeName, path: HostPath }),
    z.object({ files: z.number(), skippedDevices: z.number() }),
  ),
};
