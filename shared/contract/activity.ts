import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { ById, delta, ErrorInfoSchema, Id, Labels, Nothing, Time } from "./common.ts";

/** Topics are containerd's (`/tasks/start`, `/containers/create`), its payload flattened to strings. */
export const Event = z.object({
  /** Strictly increasing within a journal. */
  seq: z.number(),
  time: Time,
  topic: z.string(),
  namespace: z.string(),
  containerId: z.string().optional(),
  /** The name at that time. */
  containerName: z.string().optional(),
  data: Labels,
  /** The topic of an event that tells of this one, too: `/shimyard/restarting` of all that a restart by policy is made of. */
  partOf: z.string().optional(),
});
export type Event = z.infer<typeof Event>;

/** Something that takes a while: shown with progress where it happens and in the footer. */
export const Operation = z.object({
  id: Id,
  /** `stop`, `checkpoint`, `import`, ... */
  kind: z.string(),
  /** `Stopping web` */
  title: z.string(),
  containerId: z.string().optional(),
  imageId: z.string().optional(),
  startedAt: Time,
  endedAt: Time.optional(),
  status: z.enum(["running", "done", "failed", "cancelled"]),
  /** 0..1; absent when it can't be known. */
  progress: z.number().optional(),
  /** `12 of 80 MiB` */
  detail: z.string().optional(),
  cancellable: z.boolean(),
  error: ErrorInfoSchema.optional(),
});
export type Operation = z.infer<typeof Operation>;

export const activity = {
  /** Newest first, before `before` (a seq), at most `limit`. */
  events: query(
    z.object({
      containerId: z.string().optional(),
      before: z.number().optional(),
      limit: z.number().int().min(1).max(1000),
      /** Without those that another one tells of. */
      brief: z.boolean().optional(),
    }),
    z.array(Event),
  ),
  /** From now on. */
  watchEvents: stream(Nothing, Event),
  /** Running ones, and those that ended in the last 10 minutes. */
  watchOperations: stream(Nothing, delta(Operation)),
  cancel: mutation(ById, Nothing),
};
