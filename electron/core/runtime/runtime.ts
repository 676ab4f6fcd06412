import type { Disposable } from "#shared/base/disposable";
import type { Event } from "#shared/base/emitter";
import type { ErrorInfo } from "#shared/errors";

/**
 * The interfaces every kind of shim implements. They follow containerd's: a Runtime is a plugin that
 * makes Tasks, a Task is the running side of a container, a Process is its init or an exec.
 * Times are milliseconds since the epoch. Every error is an AppError.
 */
export interface Runtime {
  /** `oci/runc`. */
  readonly id: string;
  create(request: CreateRequest, options?: CallOptions): Promise<Task>;
  /**
   * Starts ahead what of a container's shim can be, before there is more of the container than an id: a `create`
   * with the same is faster then. Of it only the log is on disk where a scan looks.
   */
  expect?(expected: ExpectedContainer): Promise<ExpectedTask | undefined>;
  /**
   * The task of a bundle that an earlier manager left, reconnected to its shim if that lives.
   * A dead shim gives a task that says so (`status: "exited"` or `"shim-lost"`); a bundle that can't be
   * read rejects with DATA_LOSS and is left as it is. One whose creation was cut short (by a killed manager)
   * rejects with ABORTED, and is to be cleaned up and removed.
   */
  load(bundle: BundleRef, options?: CallOptions): Promise<Task>;
  /**
   * Releases what a bundle's runtime and shim still hold (kill, `runc delete --force`, sockets) when no
   * Task can be made of it. Idempotent.
   */
  cleanUp(bundle: BundleRef): Promise<void>;
  /** What it holds without a bundle: `cleanUp` takes these too. */
  leaked(): Promise<{ namespace: string; id: string }[]>;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface BundleRef {
  namespace: string;
  /** The container's id. */
  id: string;
  /** Absolute path. */
  path: string;
}

/** What a root file system is laid over: a directory, or an EROFS image, mounted where it is used. `path` is absolute. */
export interface Lower {
  type: "directory" | "erofs";
  path: string;
  /**
   * erofs: by the loop device that whoever has it mounted uses. So all share its pages: a file that is mounted as it is
   * is another file system, and in memory another time, for each.
   */
  loop?: boolean | undefined;
}

/** How the root file system is put together, inside the shim's mount namespace. Paths are absolute. */
export interface IdmappedFiles {
  uids: string;
  gids: string;
  /** What else is mounted so, each at a directory or file that is there for it; in its shim's mount namespace alone. */
  binds?: { source: string; place: string }[];
}

export interface RootfsMount {
  type: "overlay" | "bind";
  /** overlay: topmost first. bind: exactly one directory. */
  lower: Lower[];
  upper?: string;
  work?: string;
  /**
   * Overlay with upper only: owned as a user namespace of the container's own sees it, while all is on disk as if there
   * was none. Each `inside outside size`, apart by commas; 0 is among them.
   */
  idmap?: IdmappedFiles;
}

/** What of a container has to be known for its shim to be started. */
export interface ExpectedContainer {
  namespace: string;
  id: string;
  terminal: boolean;
  /** Keep standard input open. */
  stdin: boolean;
  /** The container's log, appended to; its directory exists. */
  logPath: string;
}

/** What was started ahead. */
export interface ExpectedTask {
  /** Whether it is as good as one that would be started now. */
  fits(): Promise<boolean>;
  /**
   * The container comes, or may: what does not hang on its spec is begun now. Again, with another root file system, it
   * takes the place of the first. Never throws: what fails here `create` does anew, and tells of.
   */
  begin(rootfs: RootfsMount): void;
  /** Resolves when nothing of it is left, but what a task was made of. */
  drop(): Promise<void>;
}

export interface CreateRequest extends ExpectedContainer {
  /** An OCI runtime spec, config.json; `root.path` is filled in by the bundle. */
  spec: OciSpec;
  rootfs: RootfsMount;
  labels: Record<string, string>;
  /** Containers of one group share a shim, where the runtime has such; UNIMPLEMENTED where it has none. */
  shimGroup?: string;
  /** Restores from this checkpoint image directory instead of starting the command. */
  checkpoint?: CheckpointImage;
}

export interface CheckpointImage {
  /** Directory of criu's images. */
  path: string;
  tcpEstablished?: boolean;
  fileLocks?: boolean;
  externalUnixSockets?: boolean;
}

export type TaskStatus = "created" | "running" | "paused" | "exited" | "shim-lost" | "unknown";

export interface ExitStatus {
  /** 0..255, 128 + signal when killed by one; undefined when nobody recorded it. */
  code: number | undefined;
  exitedAt: number;
  oomKilled: boolean;
}

export interface TaskState {
  status: TaskStatus;
  pid: number | undefined;
  /** When the kernel started that pid (from /proc/PID/stat field 22, which also tells a recycled pid from ours). */
  startedAt: number | undefined;
  exit: ExitStatus | undefined;
  /** Why it is lost or unknown. */
  error: ErrorInfo | undefined;
}

export interface ShimState {
  kind: string;
  pid: number | undefined;
  alive: boolean;
  startedAt: number | undefined;
  version: string | undefined;
  runtime: { name: string; path: string; version: string };
  /** The socket of who runs it for us; absent where its bundle has one. */
  address?: string;
}

export interface Task extends Disposable {
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
  readonly runtime: string;
  readonly labels: Readonly<Record<string, string>>;

  /** What was last seen; kept current by exits, pauses and shim losses without asking. */
  readonly state: TaskState;
  /** Asks the runtime itself. */
  refresh(options?: CallOptions): Promise<TaskState>;
  /** The runtime's own state document (`runc state`), as JSON text. */
  runtimeState(options?: CallOptions): Promise<string>;
  readonly shim: ShimState;
  /** What was not yet told to an earlier manager (an exit while none ran) is told to the first listener. */
  readonly onEvent: Event<TaskEvent>;

  start(options?: CallOptions): Promise<void>;
  pause(options?: CallOptions): Promise<void>;
  resume(options?: CallOptions): Promise<void>;
  /** To init, or to every process with `all`. NOT_FOUND once init has exited. Works without a shim. */
  kill(signal: number, options?: CallOptions & { all?: boolean }): Promise<void>;
  exec(request: ExecRequest, options?: CallOptions): Promise<Process>;
  /** Runs to the end without a shim of its own: pipes to us, dies with us. */
  run(request: RunRequest, options?: CallOptions): Promise<RunResult>;
  /** init first, then execs, exited ones until removed. */
  processes(): readonly Process[];
  process(id: string): Process | undefined;
  /** Everything that runs in the container: what is in its cgroup where it has one. Empty once init has exited. */
  pids(options?: CallOptions): Promise<TaskPid[]>;
  /** What it uses now. FAILED_PRECONDITION once init has exited. */
  stats(options?: CallOptions): Promise<TaskStats>;
  /** Directories of the container's cgroup, by v1 controller name, or `unified`; undefined when none is known. */
  cgroup(): Promise<Record<string, string> | undefined>;
  /** Changes limits while it runs; what is absent stays. INVALID_ARGUMENT when there is nothing to change. */
  update(resources: OciResources, options?: CallOptions): Promise<void>;
  /** Writes criu's images into `path` (made here, removed on failure), and beside it what `checkpoints` lists. */
  checkpoint(request: CheckpointRequest, options?: CallOptions): Promise<void>;
  /** The checkpoints of this container whose images lie at DIRECTORY/NAME/image, oldest first. */
  checkpoints(directory: string): Promise<CheckpointRecord[]>;
  /** Removes DIRECTORY/NAME. NOT_FOUND when that is no checkpoint of this container. */
  deleteCheckpoint(directory: string, name: string): Promise<void>;
  /** Resolves when init has exited, at once when it has. Never rejects but on abort. */
  wait(options?: CallOptions): Promise<ExitStatus>;
  /**
   * Removes task, shim and bundle. FAILED_PRECONDITION while it runs unless `force`, which kills it
   * first. Works without a shim.
   */
  delete(options?: { force?: boolean }): Promise<ExitStatus | undefined>;
}

export interface TaskPid {
  /** As the host numbers it. */
  pid: number;
  /** The process it is, `init` or an exec's id; undefined for their children. */
  process: string | undefined;
}

/** Counters at one moment. Absent: nobody says. */
export interface TaskStats {
  /** Milliseconds since the epoch. */
  time: number;
  /** The same moment on a clock that nobody sets, ms. */
  clock: number;
  /** Seconds used since the beginning. */
  cpu: number;
  /** Bytes, without inactive file pages. */
  memory: number;
  memoryLimit?: number;
  pids: number;
  /** Bytes since the beginning. */
  read?: number;
  written?: number;
}

export interface CheckpointOptions {
  leaveRunning: boolean;
  tcpEstablished: boolean;
  fileLocks: boolean;
  externalUnixSockets: boolean;
}

export interface CheckpointRequest extends CheckpointOptions {
  path: string;
}

export interface CheckpointRecord {
  name: string;
  createdAt: number;
  /** What took it, and can restore it: `oci/runc`. */
  runtime: string;
  options: CheckpointOptions;
  image: CheckpointImage;
}

export interface ProcessSpec {
  args: string[];
  cwd?: string;
  env?: string[];
  /** As the user wrote it: `uid[:gid]` or names; resolved in the container's root. */
  user?: string;
}

export interface ExecRequest extends ProcessSpec {
  /** Chosen by the caller, unique in the task: [a-z0-9-]{1,64}. */
  id: string;
  terminal: boolean;
  size?: { cols: number; rows: number };
}

export interface RunRequest extends ProcessSpec {
  stdin?: Uint8Array;
  /** Per stream; what is beyond is read and dropped. */
  maxOutput: number;
}

export interface RunResult {
  exitCode: number;
  stdout: Uint8Array;
  stderr: Uint8Array;
  truncated: boolean;
}

/** init, or an exec with a shim of its own. It outlives the manager. */
export interface Process {
  /** `init`, or the exec's id. */
  readonly id: string;
  readonly args: readonly string[];
  readonly user: string | undefined;
  readonly terminal: boolean;
  readonly createdAt: number;
  readonly state: {
    status: "created" | "running" | "exited" | "lost";
    pid: number | undefined;
    exit: ExitStatus | undefined;
  };
  /** This process's directory: process.json, pid, starttime, control, exit, log, attach. Others may add files. */
  readonly directory: string;
  /** CRI-format log of everything it wrote; for a terminal, its exact bytes. */
  readonly logPath: string;
  /** Opens the way in: input written here reaches the process's terminal or standard input. */
  openInput(): Promise<ProcessInput>;
  /**
   * Ends standard input: the process reads what was written until now, then the end. FAILED_PRECONDITION for a
   * terminal, whose end of input is a character (control D), and where none was kept open.
   */
  closeInput(): Promise<void>;
  resize(size: { cols: number; rows: number }): Promise<void>;
  /** Makes the shim close its log and open `logPath` anew, after that was renamed (conmon: `2 0 0` on its control fifo). */
  reopenLog(): Promise<void>;
  kill(signal: number): Promise<void>;
  wait(options?: CallOptions): Promise<ExitStatus>;
  /** Forgets an exec: kills it if it runs, removes its directory. Not for init. */
  remove(): Promise<void>;
}

export interface ProcessInput extends Disposable {
  /** Resolves when it was handed over; rejects UNAVAILABLE when the process or its shim is gone. */
  write(bytes: Uint8Array): Promise<void>;
}

/** What the runtime layer says happened, before it goes to the event exchange. */
export type TaskEvent =
  | { type: "exit"; processId: string; pid: number | undefined; exit: ExitStatus }
  | { type: "shim-lost"; processId: string; error: ErrorInfo }
  | { type: "oom" }
  | { type: "changed" }
  /** The task is gone; nothing follows. */
  | { type: "deleted" };

/** The parts of the OCI runtime spec (v1.0.2 config.md) that are written here; the rest passes through. */
export interface OciSpec {
  ociVersion: string;
  process: OciProcess;
  root?: { path: string; readonly?: boolean };
  hostname?: string;
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
  annotations?: Record<string, string>;
  linux: {
    resources?: OciResources;
    namespaces: { type: string; path?: string }[];
    cgroupsPath?: string;
    maskedPaths?: string[];
    readonlyPaths?: string[];
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

export interface OciProcess {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  /** By name on Windows only, where the numbers mean nothing. */
  user: {
    uid: number;
    gid: number;
    additionalGids?: number[];
    umask?: number;
    username?: string;
  };
  args: string[];
  env?: string[];
  cwd: string;
  capabilities?: Record<string, string[]>;
  rlimits?: { type: string; hard: number; soft: number }[];
  noNewPrivileges?: boolean;
  oomScoreAdj?: number;
  [key: string]: unknown;
}

/** Linux resources: spec config-linux.md#control-groups. Memory in bytes, quota and period in microseconds. */
export interface OciResources {
  memory?: { limit?: number; reservation?: number; swap?: number };
  cpu?: { shares?: number; quota?: number; period?: number; cpus?: string; mems?: string };
  pids?: { limit: number };
  blockIO?: OciBlockIo;
  devices?: { allow: boolean; type?: string; major?: number; minor?: number; access?: string }[];
}

/** Rates in bytes, or operations, a second. */
export interface OciBlockIo {
  weight?: number;
  weightDevice?: { major: number; minor: number; weight: number }[];
  throttleReadBpsDevice?: OciBlockRate[];
  throttleWriteBpsDevice?: OciBlockRate[];
  throttleReadIOPSDevice?: OciBlockRate[];
  throttleWriteIOPSDevice?: OciBlockRate[];
}

export interface OciBlockRate {
  major: number;
  minor: number;
  rate: number;
}

/** The task manager, as the rest of the core uses it (runtime/manager.ts implements it). */
export interface Tasks extends Disposable {
  /**
   * Scans the disk, and removes what a killed manager has left half-made: once, before anything is created. Resolves when
   * every bundle has answered or run into its deadline.
   */
  load(): Promise<void>;
  /** Makes bundle and task; everything is undone on failure, also when the caller has gone. */
  create(runtimeId: string, request: CreateRequest, options?: CallOptions): Promise<Task>;
  /** See `Runtime.expect`; undefined where nothing can be started ahead. */
  expect(runtimeId: string, expected: ExpectedContainer): Promise<ExpectedTask | undefined>;
  get(namespace: string, id: string): Task | undefined;
  list(): Task[];
  /** Bundles of which no task could be made, and why. Shown as what they are; `discard` removes one. */
  broken(): { bundle: BundleRef; error: ErrorInfo }[];
  discard(namespace: string, id: string): Promise<void>;
  /** Looks again at a bundle that is broken, as `load` does. Nothing happens where it is not. */
  reload(namespace: string, id: string): Promise<void>;
  readonly onEvent: Event<{ namespace: string; id: string; task: Task; event: TaskEvent }>;
}
