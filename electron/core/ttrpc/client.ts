import { type Socket, createConnection } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Emitter } from "#shared/base/emitter";
import { AppError } from "#shared/errors";
import {
  type Frame,
  FrameDecoder,
  encodeFrame,
  maxData,
  requestType,
  responseType,
} from "./frame.ts";
import { RequestSchema, ResponseSchema } from "./proto/ttrpc_pb.ts";
import { statusError } from "./status.ts";

/** Stream ids are odd and grow; a connection that has used them all has to be made anew. */
const maxStreamId = 0xffffffff;

/** Milliseconds. A shim's socket is on this machine: it accepts at once or never. */
const connectTimeout = 3000;

export interface CallRequest {
  service: string;
  method: string;
  payload: Uint8Array;
  signal?: AbortSignal;
  /** Milliseconds, told to the other side too; absent: none. */
  timeout?: number;
  /** It changes nothing and may be cut off when the connection is closed: a Wait, which may last for ever. */
  idle?: boolean;
}

interface Pending {
  idle: boolean;
  settle(outcome: { payload: Uint8Array } | { error: AppError }): void;
}

/**
 * One connection to a ttrpc server; any number of calls at a time, answered in any order.
 *
 * A caller that leaves (abort, deadline) is let go at once, but the call itself goes on: ttrpc has no way to
 * cancel one, and closing the connection would cancel all of them half-way (a runc killed in the middle of a
 * create). `close` therefore waits until everything that changes something has been answered.
 */
export class TtrpcClient {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #pending = new Map<number, Pending>();
  readonly #closed = new Emitter<AppError>();
  #nextId = 1;
  #closing = false;
  #gone: AppError | undefined;

  /** Fires once, when the other side has gone; not after `close`. */
  readonly onClose = this.#closed.event;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      for (const frame of this.#decoder.push(chunk)) this.#receive(frame);
    });
    socket.on("error", (error) => this.#lost(error));
    socket.on("close", () => this.#lost());
  }

  /** To a unix socket or a named pipe. Rejects UNAVAILABLE when nobody listens there. The connection keeps no process alive. */
  static connect(path: string): Promise<TtrpcClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new AppError("UNAVAILABLE", `Nobody answers at ${path}`, {}, error));
      };
      const timer = setTimeout(() => fail(undefined), connectTimeout);
      socket.once("error", fail);
      socket.once("connect", () => {
        clearTimeout(timer);
        socket.off("error", fail);
        socket.unref();
        resolve(new TtrpcClient(socket));
      });
    });
  }

  /**
   * The response's payload. Rejects with the server's status, UNAVAILABLE when the connection ends before the
   * answer, CANCELLED or DEADLINE_EXCEEDED when the caller waits no longer (the call itself goes on).
   */
  call(request: CallRequest): Promise<Uint8Array> {
    const { service, method, payload, signal, timeout, idle = false } = request;
    if (signal?.aborted) return Promise.reject(cancelled());
    if (this.#gone) return Promise.reject(this.#gone);
    if (this.#closing || this.#nextId > maxStreamId) return Promise.reject(connectionLost());
    const data = toBinary(
      RequestSchema,
      create(RequestSchema, {
        service,
        method,
        payload,
        timeoutNano: BigInt(Math.round((timeout ?? 0) * 1e6)),
      }),
    );
    if (data.length > maxData) {
      const what = `The ${method} request has ${data.length} bytes, more than the ${maxData} of a message`;
      return Promise.reject(new AppError("RESOURCE_EXHAUSTED", what));
    }
    const id = this.#nextId;
    this.#nextId += 2;
    return new Promise((resolve, reject) => {
      const leave = (error: AppError): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        reject(error);
      };
      const onAbort = (): void => leave(cancelled());
      const timer =
        timeout === undefined
          ? undefined
          : setTimeout(() => {
              const what = `${method} was not answered within ${timeout / 1000} s`;
              leave(new AppError("DEADLINE_EXCEEDED", what));
            }, timeout);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#pending.set(id, {
        idle,
        settle: (outcome) => {
          if ("error" in outcome) leave(outcome.error);
          else {
            clearTimeout(timer);
            signal?.removeEventListener("abort", onAbort);
            resolve(outcome.payload);
          }
        },
      });
      // One write a frame, in the order of the ids. Nothing waits for it: the answer says that it arrived.
      this.#socket.write(encodeFrame(id, requestType, data));
    });
  }

  /** Takes no further calls; ends the connection as soon as that breaks nothing. */
  close(): void {
    this.#closing = true;
    this.#closed.dispose();
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (!this.#closing || this.#gone) return;
    for (const { idle } of this.#pending.values()) if (!idle) return;
    this.#socket.destroy();
    this.#lost();
  }

  #receive(frame: Frame): void {
    // Anything else was never asked for.
    if (frame.type !== responseType) return;
    const pending = this.#pending.get(frame.streamId);
    if (!pending) return;
    this.#pending.delete(frame.streamId);
    pending.settle(parseResponse(frame));
    this.#endWhenIdle();
  }

  #lost(cause?: unknown): void {
    if (this.#gone) return;
    this.#gone = connectionLost(cause);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of pending) call.settle({ error: this.#gone });
    this.#closed.fire(this.#gone);
    this.#closed.dispose();
    this.#socket.destroy();
  }
}

function parseResponse(frame: Frame): { payload: Uint8Array } | { error: AppError } {
  if (!frame.data) {
    const what = `The answer has more than ${maxData} bytes`;
    return { error: new AppError("RESOURCE_EXHAUSTED", what) };
  }
  try {
    const { status, payload } = fromBinary(ResponseSchema, frame.data);
    return status && status.code !== 0 ? { error: statusError(status) } : { payload };
  } catch (error) {
    return { error: new AppError("DATA_LOSS", "The answer can't be understood", {}, error) };
  }
}

function cancelled(): AppError {
  return new AppError("CANCELLED", "The operation was cancelled");
}

function connectionLost(cause?: unknown): AppError {
  return new AppError("UNAVAILABLE", "The other side has gone", {}, cause);
}
