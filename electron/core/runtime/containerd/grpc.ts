import type * as Grpc from "@grpc/grpc-js";
import type {
  Client,
  ClientReadableStream,
  ClientUnaryCall,
  Metadata,
  ServiceError,
} from "@grpc/grpc-js";
import {
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { AppError, errorCodes } from "#shared/errors";

/** Milliseconds for what a daemon on this machine answers from memory. */
const quick = 5000;

/** containerd answers with at most 16 MiB (defaults.DefaultMaxRecvMsgSize). */
const maxMessage = 16 * 1024 * 1024;

export interface CallOptions {
  /** containerd's namespace: a header of each call. */
  namespace?: string;
  signal?: AbortSignal | undefined;
  /** Milliseconds; default 5 s, Infinity for what may never be answered. */
  timeout?: number;
}

/** gRPC over a unix socket or a named pipe, with the messages of protobuf-es. */
export class GrpcChannel {
  readonly #grpc: typeof Grpc;
  readonly #client: Client;
  readonly #address: string;
  /** Questions without a deadline: nobody waits for their answers once the channel is closed. */
  readonly #endless = new Set<ClientUnaryCall>();

  private constructor(grpc: typeof Grpc, address: string) {
    this.#grpc = grpc;
    this.#address = address;
    const target = address.startsWith("\\\\.\\pipe\\") ? address : `unix:${address}`;
    this.#client = new grpc.Client(target, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": maxMessage,
      // A unix socket has no name to speak of; Go's HTTP/2 server wants a valid one.
      "grpc.default_authority": "localhost",
    });
  }

  /** `address` is the path of a socket. The library is loaded with the first: most never need it. */
  static async open(address: string): Promise<GrpcChannel> {
    return new GrpcChannel(await import("@grpc/grpc-js"), address);
  }

  /** One question, one answer. `method` is `/package.Service/Method`. */
  call<Q extends DescMessage, A extends DescMessage>(
    method: string,
    [question, value]: [Q, MessageInitShape<Q>],
    answer: A,
    { namespace, signal, timeout = quick }: CallOptions = {},
  ): Promise<MessageShape<A>> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest<MessageShape<Q>, MessageShape<A>>(
        method,
        (message) => Buffer.from(toBinary(question, message)),
        (bytes) => fromBinary(answer, bytes),
        create(question, value),
        this.#metadata(namespace),
        { deadline: Date.now() + timeout },
        (error, message) => {
          signal?.removeEventListener("abort", abort);
          this.#endless.delete(call);
          if (error) reject(this.#wrap(error));
          else if (message) resolve(message);
        },
      );
      if (timeout === Infinity) this.#endless.add(call);
      const abort = (): void => call.cancel();
      signal?.addEventListener("abort", abort, { once: true });
      if (signal?.aborted) abort();
    });
  }

  /** What the other side says until it ends or `signal` aborts; rejects when the connection breaks. */
  async *stream<Q extends DescMessage, A extends DescMessage>(
    method: string,
    [question, value]: [Q, MessageInitShape<Q>],
    answer: A,
    signal: AbortSignal,
  ): AsyncGenerator<MessageShape<A>, void, void> {
    const call: ClientReadableStream<MessageShape<A>> = this.#client.makeServerStreamRequest(
      method,
      (message: MessageShape<Q>) => Buffer.from(toBinary(question, message)),
      (bytes: Buffer) => fromBinary(answer, bytes),
      create(question, value),
      this.#metadata(undefined),
    );
    const abort = (): void => call.cancel();
    signal.addEventListener("abort", abort, { once: true });
    try {
      yield* call as AsyncIterable<MessageShape<A>>;
    } catch (error) {
      if (!signal.aborted) throw this.#wrap(error as ServiceError);
    } finally {
      signal.removeEventListener("abort", abort);
      call.cancel();
    }
  }

  /** What is under way comes to its end. */
  close(): void {
    for (const call of this.#endless) call.cancel();
    this.#client.close();
  }

  #metadata(namespace: string | undefined): Metadata {
    const metadata = new this.#grpc.Metadata();
    if (namespace !== undefined) metadata.set("containerd-namespace", namespace);
    return metadata;
  }

  #wrap(error: ServiceError): AppError {
    // errors.ts has gRPC's codes in their order, from 1 on.
    const code = errorCodes[error.code - 1] ?? "UNKNOWN";
    const { details } = error;
    if (code !== "UNAVAILABLE") return new AppError(code, details || error.message);
    return new AppError("UNAVAILABLE", `Nobody answers at ${this.#address}`, {
      subject: this.#address,
      hint: "containerd is not running, or is just starting.",
      output: details || error.message,
    });
  }
}
