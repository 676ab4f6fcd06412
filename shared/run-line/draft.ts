import type { z } from "zod";
import { ContainerConfig, ContainerName } from "../contract/containers.ts";

/** What a command line says of a container: all but its image, and perhaps its name. */
export const RunDraft = ContainerConfig.omit({ imageId: true }).extend({
  name: ContainerName.optional(),
});
export type RunDraft = z.infer<typeof RunDraft>;

export const emptyDraft: RunDraft = {
  ...{ args: [], env: [], terminal: false, limits: {}, restart: { name: "no" }, labels: {} },
};

/** Something of a line that is not in its draft as it stood there. */
export interface RunNote {
  /** As it stood there: `--gpus all`. */
  flag: string;
  /** A sentence. */
  reason: string;
  /** Without it the container is another one; else nothing is missed. */
  lost: boolean;
  /** A file of the machine that the line was written for, where its variables are. */
  envFile?: string;
}
