import {
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { TtrpcClient } from "#core/ttrpc/client";
import type { Event } from "#shared/base/emitter";
import { AppError, isCode } from "#shared/errors";
import type { CheckpointRequest, OciResources, TaskStats } from "../runtime.ts";
import {
  CheckpointRequestSchema,
  CloseIORequestSchema,
  ConnectResponseSchema,
  CreateRequestSchema,
  DeleteResponseSchema,
  ExecRequestSchema,
  KillRequestSchema,
  PidResponseSchema,
  PidsResponseSchema,
  ProcessRequestSchema,
  ResizePtyRequestSchema,
  ShutdownRequestSchema,
  StateResponseSchema,
  StatsResponseSchema,
  TaskRequestSchema,
  UpdateRequestSchema,
  WaitResponseSchema,
} from "./proto/shim_pb.ts";
import { readMetrics } from "./metrics.ts";
import type { StartAnswer } from "./start-answer.ts";
import {
  type ServiceExec,
  type ShimExit,
  type Stdio,
  type TaskService,
  type Typed,
  checkpointAny,
  dump,
  quick,
  refusal,
  slow,
  specAny,
  toEpoch,
} from "./task-service.ts";

interface Options {
  /** For errors: what was tried, as the user knows it. */
  context: string;
  timeout?: number;
  idle?: boolean;
}

/**
 * A shim's own Task service. Speaks v3 where the shim has it, else v2 (their messages are the same):
 * the version that `start` told may be another shim's, so it is tried out. What crashes shims can't be said
 * here: options of another type than the shim's own, an exec without a spec, an update without resources.
 */
export class TtrpcTaskService implements TaskService {
  readonly #client: TtrpcClient;
  readonly #id: string;
  #version: 2 | 3;

  private constructor(client: TtrpcClient, id: string, version: number) {
    this.#client = client;
    this.#id = id;
    this.#version = version >= 3 ? 3 : 2;
  }

  /** Rejects UNAVAILABLE when nobody listens at the socket. */
  static async connect(id: string, answer: StartAnswer): Promise<TtrpcTaskService> {
    return new TtrpcTaskService(await TtrpcClient.connect(answer.socket), id, answer.version);
  }

  get onClose(): Event<AppError> {
    return this.#client.onClose;
  }

  close(): void {
    this.#client.close();
  }

  /** The shim's pid. */
  async shimPid(): Promise<number> {
    const options = { context: "The shim does not answer", timeout: quick };
    const answer = await this.#call(
      "Connect",
      TaskRequestSchema,
      { id: this.#id },
      ConnectResponseSchema,
      options,
    );
    return answer.shimPid;
  }

  /**
   * Answers init's pid; 0 when it is restored from a checkpoint, which `start` does. `options` are what this kind of shim
   * is told in its own terms.
   */
  async create(
    request: { bundle: string; terminal: boolean; checkpoint: string; stdio: Stdio },
    options: Typed,
    context: string,
  ): Promise<number> {
    const { stdio, ...rest } = request;
    const message = { id: this.#id, ...rest, ...stdio, options };
    const answer = await this.#call("Create", CreateRequestSchema, message, PidResponseSchema, {
      context,
      timeout: slow,
    });
    return answer.pid;
  }

  async start(execId: string, context: string): Promise<number> {
    const answer = await this.#call(
      "Start",
      ProcessRequestSchema,
      { id: this.#id, execId },
      PidResponseSchema,
      { context, timeout: slow },
    );
    return answer.pid;
  }

  async state(execId: string): Promise<{ status: number; pid: number; exit: ShimExit }> {
    const answer = await this.#call(
      "State",
      ProcessRequestSchema,
      { id: this.#id, execId },
      StateResponseSchema,
      { context: "The shim can't tell the state of the process", timeout: quick },
    );
    const { status, pid, exitStatus, exitedAt } = answer;
    return { status, pid, exit: { code: exitStatus, at: toEpoch(exitedAt) } };
  }

  async wait(execId: string): Promise<ShimExit> {
    const answer = await this.#call(
      "Wait",
      ProcessRequestSchema,
      { id: this.#id, execId },
      WaitResponseSchema,
      { context: "The shim can't be waited for", idle: true },
    );
    return { code: answer.exitStatus, at: toEpoch(answer.exitedAt) };
  }

  async delete(execId: string): Promise<void> {
    await this.#call(
      "Delete",
      ProcessRequestSchema,
      { id: this.#id, execId },
      DeleteResponseSchema,
      { context: "The shim could not forget the process", timeout: quick * 5 },
    );
  }

  /** Makes the shim end, which it only does when it holds no container. */
  async shutdown(): Promise<void> {
    try {
      const options = { context: "The shim does not end", timeout: quick };
      await this.#call("Shutdown", ShutdownRequestSchema, { id: this.#id }, EmptySchema, options);
    } catch (error) {
      // It ended before it could answer.
      if (!isCode(error, "UNAVAILABLE")) throw error;
    }
  }

  async pause(context: string): Promise<void> {
    await this.#call("Pause", TaskRequestSchema, { id: this.#id }, EmptySchema, {
      context,
      timeout: slow,
    });
  }

  async resume(context: string): Promise<void> {
    await this.#call("Resume", TaskRequestSchema, { id: this.#id }, EmptySchema, {
      context,
      timeout: slow,
    });
  }

  async kill(execId: string, signal: number, all: boolean, context: string): Promise<void> {
    const message = { id: this.#id, execId, signal, all };
    await this.#call("Kill", KillRequestSchema, message, EmptySchema, { context, timeout: quick });
  }

  async exec(execId: string, request: ServiceExec, context: string): Promise<void> {
    const { terminal, spec, stdio } = request;
    const message = {
      id: this.#id,
      ...{ execId, terminal, ...stdio },
      spec: specAny("Process", spec),
    };
    await this.#call("Exec", ExecRequestSchema, message, EmptySchema, { context, timeout: slow });
  }

  async resize(execId: string, size: { cols: number; rows: number }): Promise<void> {
    const message = { id: this.#id, execId, width: size.cols, height: size.rows };
    const options = { context: "The terminal could not be resized", timeout: quick };
    await this.#call("ResizePty", ResizePtyRequestSchema, message, EmptySchema, options);
  }

  async closeInput(execId: string): Promise<void> {
    const message = { id: this.#id, execId, stdin: true };
    const options = { context: "The input could not be closed", timeout: quick };
    await this.#call("CloseIO", CloseIORequestSchema, message, EmptySchema, options);
  }

  async stats(): Promise<TaskStats> {
    const options = { context: "The shim can't tell what the container uses", timeout: quick };
    const message = { id: this.#id };
    const answer = await this.#call(
      "Stats",
      TaskRequestSchema,
      message,
      StatsResponseSchema,
      options,
    );
    return readMetrics(answer.stats);
  }

  async pids(): Promise<number[]> {
    const options = { context: "The shim can't tell the processes", timeout: quick };
    const message = { id: this.#id };
    const answer = await this.#call(
      "Pids",
      TaskRequestSchema,
      message,
      PidsResponseSchema,
      options,
    );
    return answer.processes.map(({ pid }) => pid);
  }

  async update(resources: OciResources, context: string): Promise<void> {
    const message = { id: this.#id, resources: specAny("LinuxResources", resources) };
    const options = { context, timeout: slow };
    await this.#call("Update", UpdateRequestSchema, message, EmptySchema, options);
  }

  async checkpoint(request: CheckpointRequest, work: string, context: string): Promise<void> {
    const message = {
      id: this.#id,
      path: request.path,
      options: checkpointAny(request, work),
    };
    await this.#call("Checkpoint", CheckpointRequestSchema, message, EmptySchema, {
      context,
      timeout: dump,
    });
  }

  async #call<In extends DescMessage, Out extends DescMessage>(
    method: string,
    input: In,
    message: MessageInitShape<In>,
    output: Out,
    options: Options,
  ): Promise<MessageShape<Out>> {
    const payload = toBinary(input, create(input, message));
    const { timeout, idle, context } = options;
    const version = this.#version;
    try {
      const service = `containerd.task.v${version}.Task`;
      const answer = await this.#client.call({ service, method, payload, timeout, idle });
      return read(output, answer);
    } catch (error) {
      // Whoever does not know the service has done nothing.
      if (version === 3 && isCode(error, "UNIMPLEMENTED")) {
        this.#version = 2;
        return this.#call(method, input, message, output, options);
      }
      throw refusal(error, context);
    }
  }
}

function read<Out extends DescMessage>(output: Out, bytes: Uint8Array): MessageShape<Out> {
  try {
    return fromBinary(output, bytes);
  } catch (error) {
    throw new AppError("DATA_LOSS", "the answer can't be understood", {}, error);
  }
}
