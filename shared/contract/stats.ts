import { z } from "zod";
import { query, stream } from "../rpc/define.ts";
import { Id, Nothing, Time } from "./common.ts";

/** One moment of one container. */
export const Sample = z.object({
  time: Time,
  /** CPUs in use, 1.0 is one whole CPU, over the time since the sample before. */
  cpu: z.number(),
  /** Bytes in use without what the kernel can drop (inactive file pages), as docker counts. */
  memory: z.number(),
  /** Bytes; absent when unlimited. */
  memoryLimit: z.number().optional(),
  pids: z.number(),
  /** Bytes per second of block I/O; absent where the kernel does not say (rootless on cgroup v1). */
  readRate: z.number().optional(),
  writeRate: z.number().optional(),
});
export type Sample = z.infer<typeof Sample>;

export const stats = {
  /** Every running container, about once a second while watched. Keys are container ids. */
  watch: stream(Nothing, z.object({ time: Time, samples: z.record(z.string(), Sample) }), "latest"),
  /** What is kept of the last 10 minutes, or of those after `since`, oldest first. */
  history: query(z.object({ id: Id, since: Time.optional() }), z.array(Sample)),
  /** This machine: CPUs in use of how many, memory in bytes. For the footer. */
  host: stream(
    Nothing,
    z.object({
      time: Time,
      cpu: z.number(),
      cpus: z.number(),
      memoryUsed: z.number(),
      memoryTotal: z.number(),
    }),
    "latest",
  ),
};
