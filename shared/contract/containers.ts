import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { ById, delta, ErrorInfoSchema, Id, Labels, Nothing, Time } from "./common.ts";
import { containerOptions, VolumeName } from "./container-options.ts";
import { Health, HealthCheck, HealthStatus } from "./health.ts";
import { ContainerNetworks, PortChoice } from "./networks.ts";

/** docker's rule for names: [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 128. See also shared/base/names.ts. */
export const ContainerName = z
  .string()
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/,
    "A name begins with a letter or digit; then letters, digits, '_', '.', '-'; at most 128",
  );

/**
 * What is so, as the runtime and the shim say it.
 * `shim-lost`: the processes may run but their shim is gone. `unknown`: it can't be found out; `error` says why.
 */
export const Status = z.enum(["created", "running", "paused", "exited", "shim-lost", "unknown"]);
export type Status = z.infer<typeof Status>;

/** What is being done to a container just now; its progress is the operation with that id. */
export const Activity = z.enum([
  "creating",
  "starting",
  "stopping",
  "restarting",
  "checkpointing",
  "restoring",
  "recreating",
  "deleting",
]);

export const Limits = z.object({
  /** Bytes; the least that runc accepts is host-dependent, below 6 MiB is refused here. */
  memory: z
    .number()
    .int()
    .min(6 * 1024 * 1024)
    .optional(),
  /** CPUs, e.g. 1.5. */
  cpus: z.number().min(0.01).max(1024).optional(),
  /** Processes and threads. */
  pids: z.number().int().min(1).max(4_194_304).optional(),
});
export type Limits = z.infer<typeof Limits>;

export const RestartPolicy = z.object({
  name: z.enum(["no", "on-failure", "always", "unless-stopped"]),
  /** For on-failure; absent means without end. */
  maximumRetries: z.number().int().min(1).optional(),
});
export type RestartPolicy = z.infer<typeof RestartPolicy>;

const SignalName = z
  .string()
  .regex(
    /^((SIG)?[A-Z][A-Z0-9]*([+-]\d{1,2})?|[1-9]\d?)$/i,
    "Write a signal as SIGQUIT, or its number",
  );

export const ContainerConfig = z.object({
  name: ContainerName,
  imageId: Id,
  /** In place of the image's; absent: the image's own. With one the image's cmd does not count. */
  entrypoint: z.array(z.string()).max(4096).optional(),
  /** Arguments of the entrypoint, or the command where there is none. Empty: the image's cmd. */
  args: z.array(z.string()).max(4096),
  /** KEY=VALUE. */
  env: z.array(z.string().regex(/^[^=\0]+=[^\0]*$/, "Write KEY=VALUE")).max(4096),
  cwd: z.string().startsWith("/", "Must be an absolute path").optional(),
  /** `uid[:gid]` or names that the image's /etc/passwd and /etc/group know. */
  user: z.string().optional(),
  terminal: z.boolean(),
  /** Keeps standard input open for `attach`; implied by `terminal`. */
  stdin: z.boolean().optional(),
  hostname: z.string().max(64).optional(),
  limits: Limits,
  restart: RestartPolicy,
  /** Removed when it has exited, with everything but its checkpoints; not together with a restart policy. */
  autoRemove: z.boolean().optional(),
  healthCheck: HealthCheck.optional(),
  /** By name (`SIGQUIT`, `SIGRTMIN+3`) or number; absent: the image's, else SIGTERM. */
  stopSignal: SignalName.optional(),
  /** From that signal to SIGKILL; absent: as the settings say. */
  stopGraceSeconds: z.number().int().min(0).max(86_400).optional(),
  labels: Labels,
  /** Absent: the default network, where this machine has one. */
  networks: ContainerNetworks.optional(),
  /** Reachable on this machine while it runs. */
  ports: z.array(PortChoice).max(1024).optional(),
  ...containerOptions,
  /** Runtime id as in system.info; absent: the host's best. */
  runtime: z.string().optional(),
  /**
   * Containers of one group share a shim, which takes less memory; but when it is lost, it is lost to all of them.
   * Only where the runtime's `shareShim` says so.
   */
  shimGroup: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/, "Use up to 64 letters, digits, '_', '.' and '-'")
    .optional(),
});
export type ContainerConfig = z.infer<typeof ContainerConfig>;

export const ContainerState = z.object({
  status: Status,
  activity: Activity.optional(),
  operationId: z.string().optional(),
  pid: z.number().optional(),
  startedAt: Time.optional(),
  exitedAt: Time.optional(),
  /** 0..255; 128 + signal when killed by one. Absent when it can't be known. */
  exitCode: z.number().optional(),
  oomKilled: z.boolean().optional(),
  /** Absent for one that has no check, or does not run. */
  health: HealthStatus.optional(),
  /** Why it failed to start, is lost, or is unknown. */
  error: ErrorInfoSchema.optional(),
});
export type ContainerState = z.infer<typeof ContainerState>;

/** A row of the list. */
export const Container = z.object({
  id: Id,
  name: z.string(),
  image: z.object({ id: z.string(), name: z.string() }),
  args: z.array(z.string()),
  createdAt: Time,
  labels: Labels,
  runtime: z.string(),
  terminal: z.boolean(),
  restart: RestartPolicy,
  restartCount: z.number(),
  limits: Limits,
  /** Published now. */
  ports: z.array(
    z.object({
      hostIp: z.string(),
      hostPort: z.number(),
      containerPort: z.number(),
      protocol: z.enum(["tcp", "udp"]),
    }),
  ),
  state: ContainerState,
});
export type Container = z.infer<typeof Container>;

export const ShimInfo = z.object({
  /** `conmon`, or the shim binary's name. */
  kind: z.string(),
  pid: z.number().optional(),
  alive: z.boolean(),
  version: z.string().optional(),
  /** Proportional set size, bytes (/proc/PID/smaps_rollup); absent when unreadable. */
  pss: z.number().optional(),
  startedAt: Time.optional(),
  runtime: z.object({ name: z.string(), path: z.string(), version: z.string() }),
});
export type ShimInfo = z.infer<typeof ShimInfo>;

export const ContainerDetail = z.object({
  container: Container,
  config: ContainerConfig,
  /** Absent while no task exists. */
  shim: ShimInfo.optional(),
  bundle: z.string().optional(),
  logPath: z.string(),
  rootfs: z.object({ kind: z.string(), upper: z.string().optional() }),
  /** Those that it names, and the anonymous. */
  volumes: z.array(z.object({ id: VolumeName, target: z.string(), anonymous: z.boolean() })),
  /** What was asked for but clamped or left out on this host, each a sentence. */
  warnings: z.array(z.string()),
  /** Defaults that were adjusted to this host without having been asked for, each a sentence. */
  notes: z.array(z.string()),
});
export type ContainerDetail = z.infer<typeof ContainerDetail>;

export const ProcessInfo = z.object({
  /** On the host. */
  pid: z.number(),
  ppid: z.number(),
  /** In the container's innermost pid namespace, when it can be read. */
  containerPid: z.number().optional(),
  user: z.string(),
  state: z.string(),
  /** Seconds of CPU used. */
  cpuSeconds: z.number(),
  /** Bytes. */
  rss: z.number(),
  threads: z.number(),
  startedAt: Time.optional(),
  args: z.array(z.string()),
  /** `init`, an exec's id, or absent for children. */
  role: z.string().optional(),
});
export type ProcessInfo = z.infer<typeof ProcessInfo>;

/** Bytes that a container has on disk beside its image. */
export const DiskUse = z.object({
  id: Id,
  /** What it wrote to its file system. */
  files: z.number(),
  log: z.number(),
});
export type DiskUse = z.infer<typeof DiskUse>;

export const containers = {
  watch: stream(Nothing, delta(Container)),
  list: query(Nothing, z.array(Container)),
  get: query(ById, ContainerDetail),
  /** JSON texts; `runtime` is null while no task exists. */
  inspect: query(
    ById,
    z.object({ record: z.string(), spec: z.string().nullable(), runtime: z.string().nullable() }),
  ),
  checkName: query(
    z.object({ name: z.string() }),
    z.object({ ok: z.boolean(), reason: z.string().optional() }),
  ),
  create: mutation(
    z.object({ config: ContainerConfig, start: z.boolean() }),
    z.object({ id: Id, warnings: z.array(z.string()) }),
  ),
  /**
   * Puts a new container, made from `config`, in the place of this one: the same addresses, ports and mounts. The old
   * one is kept until the new one has been running for a moment, and put back, running if it ran, when that fails.
   * What was written outside its mounts is lost with it, unless `keepFiles` names an image to be made of it first,
   * which is then the new one's. `keepOld`: it stays, stopped, under another name. `start` is by default as it is now.
   */
  recreate: mutation(
    z.object({
      id: Id,
      config: ContainerConfig,
      start: z.boolean().optional(),
      keepOld: z.boolean().optional(),
      keepFiles: z.string().min(1).max(1024).optional(),
    }),
    z.object({
      id: Id,
      warnings: z.array(z.string()),
      /** The old one, where it was kept. */
      old: z.object({ id: Id, name: z.string() }).optional(),
    }),
  ),
  start: mutation(ById, Nothing),
  /** Its stop signal, then SIGKILL after `graceSeconds` (absent: its own, else the settings'). */
  stop: mutation(
    z.object({ id: Id, graceSeconds: z.number().min(0).max(3600).optional() }),
    Nothing,
  ),
  restart: mutation(
    z.object({ id: Id, graceSeconds: z.number().min(0).max(3600).optional() }),
    Nothing,
  ),
  /** Signal by name (`SIGUSR1`) or number. */
  kill: mutation(
    z.object({ id: Id, signal: z.union([z.string(), z.number().int().min(1).max(64)]) }),
    Nothing,
  ),
  pause: mutation(ById, Nothing),
  resume: mutation(ById, Nothing),
  rename: mutation(z.object({ id: Id, name: ContainerName }), Nothing),
  /**
   * `force` kills a running one first. Its checkpoints stay unless `checkpoints`, and so do its anonymous volumes
   * unless `volumes`; one that another container has stays always.
   */
  delete: mutation(
    z.object({
      id: Id,
      force: z.boolean().optional(),
      checkpoints: z.boolean().optional(),
      volumes: z.boolean().optional(),
    }),
    Nothing,
  ),
  /** A limit that is absent is lifted. */
  updateLimits: mutation(z.object({ id: Id, limits: Limits }), Nothing),
  updateRestart: mutation(z.object({ id: Id, restart: RestartPolicy }), Nothing),
  /** Runs one command to its end, without terminal; output is capped at 1 MiB each. */
  exec: mutation(
    z.object({
      id: Id,
      args: z.array(z.string()).min(1),
      user: z.string().optional(),
      cwd: z.string().optional(),
      env: z.array(z.string()).optional(),
    }),
    z.object({
      exitCode: z.number(),
      stdout: z.instanceof(Uint8Array),
      stderr: z.instanceof(Uint8Array),
      truncated: z.boolean(),
    }),
  ),
  /** Counted anew, in a process of its own; a container with millions of files takes its time. */
  diskUse: query(Nothing, z.array(DiskUse)),
  /** From now on, the present state first. */
  watchHealth: stream(ById, Health, "latest"),
  /**
   * The variables of a file of this machine, by docker's rules for --env-file. INVALID_ARGUMENT, with the line, for
   * what can't be read as such, and for more than 1 MiB.
   */
  readEnvFile: query(
    z.object({ path: z.string().startsWith("/", "Give a path from / on").max(4096) }),
    z.object({
      /** KEY=VALUE. */
      env: z.array(z.string()),
      /** Names without a value: docker would take those of the shell that it is run from. */
      unset: z.array(z.string()),
    }),
  ),
  /** The process table, sampled every 2 s while watched. */
  processes: stream(ById, z.object({ time: Time, processes: z.array(ProcessInfo) }), "latest"),
};
