import { type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { AppError } from "#shared/errors";
import { ociError } from "../oci/oci-error.ts";
import type { CheckpointRequest, OciProcess, OciResources, TaskStats } from "../runtime.ts";
import { RuncCheckpointOptionsSchema, RuncOptionsSchema } from "./proto/shim_pb.ts";

/** containerd's api/types/task: what a process of a shim is. */
export const taskStatus = { created: 1, running: 2, stopped: 3, paused: 4, pausing: 5 };

/** Milliseconds for what needs no other program to run; a load has five seconds in all (manager.ts). */
export const quick = 3000;
/** Milliseconds for what the OCI runtime has to do; a cold disk and a loaded machine included. */
export const slow = 60_000;
/** Milliseconds: a dump writes all of the container's memory. */
export const dump = 600_000;

/** Paths of fifos; empty where there is none. */
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

/**
 * What whoever runs a task is asked and told, for that one task: containerd's Task service, a shim's own or that of a
 * containerd. `execId` is empty for init. `context` is for errors: what was tried, as the user knows it.
 */
export interface TaskService {
  /** Answers the pid. */
  start(execId: string, context: string): Promise<number>;
  state(execId: string): Promise<{ status: number; pid: number; exit: ShimExit }>;
  /** Answers when the process has ended, which may be never. */
  wait(execId: string): Promise<ShimExit>;
  /** Forgets a process that has ended; of init, also the container in the OCI runtime. */
  delete(execId: string): Promise<void>;
  pause(context: string): Promise<void>;
  resume(context: string): Promise<void>;
  kill(execId: string, signal: number, all: boolean, context: string): Promise<void>;
  exec(execId: string, request: ServiceExec, context: string): Promise<void>;
  resize(execId: string, size: { cols: number; rows: number }): Promise<void>;
  /** Lets go of the shim's own end of the input's fifo: without other writers the process reads the end. */
  closeInput(execId: string): Promise<void>;
  stats(): Promise<TaskStats>;
  /** Host pids. */
  pids(): Promise<number[]>;
  update(resources: OciResources, context: string): Promise<void>;
  checkpoint(request: CheckpointRequest, work: string, context: string): Promise<void>;
}

export interface ServiceExec {
  terminal: boolean;
  spec: OciProcess;
  stdio: Stdio;
}

/** Most of what an OCI runtime refuses comes as UNKNOWN with its words inside. */
export function refusal(error: unknown, context: string): AppError {
  const inner = AppError.from(error);
  if (inner.code !== "UNKNOWN") return AppError.wrap(inner, context, { output: inner.message });
  const words = inner.message
    .replace(/^(failed to create shim( task)?: )?(OCI runtime \w+ failed: )?/, "")
    .replace(/: unknown$/, "");
  return ociError(context, words);
}

/** What travels in an Any: containerd's type name, without a host before it (1.6 knows none with), and its bytes. */
export interface Typed {
  typeUrl: string;
  value: Uint8Array;
}

/** A part of the OCI spec as containerd's typeurl package has it: JSON under the Go type's name. */
export function specAny(type: string, value: object): Typed {
  return {
    typeUrl: `types.containerd.io/opencontainers/runtime-spec/1/${type}`,
    value: Buffer.from(JSON.stringify(value)),
  };
}

/** The runc shim's own words at Create. */
export function runcAny(options: MessageInitShape<typeof RuncOptionsSchema>): Typed {
  return {
    typeUrl: "containerd.runc.v1.Options",
    value: toBinary(RuncOptionsSchema, create(RuncOptionsSchema, options)),
  };
}

export function checkpointAny(request: CheckpointRequest, work: string): Typed {
  const options = create(RuncCheckpointOptionsSchema, {
    exit: !request.leaveRunning,
    openTcp: request.tcpEstablished,
    externalUnixSockets: request.externalUnixSockets,
    fileLocks: request.fileLocks,
    imagePath: request.path,
    workPath: work,
  });
  return {
    typeUrl: "containerd.runc.v1.CheckpointOptions",
    value: toBinary(RuncCheckpointOptionsSchema, options),
  };
}

/** Go's zero time, which a shim gives for what has not happened, lies before the epoch. */
export function toEpoch(time: Timestamp | undefined): number {
  if (!time || time.seconds <= 0n) return Date.now();
  return Number(time.seconds) * 1000 + Math.round(time.nanos / 1e6);
}
