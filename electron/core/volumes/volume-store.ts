import { z } from "zod";
import { Id, Labels, Time } from "#shared/contract/common";
import { VolumeName } from "#shared/contract/container-options";
import { AppError } from "#shared/errors";
import { Kept } from "../store/kept.ts";
import type { Store } from "../store/store.ts";

/** A volume, whose files are under its name. */
export const VolumeRecord = z.object({
  name: VolumeName,
  labels: Labels,
  anonymous: z.boolean(),
  createdAt: Time,
  /** What it is being made for, a container or an operation: without that it is removed. Absent: it stays by itself. */
  madeFor: Id.optional(),
});
export type VolumeRecord = z.infer<typeof VolumeRecord>;

/** A record that can't be read is made anew where its volume's files are. */
export class VolumeStore extends Kept<typeof VolumeRecord> {
  constructor(store: Store) {
    super(store.collection("volumes", VolumeRecord), ({ name }) => name);
  }

  /** NOT_FOUND when there is none. */
  require(name: string): VolumeRecord {
    const found = this.get(name);
    if (found) return found;
    throw new AppError("NOT_FOUND", `There is no volume "${name}"`, {
      subject: `volume "${name}"`,
      hint: "It was deleted.",
    });
  }
}
