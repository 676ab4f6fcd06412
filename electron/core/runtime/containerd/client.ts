import { fromBinary } from "@bufbuild/protobuf";
import { EmptySchema, timestampMs } from "@bufbuild/protobuf/wkt";
import { AppError, isCode } from "#shared/errors";
import type { OciSpec } from "../runtime.ts";
import { type Stdio, slow, specAny, taskStatus } from "../shim/task-service.ts";
import { type CallOptions, GrpcChannel } from "./grpc.ts";
import {
  AboutContainerSchema,
  type Container,
  ContainerRequestSchema,
  ContainerResponseSchema,
  CreateContainerRequestSchema,
  EnvelopeSchema,
  GetTaskResponseSchema,
  ListContainersRequestSchema,
  ListContainersResponseSchema,
  ListTasksRequestSchema,
  ListTasksResponseSchema,
  MountsRequestSchema,
  MountsResponseSchema,
  NamespacesResponseSchema,
  type Process,
  ProcessRequestSchema,
  SubscribeRequestSchema,
  VersionResponseSchema,
} from "./proto/containerd_pb.ts";
import { ContainerdTaskService } from "./task-service.ts";

const services = "containerd.services";
const containersService = `/${services}.containers.v1.Containers`;
const tasksService = `/${services}.tasks.v1.Tasks`;

/** A container of a containerd and its task, where it has one. Times are milliseconds since the epoch. */
export interface RemoteState {
  namespace: string;
  id: string;
  image: string;
  runtime: string;
  labels: Record<string, string>;
  createdAt: number;
  /** The OCI spec, as JSON text; undefined where it is something else. */
  spec: string | undefined;
  snapshot: { snapshotter: string; key: string } | undefined;
  /** Where a kubelet has it keep its log, in the CRI's format. */
  logPath: string | undefined;
  task:
    | {
        status: "created" | "running" | "paused" | "exited" | "unknown";
        pid: number | undefined;
        exitCode: number | undefined;
        exitedAt: number | undefined;
      }
    | undefined;
}

/** Something happened to a container, or to whatever else a topic is about. */
export interface RemoteEvent {
  namespace: string;
  topic: string;
  containerId: string | undefined;
  /** The event's own message. */
  value: Uint8Array;
}

/** A containerd that runs already, by its gRPC API (1.6 and 2.x). Errors carry its own words. */
export class ContainerdClient {
  readonly #channel: GrpcChannel;

  constructor(channel: GrpcChannel) {
    this.#channel = channel;
  }

  static async open(address: string): Promise<ContainerdClient> {
    return new ContainerdClient(await GrpcChannel.open(address));
  }

  close(): void {
    this.#channel.close();
  }

  async version(options: CallOptions = {}): Promise<string> {
    const method = `/${services}.version.v1.Version/Version`;
    return (await this.#channel.call(method, [EmptySchema, {}], VersionResponseSchema, options))
      .version;
  }

  async namespaces(options: CallOptions = {}): Promise<string[]> {
    const method = `/${services}.namespaces.v1.Namespaces/List`;
    const { namespaces } = await this.#channel.call(
      method,
      [EmptySchema, {}],
      NamespacesResponseSchema,
      options,
    );
    return namespaces.map(({ name }) => name);
  }

  /** All containers of a namespace. */
  async list(namespace: string, options: CallOptions = {}): Promise<RemoteState[]> {
    const call = { ...options, namespace };
    const [{ containers }, { tasks }] = await Promise.all([
      this.#channel.call(
        `${containersService}/List`,
        [ListContainersRequestSchema, {}],
        ListContainersResponseSchema,
        call,
      ),
      this.#channel.call(
        `${tasksService}/List`,
        [ListTasksRequestSchema, {}],
        ListTasksResponseSchema,
        call,
      ),
    ]);
    const byId = new Map(tasks.map((task) => [task.containerId || task.id, task]));
    return containers.map((container) => toState(namespace, container, byId.get(container.id)));
  }

  /** One of them, as it is now; undefined when there is none. */
  async get(
    namespace: string,
    id: string,
    options: CallOptions = {},
  ): Promise<RemoteState | undefined> {
    const call = { ...options, namespace };
    try {
      const { container } = await this.#channel.call(
        `${containersService}/Get`,
        [ContainerRequestSchema, { id }],
        ContainerResponseSchema,
        call,
      );
      return container && toState(namespace, container, await this.#task(namespace, id, options));
    } catch (error) {
      if (isCode(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /** What happens in all namespaces from now on, until `signal` aborts. Rejects when the connection breaks. */
  async *events(signal: AbortSignal): AsyncGenerator<RemoteEvent, void, void> {
    const method = `/${services}.events.v1.Events/Subscribe`;
    const all = this.#channel.stream(method, [SubscribeRequestSchema, {}], EnvelopeSchema, signal);
    for await (const { namespace, topic, event } of all) {
      const value = event?.value ?? new Uint8Array();
      const about = /^\/(tasks|containers)\//.test(topic)
        ? fromBinary(AboutContainerSchema, value).containerId
        : "";
      yield { namespace, topic, containerId: about || undefined, value };
    }
  }

  /** The task of a container, to be asked and told; whether it has one shows then. */
  task(namespace: string, id: string): ContainerdTaskService {
    return new ContainerdTaskService(this.#channel, { namespace, id });
  }

  /** Puts a container on record, without a snapshot. ALREADY_EXISTS for a second of the same id. */
  async create(container: {
    namespace: string;
    id: string;
    runtime: string;
    labels: Record<string, string>;
    spec: OciSpec;
  }): Promise<void> {
    const { namespace, id, runtime, labels, spec } = container;
    const value = { id, labels, runtime: { name: runtime }, spec: specAny("Spec", spec) };
    await this.#channel.call(
      `${containersService}/Create`,
      [CreateContainerRequestSchema, { container: value }],
      ContainerResponseSchema,
      { namespace },
    );
  }

  /**
   * A new task for a container that has none, or whose task has ended; answers its pid. Without `stdio` nobody keeps what it writes, and
   * one that was made with a terminal is refused (FAILED_PRECONDITION).
   */
  async start(namespace: string, id: string, stdio?: Stdio): Promise<number> {
    const found = await this.get(namespace, id);
    if (!found) throw new AppError("NOT_FOUND", `containerd has no container "${id}"`);
    const { task: now, snapshot, spec } = found;
    const task = this.task(namespace, id);
    const context = `"${id}" could not be started`;
    if (now?.status === "created") {
      return task.start("", context);
    }
    const terminal = wantsTerminal(spec);
    if (terminal && !stdio) {
      throw new AppError("FAILED_PRECONDITION", `"${id}" was made with a terminal`, {
        hint: "Start it with the tool that made it, which can give it one.",
      });
    }
    if (now && now.status !== "exited") {
      throw new AppError("FAILED_PRECONDITION", `"${id}" runs already`);
    }
    if (now) await task.remove();
    const { mounts } = snapshot
      ? await this.#channel.call(
          `/${services}.snapshots.v1.Snapshots/Mounts`,
          [MountsRequestSchema, snapshot],
          MountsResponseSchema,
          { namespace, timeout: slow },
        )
      : { mounts: [] };
    const request = { rootfs: mounts, terminal, stdio: stdio ?? noStdio };
    await task.create(request, context);
    try {
      return await task.start("", context);
    } catch (error) {
      await task.remove().catch(() => undefined);
      throw error;
    }
  }

  /** Removes its task, which must have ended, and the container; its snapshot stays. NOT_FOUND without the container. */
  async delete(namespace: string, id: string): Promise<void> {
    await this.task(namespace, id).remove();
    await this.#channel.call(
      `${containersService}/Delete`,
      [ContainerRequestSchema, { id }],
      EmptySchema,
      { namespace, timeout: slow },
    );
  }

  async #task(namespace: string, id: string, options: CallOptions): Promise<Process | undefined> {
    try {
      const { process } = await this.#channel.call(
        `${tasksService}/Get`,
        [ProcessRequestSchema, { containerId: id }],
        GetTaskResponseSchema,
        { ...options, namespace },
      );
      return process;
    } catch (error) {
      if (isCode(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }
}

const noStdio: Stdio = { stdin: "", stdout: "", stderr: "" };

const statusNames = new Map([
  [taskStatus.created, "created"],
  [taskStatus.running, "running"],
  [taskStatus.stopped, "exited"],
  [taskStatus.paused, "paused"],
  [taskStatus.pausing, "paused"],
] as const);

function toState(
  namespace: string,
  container: Container,
  process: Process | undefined,
): RemoteState {
  const { id, image, runtime, labels, createdAt, spec, snapshotter, snapshotKey } = container;
  const status = process && (statusNames.get(process.status) ?? "unknown");
  const ended = status === "exited";
  return {
    ...{ namespace, id, image, labels, runtime: runtime?.name ?? "" },
    createdAt: createdAt ? timestampMs(createdAt) : 0,
    spec: spec && isJson(spec.value) ? Buffer.from(spec.value).toString("utf8") : undefined,
    snapshot: snapshotKey ? { snapshotter, key: snapshotKey } : undefined,
    logPath: criLogPath(container),
    task: process &&
      status && {
        status,
        pid: process.pid || undefined,
        exitCode: ended ? process.exitStatus : undefined,
        exitedAt: ended && process.exitedAt ? timestampMs(process.exitedAt) : undefined,
      },
  };
}

/** containerd's CRI plugin keeps what it knows of a container beside it (pkg/cri/store/container/metadata.go). */
function criLogPath({ extensions }: Container): string | undefined {
  const { value } = extensions["io.cri-containerd.container.metadata"] ?? {};
  if (!value || !isJson(value)) return undefined;
  try {
    const { Metadata } = JSON.parse(Buffer.from(value).toString("utf8")) as {
      Metadata?: { LogPath?: unknown };
    };
    const path = Metadata?.LogPath;
    return typeof path === "string" && path.startsWith("/") ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a container was made to have a terminal, as its spec says. */
export function wantsTerminal(spec: string | undefined): boolean {
  const found = JSON.parse(spec ?? "null") as { process?: { terminal?: boolean } } | null;
  return found?.process?.terminal === true;
}

const isJson = (bytes: Uint8Array): boolean => bytes[0] === 0x7b;
