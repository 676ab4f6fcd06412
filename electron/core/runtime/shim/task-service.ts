import {
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { type Timestamp, EmptySchema } from "@bufbuild/protobuf/wkt";
import { TtrpcClient } from "#core/ttrpc/client";
import type { Event } from "#shared/base/emitter";
import { AppError, isCode } from "#shared/errors";
import { ociError } from "../oci/oci-error.ts";
import type { CheckpointRequest, OciProcess, OciResources, TaskStats } from "../runtime.ts";
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
  RuncCheckpointOptionsSchema,
  RuncOptionsSchema,
  ShutdownRequestSchema,
  StateResponseSchema,
  StatsResponseSchema,
  TaskRequestSchema,
  UpdateRequestSchema,
  WaitResponseSchema,
} from "./proto/shim_pb.ts";
import { readMetrics } from "./metrics.ts";
import type { StartAnswer } from "./start-answer.ts";

/** containerd's api/types/task: what a process of a shim is. */
export const taskStatus = { created: 1, running: 2, stopped: 3, paused: 4, pausing: 5 };

/** Milliseconds for what needs no other program to run; a load has five seconds in all (manager.ts). */
const quick = 3000;
/** Milliseconds for what the OCI runtime has to do; a cold disk and a loaded machine included. */
const slow = 60_000;
/** Milliseconds: a dump writes all of the container's memory. */
const dump = 600_000;

export interface Stdio {
  stdin: string;
  stdout: string;
  stderr: string;
}

export interface ShimExit {
  code: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** What a shim is told at Create in its own terms, where it is not the runc shim. */
export interface ShimOptions {
  typeUrl: string;
  value: Uint8Array;
}

interface Options {
  /** For errors: what was tried, as the user knows it. */
  context: string;
  timeout?: number;
  idle?: boolean;
}

/**
 * A shim's Task service, for one task. Speaks v3 where the shim has it, else v2 (their messages are the same):
 * the version that `start` told may be another shim's, so it is tried out. What crashes shims can't be said
 * here: options of another type than the shim's own, an exec without a spec, an update without resources.
 */
export class TaskService {
  readonly #client: TtrpcClient;
  readonly #id: string;
  #version: 2 | 3;

  private constructor(client: TtrpcClient, id: string, version: number) {
    this.#client = client;
    this.#id = id;
    this.#version = version >= 3 ? 3 : 2;
  }

  /** Rejects UNAVAILABLE when nobody listens at the socket. */
  static async connect(id: string, answer: StartAnswer): Promise<TaskService> {
    return new TaskService(await TtrpcClient.connect(answer.socket), id, answer.version);
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

  /** Answers init's pid; 0 when it is restored from a checkpoint, which `start` does. */
  async create(
    request: { bundle: string; terminal: boolean; checkpoint: string; stdio: Stdio },
    runtime: { binary: string; root: string } | ShimOptions,
    context: string,
  ): Promise<number> {
    const { stdio, ...rest } = request;
    const options = "typeUrl" in runtime ? runtime : runcOptions(runtime);
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

  /** Answers when the process has ended, which may be never. */
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

  /** Forgets a process that has ended; of init, also the container in the OCI runtime. */
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

  async exec(
    execId: string,
    request: { terminal: boolean; spec: OciProcess; stdio: Stdio },
    context: string,
  ): Promise<void> {
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

  /** Lets go of the shim's own end of the input's fifo: without other writers the process reads the end. */
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

  /** Host pids. */
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
    const options = create(RuncCheckpointOptionsSchema, {
      exit: !request.leaveRunning,
      openTcp: request.tcpEstablished,
      externalUnixSockets: request.externalUnixSockets,
      fileLocks: request.fileLocks,
      imagePath: request.path,
      workPath: work,
    });
    const message = {
      id: this.#id,
      path: request.path,
      options: {
        typeUrl: "containerd.runc.v1.CheckpointOptions",
        value: toBinary(RuncCheckpointOptionsSchema, options),
      },
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

function runcOptions({ binary, root }: { binary: string; root: string }): ShimOptions {
  const options = create(RuncOptionsSchema, { binaryName: binary, root });
  // The bare name: the 1.6 shim does not know it with a host before it.
  return { typeUrl: "containerd.runc.v1.Options", value: toBinary(RuncOptionsSchema, options) };
}

function read<Out extends DescMessage>(output: Out, bytes: Uint8Array): MessageShape<Out> {
  try {
    return fromBinary(output, bytes);
  } catch (error) {
    throw new AppError("DATA_LOSS", "the answer can't be understood", {}, error);
  }
}

/** Most of what an OCI runtime refuses comes as UNKNOWN with its words inside. */
function refusal(error: unknown, context: string): AppError {
  const inner = AppError.from(error);
  if (inner.code !== "UNKNOWN") return AppError.wrap(inner, context, { output: inner.message });
  const words = inner.message
    .replace(/^(failed to create shim( task)?: )?(OCI runtime \w+ failed: )?/, "")
    .replace(/: unknown$/, "");
  return ociError(context, words);
}

/** A part of the OCI spec as containerd's typeurl package has it: JSON under the Go type's name. */
function specAny(type: string, value: object): { typeUrl: string; value: Uint8Array } {
  return {
    typeUrl: `types.containerd.io/opencontainers/runtime-spec/1/${type}`,
    value: Buffer.from(JSON.stringify(value)),
  };
}

/** Go's zero time, which a shim gives for what has not happened, lies before the epoch. */
export function toEpoch(time: Timestamp | undefined): number {
  if (!time || time.seconds <= 0n) return Date.now();
  return Number(time.seconds) * 1000 + Math.round(time.nanos / 1e6);
}
