import { type DescMessage, type MessageInitShape, fromBinary } from "@bufbuild/protobuf";
import { EmptySchema, timestampMs } from "@bufbuild/protobuf/wkt";
import { AppError, isCode } from "#shared/errors";
import type { TaskStats } from "../runtime.ts";
import { readMetrics } from "../shim/metrics.ts";
import { taskStatus } from "../shim/task-service.ts";
import { type CallOptions, GrpcChannel } from "./grpc.ts";
import {
  AboutContainerSchema,
  type Container,
  ContainerRequestSchema,
  ContainerResponseSchema,
  CreateTaskRequestSchema,
  EnvelopeSchema,
  GetTaskResponseSchema,
  KillRequestSchema,
  ListContainersRequestSchema,
  ListContainersResponseSchema,
  ListPidsResponseSchema,
  ListTasksRequestSchema,
  ListTasksResponseSchema,
  MetricsRequestSchema,
  MetricsResponseSchema,
  MountsRequestSchema,
  MountsResponseSchema,
  NamespacesResponseSchema,
  type Process,
  ProcessRequestSchema,
  SubscribeRequestSchema,
  TaskRequestSchema,
  VersionResponseSchema,
  WaitResponseSchema,
} from "./proto/containerd_pb.ts";

const services = "containerd.services";
const containersService = `/${services}.containers.v1.Containers`;
const tasksService = `/${services}.tasks.v1.Tasks`;

/** Milliseconds for what an OCI runtime has to do. */
const slow = 60_000;

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
      const about = /^\/(tasks|containers)\//.test(topic)
        ? fromBinary(AboutContainerSchema, event?.value ?? new Uint8Array()).containerId
        : "";
      yield { namespace, topic, containerId: about || undefined };
    }
  }

  /** A new task for a container that has none, or whose task has ended. Nobody keeps what it writes. */
  async start(namespace: string, id: string): Promise<void> {
    const found = await this.get(namespace, id);
    if (!found) throw new AppError("NOT_FOUND", `containerd has no container "${id}"`);
    const { task, snapshot, spec } = found;
    if (task?.status !== "created" && wantsTerminal(spec)) {
      throw new AppError("FAILED_PRECONDITION", `"${id}" was made with a terminal`, {
        hint: "Start it with the tool that made it, which can give it one.",
      });
    }
    const call = { namespace, timeout: slow };
    const request = { containerId: id };
    if (task && task.status !== "created") {
      if (task.status !== "exited") {
        throw new AppError("FAILED_PRECONDITION", `"${id}" runs already`);
      }
      await this.#tasks("Delete", [TaskRequestSchema, request], call);
    }
    if (task?.status !== "created") {
      const { mounts } = snapshot
        ? await this.#channel.call(
            `/${services}.snapshots.v1.Snapshots/Mounts`,
            [MountsRequestSchema, snapshot],
            MountsResponseSchema,
            call,
          )
        : { mounts: [] };
      await this.#tasks("Create", [CreateTaskRequestSchema, { ...request, rootfs: mounts }], call);
    }
    try {
      await this.#tasks("Start", [ProcessRequestSchema, request], call);
    } catch (error) {
      await this.#tasks("Delete", [TaskRequestSchema, request], call).catch(() => undefined);
      throw error;
    }
  }

  async kill(namespace: string, id: string, signal: number): Promise<void> {
    await this.#tasks("Kill", [KillRequestSchema, { containerId: id, signal }], { namespace });
  }

  async pause(namespace: string, id: string): Promise<void> {
    await this.#tasks("Pause", [TaskRequestSchema, { containerId: id }], { namespace });
  }

  async resume(namespace: string, id: string): Promise<void> {
    await this.#tasks("Resume", [TaskRequestSchema, { containerId: id }], { namespace });
  }

  /** Resolves with its exit status when it has ended; rejects DEADLINE_EXCEEDED after `timeout` milliseconds. */
  async wait(namespace: string, id: string, timeout: number): Promise<number> {
    const { exitStatus } = await this.#channel.call(
      `${tasksService}/Wait`,
      [ProcessRequestSchema, { containerId: id }],
      WaitResponseSchema,
      { namespace, timeout },
    );
    return exitStatus;
  }

  /** Removes its task, which must have ended, and the container; its snapshot stays. */
  async delete(namespace: string, id: string): Promise<void> {
    const call = { namespace, timeout: slow };
    await this.#tasks("Delete", [TaskRequestSchema, { containerId: id }], call).catch(
      (error: unknown) => {
        if (!isCode(error, "NOT_FOUND")) throw error;
      },
    );
    await this.#channel.call(
      `${containersService}/Delete`,
      [ContainerRequestSchema, { id }],
      EmptySchema,
      call,
    );
  }

  /** Host pids of everything in the container. */
  async pids(namespace: string, id: string, options: CallOptions = {}): Promise<number[]> {
    const { processes } = await this.#channel.call(
      `${tasksService}/ListPids`,
      [TaskRequestSchema, { containerId: id }],
      ListPidsResponseSchema,
      { ...options, namespace },
    );
    return processes.map(({ pid }) => pid);
  }

  /** What it uses; NOT_FOUND when it does not run. */
  async stats(namespace: string, id: string, options: CallOptions = {}): Promise<TaskStats> {
    const { metrics } = await this.#channel.call(
      `${tasksService}/Metrics`,
      [MetricsRequestSchema, { filters: [`id==${id}`] }],
      MetricsResponseSchema,
      { ...options, namespace },
    );
    const data = metrics.find((metric) => metric.id === id)?.data;
    if (!data) throw new AppError("NOT_FOUND", `"${id}" does not run`);
    return readMetrics(data);
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

  /** Those whose answers say nothing that is used. */
  async #tasks<Q extends DescMessage>(
    method: string,
    question: [Q, MessageInitShape<Q>],
    options: CallOptions,
  ): Promise<void> {
    await this.#channel.call(`${tasksService}/${method}`, question, EmptySchema, options);
  }
}

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
    task: process &&
      status && {
        status,
        pid: process.pid || undefined,
        exitCode: ended ? process.exitStatus : undefined,
        exitedAt: ended && process.exitedAt ? timestampMs(process.exitedAt) : undefined,
      },
  };
}

function wantsTerminal(spec: string | undefined): boolean {
  const found = JSON.parse(spec ?? "null") as { process?: { terminal?: boolean } } | null;
  return found?.process?.terminal === true;
}

const isJson = (bytes: Uint8Array): boolean => bytes[0] === 0x7b;
