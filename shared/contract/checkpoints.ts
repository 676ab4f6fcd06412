import { z } from "zod";
import { mutation, stream } from "../rpc/define.ts";
import { ById, delta, Id, Nothing, Time } from "./common.ts";

export const CheckpointOptions = z.object({
  leaveRunning: z.boolean(),
  tcpEstablished: z.boolean(),
  fileLocks: z.boolean(),
  externalUnixSockets: z.boolean(),
});
export type CheckpointOptions = z.infer<typeof CheckpointOptions>;

export const Checkpoint = z.object({
  id: Id,
  containerId: Id,
  /** The container's name when it was taken. */
  containerName: z.string(),
  /** False once the container was deleted: then it can't be restored in place. */
  containerExists: z.boolean(),
  name: z.string(),
  createdAt: Time,
  /** Bytes on disk. */
  size: z.number(),
  options: CheckpointOptions,
  runtime: z.string(),
});
export type Checkpoint = z.infer<typeof Checkpoint>;

export const checkpoints = {
  watch: stream(Nothing, delta(Checkpoint)),
  create: mutation(
    z.object({
      containerId: Id,
      name: z.string().trim().min(1).max(128),
      options: CheckpointOptions,
    }),
    Checkpoint,
  ),
  /** Into the container it was taken from, which must not be running. */
  restore: mutation(ById, Nothing),
  delete: mutation(ById, Nothing),
};
