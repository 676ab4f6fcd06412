import { setTimeout as delay } from "node:timers/promises";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { AppError, isCode } from "#shared/errors";
import type { CheckpointRequest, OciResources, TaskStats } from "../runtime.ts";
import { readMetrics } from "../shim/metrics.ts";
import {
  type ServiceExec,
  type ShimExit,
  type Stdio,
  type TaskService,
  checkpointAny,
  dump,
  quick,
  refusal,
  runcAny,
  slow,
  specAny,
  toEpoch,
} from "../shim/task-service.ts";
import type { CallOptions, GrpcChannel } from "./grpc.ts";
import {
  CheckpointRequestSchema,
  CloseIORequestSchema,
  CreateTaskRequestSchema,
  CreateTaskResponseSchema,
  ExecRequestSchema,
  GetTaskResponseSchema,
  KillRequestSchema,
  ListPidsResponseSchema,
  MetricsRequestSchema,
  MetricsResponseSchema,
  type Mount,
  ProcessRequestSchema,
  ResizePtyRequestSchema,
  StartResponseSchema,
  TaskRequestSchema,
  UpdateRequestSchema,
  WaitResponseSchema,
} from "./proto/containerd_pb.ts";

/** Milliseconds between two tries to delete a task that containerd won't yet let go of, and how many. */
const removePause = 100;
const removeRounds = 10;

/** How a task is made of a container that containerd has on record. */
export interface TaskRequest {
  /** Mounted by the shim, in containerd's mount namespace. */
  rootfs: Pick<Mount, "type" | "source" | "options">[];
  terminal: boolean;
  stdio: Stdio;
  /** Restores from criu's images in `path`; the log goes to `work`. */
  checkpoint?: { path: string; work: string } | undefined;
}

/**
 * containerd's Tasks service, for one task: nearly its shim's own, passed on. Errors carry its words, and are
 * UNAVAILABLE while it is away.
 */
export class ContainerdTaskService implements TaskService {
  readonly #channel: GrpcChannel;
  readonly #namespace: string;
  readonly #id: string;

  constructor(channel: GrpcChannel, { namespace, id }: { namespace: string; id: string }) {
    this.#channel = channel;
    this.#namespace = namespace;
    this.#id = id;
  }

  /** Answers init's pid; 0 when it is restored from a checkpoint, which `start` does. */
  async create(request: TaskRequest, context: string): Promise<number> {
    const { rootfs, terminal, stdio, checkpoint } = request;
    const message = {
      ...{ containerId: this.#id, rootfs, terminal, ...stdio },
      ...(checkpoint && {
        options: runcAny({ criuImagePath: checkpoint.path, criuWorkPath: checkpoint.work }),
      }),
    };
    const options = { context, timeout: slow };
    const { pid } = await this.#call(
      "Create",
      [CreateTaskRequestSchema, message],
      CreateTaskResponseSchema,
      options,
    );
    return pid;
  }

  async start(execId: string, context: string): Promise<number> {
    const { pid } = await this.#call(
      "Start",
      [ProcessRequestSchema, this.#process(execId)],
      StartResponseSchema,
      { context, timeout: slow },
    );
    return pid;
  }

  async state(
    execId: string,
    options: CallOptions = {},
  ): Promise<{ status: number; pid: number; exit: ShimExit }> {
    const { process } = await this.#call(
      "Get",
      [ProcessRequestSchema, this.#process(execId)],
      GetTaskResponseSchema,
      { context: "containerd can't tell the state of the process", timeout: quick, ...options },
    );
    const { status = 0, pid = 0, exitStatus = 0, exitedAt } = process ?? {};
    return { status, pid, exit: { code: exitStatus, at: toEpoch(exitedAt) } };
  }

  /** DEADLINE_EXCEEDED after `timeout` milliseconds, by default never. */
  async wait(execId: string, timeout = Infinity): Promise<ShimExit> {
    const { exitStatus, exitedAt } = await this.#call(
      "Wait",
      [ProcessRequestSchema, this.#process(execId)],
      WaitResponseSchema,
      { context: "containerd can't wait for the process", timeout },
    );
    return { code: exitStatus, at: toEpoch(exitedAt) };
  }

  async delete(execId: string): Promise<void> {
    const options = { context: "containerd could not forget the process", timeout: slow };
    await (execId === ""
      ? this.#call("Delete", [TaskRequestSchema, this.#task()], EmptySchema, options)
      : this.#call(
          "DeleteProcess",
          [ProcessRequestSchema, this.#process(execId)],
          EmptySchema,
          options,
        ));
  }

  /**
   * Deletes the task, which must have ended; fine when there is none. Tried for a second: containerd refuses in passing
   * while another's delete is under way, or its shim has just seen the end.
   */
  async remove(): Promise<void> {
    for (let round = 1; ; round++) {
      try {
        await this.delete("");
        return;
      } catch (error) {
        if (isCode(error, "NOT_FOUND")) return;
        if (round === removeRounds || isCode(error, "UNAVAILABLE")) throw error;
      }
      await delay(removePause);
    }
  }

  async pause(context: string): Promise<void> {
    const options = { context, timeout: slow };
    await this.#call("Pause", [TaskRequestSchema, this.#task()], EmptySchema, options);
  }

  async resume(context: string): Promise<void> {
    const options = { context, timeout: slow };
    await this.#call("Resume", [TaskRequestSchema, this.#task()], EmptySchema, options);
  }

  async kill(execId: string, signal: number, all: boolean, context: string): Promise<void> {
    const message = { ...this.#process(execId), signal, all };
    await this.#call("Kill", [KillRequestSchema, message], EmptySchema, { context, timeout: slow });
  }

  async exec(execId: string, request: ServiceExec, context: string): Promise<void> {
    const { terminal, spec, stdio } = request;
    const message = {
      ...{ ...this.#process(execId), terminal, ...stdio },
      spec: specAny("Process", spec),
    };
    await this.#call("Exec", [ExecRequestSchema, message], EmptySchema, { context, timeout: slow });
  }

  async resize(execId: string, size: { cols: number; rows: number }): Promise<void> {
    const message = { ...this.#process(execId), width: size.cols, height: size.rows };
    const options = { context: "The terminal could not be resized", timeout: quick };
    await this.#call("ResizePty", [ResizePtyRequestSchema, message], EmptySchema, options);
  }

  async closeInput(execId: string): Promise<void> {
    const message = { ...this.#process(execId), stdin: true };
    const options = { context: "The input could not be closed", timeout: quick };
    await this.#call("CloseIO", [CloseIORequestSchema, message], EmptySchema, options);
  }

  /** NOT_FOUND when it does not run. */
  async stats(options: CallOptions = {}): Promise<TaskStats> {
    const context = "containerd can't tell what the container uses";
    const { metrics } = await this.#call(
      "Metrics",
      [MetricsRequestSchema, { filters: [`id==${this.#id}`] }],
      MetricsResponseSchema,
      { context, timeout: quick, ...options },
    );
    const data = metrics.find((metric) => metric.id === this.#id)?.data;
    if (!data) throw new AppError("NOT_FOUND", `"${this.#id}" does not run`);
    return readMetrics(data);
  }

  async pids(options: CallOptions = {}): Promise<number[]> {
    const context = "containerd can't tell the processes";
    const { processes } = await this.#call(
      "ListPids",
      [TaskRequestSchema, this.#task()],
      ListPidsResponseSchema,
      { context, timeout: quick, ...options },
    );
    return processes.map(({ pid }) => pid);
  }

  async update(resources: OciResources, context: string): Promise<void> {
    const message = { ...this.#task(), resources: specAny("LinuxResources", resources) };
    const options = { context, timeout: slow };
    await this.#call("Update", [UpdateRequestSchema, message], EmptySchema, options);
  }

  /** containerd keeps the images to itself unless the shim's options name a path, as these do. */
  async checkpoint(request: CheckpointRequest, work: string, context: string): Promise<void> {
    const message = { ...this.#task(), options: checkpointAny(request, work) };
    const options = { context, timeout: dump };
    await this.#call("Checkpoint", [CheckpointRequestSchema, message], EmptySchema, options);
  }

  #task(): { containerId: string } {
    return { containerId: this.#id };
  }

  #process(execId: string): { containerId: string; execId: string } {
    return { containerId: this.#id, execId };
  }

  async #call<Q extends DescMessage, A extends DescMessage>(
    method: string,
    question: [Q, MessageInitShape<Q>],
    answer: A,
    { context, ...options }: CallOptions & { context: string },
  ): Promise<MessageShape<A>> {
    try {
      return await this.#channel.call(
        `/containerd.services.tasks.v1.Tasks/${method}`,
        question,
        answer,
        { ...options, namespace: this.#namespace },
      );
    } catch (error) {
      throw refusal(error, context);
    }
  }
}
