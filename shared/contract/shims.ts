import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { delta, ErrorInfoSchema, Id, Nothing, Time } from "./common.ts";

/** A process that exists because of a container, beside the container's own. */
export const ShimProcess = z.object({
  pid: z.number(),
  /** `shim` holds the container, `exec` a command that was run in it, `log` keeps what a shim's container writes. */
  role: z.enum(["shim", "exec", "log"]),
  /** What it holds: `init`, or an exec's id. */
  process: z.string(),
});
export type ShimProcess = z.infer<typeof ShimProcess>;

/**
 * The shim of a container. `lost`: it is gone, and the container runs without it. `unreachable`: it lives and
 * does not answer. `broken`: of its bundle no container can be made.
 */
export const Shim = z.object({
  /** `NAMESPACE/CONTAINER` */
  id: z.string(),
  namespace: z.string(),
  containerId: Id,
  status: z.enum(["alive", "lost", "unreachable", "broken"]),
  /** `conmon`, `containerd-shim-runc-v2`; empty when unknown. */
  kind: z.string(),
  version: z.string().optional(),
  /** `oci/runc` */
  runtimeId: z.string().optional(),
  runtime: z.object({ name: z.string(), path: z.string(), version: z.string() }).optional(),
  /** The ids of the others that share it, in order: each container has an entry of its own. Absent without any. */
  sharedWith: z.array(z.string()).optional(),
  /** The shim first, when it lives. */
  processes: z.array(ShimProcess),
  startedAt: Time.optional(),
  bundle: z.string(),
  /** Where it is spoken to: conmon's control fifo, a containerd shim's socket. */
  address: z.string().optional(),
  error: ErrorInfoSchema.optional(),
});
export type Shim = z.infer<typeof Shim>;

/** Bytes. `pss` counts what processes share by halves, thirds, ...; absent where only its owner may ask. */
export const ProcessMemory = z.object({ rss: z.number(), pss: z.number().optional() });
export type ProcessMemory = z.infer<typeof ProcessMemory>;

const ByShim = z.object({ id: z.string().max(300) });

export const shims = {
  watch: stream(Nothing, delta(Shim)),
  /** By pid, of all that `watch` tells; every two seconds while it is watched. */
  watchMemory: stream(Nothing, z.record(z.string(), ProcessMemory), "latest"),
  /** What it and its runtime said of themselves: the end of the file. */
  log: query(ByShim, z.object({ path: z.string(), text: z.string(), truncated: z.boolean() })),
  /** Looks again, and connects again to one that did not answer. */
  reconnect: mutation(ByShim, Nothing),
  /** Kills it. Its container, and those that share it, run on, without anybody who keeps its output and exit status. */
  terminate: mutation(ByShim, Nothing),
  /** Removes a broken bundle and all that its runtime still holds, its processes too. */
  discard: mutation(ByShim, Nothing),
};
