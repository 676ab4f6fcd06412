import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { delta, ErrorInfoSchema, Id, Labels, Nothing, Time } from "./common.ts";
import { ProcessInfo } from "./containers.ts";
import { Sample } from "./stats.ts";

/** Who else looks after the containers of a namespace, and would undo or be harmed by what is done here. */
export const RemoteOwner = z.enum(["docker", "kubernetes", "shimyard", "other"]);
export type RemoteOwner = z.infer<typeof RemoteOwner>;

export const RemoteNamespace = z.object({
  name: z.string(),
  owner: RemoteOwner,
  /** Deleting was switched on for it. */
  deletable: z.boolean(),
});
export type RemoteNamespace = z.infer<typeof RemoteNamespace>;

/** A containerd that runs on this machine beside Shimyard. */
export const Place = z.object({
  /** Its socket's path. */
  id: z.string(),
  /** It was found by itself, and not named by the user. */
  found: z.boolean(),
  status: z.enum(["connecting", "connected", "away"]),
  version: z.string().optional(),
  namespaces: z.array(RemoteNamespace),
  /** Why it is away. */
  error: ErrorInfoSchema.optional(),
});
export type Place = z.infer<typeof Place>;

export const RemoteContainer = z.object({
  /** `PLACE NAMESPACE ID`, separated by spaces. */
  id: z.string(),
  /** What terminals and logs call it; see base/elsewhere.ts. */
  ref: Id,
  place: z.string(),
  namespace: z.string(),
  containerId: z.string(),
  /** As its labels tell it; else its id. */
  name: z.string(),
  image: z.string(),
  runtime: z.string(),
  labels: Labels,
  createdAt: Time,
  /** `none`: it has no task. */
  status: z.enum(["none", "created", "running", "paused", "exited", "unknown"]),
  pid: z.number().optional(),
  exitCode: z.number().optional(),
  exitedAt: Time.optional(),
  /** `logs` can read what it writes: it was started from here, or a kubelet keeps it. */
  hasLog: z.boolean(),
  /** It was started from here: its terminal or standard streams can be attached to. */
  attachable: z.boolean(),
});
export type RemoteContainer = z.infer<typeof RemoteContainer>;

export const RemoteUse = z.object({
  time: Time,
  /** Absent the first time: rates are differences. */
  sample: Sample.optional(),
  processes: z.array(ProcessInfo),
});
export type RemoteUse = z.infer<typeof RemoteUse>;

/** criu's images of a container elsewhere. It can't be restored from here: only its owner makes its container anew. */
export const RemoteCheckpoint = z.object({
  name: z.string(),
  createdAt: Time,
  /** Directory of criu's images. */
  path: z.string(),
});
export type RemoteCheckpoint = z.infer<typeof RemoteCheckpoint>;

const ById = z.object({ id: z.string().min(1).max(1000) });
const Address = z
  .string()
  .regex(/^(\/|\\\\\.\\pipe\\)\S+$/, "Give the whole path of a socket, from / on, without spaces")
  .max(200);

const CheckpointName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
    "Use up to 64 letters, digits, dots, dashes, underscores",
  );

/** containerds that run on this machine: what is in them, and what can be done with it. */
export const remotes = {
  /** Places are looked for and connected to for as long as this or `watch` is watched. */
  watchPlaces: stream(Nothing, delta(Place)),
  watch: stream(Nothing, delta(RemoteContainer)),
  /** UNAVAILABLE when no containerd answers there. */
  add: mutation(z.object({ address: Address }), Nothing),
  /** One that was found by itself comes back. */
  forget: mutation(ById, Nothing),
  /** Whether containers of a namespace may be deleted from here; they may not until this is said. */
  allowDelete: mutation(
    z.object({ place: z.string(), namespace: z.string().max(100), allow: z.boolean() }),
    Nothing,
  ),
  start: mutation(ById, Nothing),
  /** SIGTERM, and after ten seconds SIGKILL. */
  stop: mutation(ById, Nothing),
  kill: mutation(ById.extend({ signal: z.string().max(20) }), Nothing),
  pause: mutation(ById, Nothing),
  resume: mutation(ById, Nothing),
  /** Kills it first when it runs. PERMISSION_DENIED until its namespace allows it. */
  delete: mutation(ById, Nothing),
  /** Its OCI spec as JSON text, where it has one. */
  inspect: query(ById, z.object({ spec: z.string().optional() })),
  /** What a running one uses and which processes it has, every two seconds. */
  watchUse: stream(ById, RemoteUse, "latest"),
  /** Keeps its processes' memory on disk while it runs on. */
  checkpoint: mutation(
    ById.extend({
      name: CheckpointName,
      ...{ tcpEstablished: z.boolean(), fileLocks: z.boolean(), externalUnixSockets: z.boolean() },
    }),
    Nothing,
  ),
  /** Oldest first. */
  checkpoints: query(ById, z.array(RemoteCheckpoint)),
  deleteCheckpoint: mutation(ById.extend({ name: CheckpointName }), Nothing),
};
