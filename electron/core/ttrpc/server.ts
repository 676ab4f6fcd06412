import { rename } from "node:fs/promises";
import { type Server, type Socket, createServer } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { isPipeAddress } from "#core/host/named-pipe";
import { AppError } from "#shared/errors";
import { type Frame, FrameDecoder, encodeFrame, requestType, responseType } from "./frame.ts";
import { type Request, RequestSchema, ResponseSchema } from "./proto/ttrpc_pb.ts";
import { statusCode } from "./status.ts";

/** Answers the response's payload; what it throws becomes a status. */
export type Handler = (payload: Uint8Array) => Promise<Uint8Array> | Uint8Array;

/** A ttrpc server on a unix socket or a named pipe, with unary calls only. */
export class TtrpcServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #handlers: ReadonlyMap<string, Handler>;

  private constructor(server: Server, handlers: ReadonlyMap<string, Handler>) {
    this.#server = server;
    this.#handlers = handlers;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /**
   * `handlers` by `service/Method`. Whatever lies at `path` is replaced at one stroke; the socket file stays when
   * the server closes: shims take a refused connection for a manager that will be back soon, but one that is
   * not there holds up everything they do for five seconds an event. A named pipe is no file: it goes with the server.
   */
  static async listen(path: string, handlers: ReadonlyMap<string, Handler>): Promise<TtrpcServer> {
    const server = createServer();
    const made = new TtrpcServer(server, handlers);
    // Node removes the path that it was told when it closes: a name that is gone by then.
    const temporary = isPipeAddress(path) ? path : `${path}.${process.pid}`;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(temporary, () => {
        server.off("error", reject);
        resolve();
      });
    });
    // A failed accept (no descriptor left) costs one event, which its shim sends again.
    server.on("error", () => {});
    server.unref();
    try {
      if (temporary !== path) await rename(temporary, path);
    } catch (error) {
      made.close();
      throw error;
    }
    return made;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #accept(socket: Socket): void {
    const decoder = new FrameDecoder();
    this.#sockets.add(socket);
    socket.unref();
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk) => {
      for (const frame of decoder.push(chunk)) void this.#answer(socket, frame);
    });
  }

  async #answer(socket: Socket, frame: Frame): Promise<void> {
    if (frame.type !== requestType) return;
    let response = create(ResponseSchema);
    try {
      response = create(ResponseSchema, { payload: await this.#perform(frame) });
    } catch (error) {
      const { code, message } = AppError.from(error);
      response = create(ResponseSchema, { status: { code: statusCode(code), message } });
    }
    if (socket.destroyed) return;
    socket.write(encodeFrame(frame.streamId, responseType, toBinary(ResponseSchema, response)));
  }

  async #perform(frame: Frame): Promise<Uint8Array> {
    if (!frame.data) throw new AppError("RESOURCE_EXHAUSTED", "The message is too long");
    const { service, method, payload } = parseRequest(frame.data);
    const handler = this.#handlers.get(`${service}/${method}`);
    if (!handler) throw new AppError("UNIMPLEMENTED", `There is no ${service}/${method}`);
    return handler(payload);
  }
}

function parseRequest(data: Uint8Array): Request {
  try {
    return fromBinary(RequestSchema, data);
  } catch (error) {
    throw new AppError("INVALID_ARGUMENT", "The request can't be understood", {}, error);
  }
}
