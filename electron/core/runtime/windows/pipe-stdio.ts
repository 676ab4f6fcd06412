import { randomUUID } from "node:crypto";
import { type Server, type Socket, createServer } from "node:net";
import { AppError } from "#shared/errors";
import type { ProcessInput } from "../runtime.ts";
import type { Stdio } from "../shim/task-service.ts";
import { type Transport, streamPipe } from "./transport.ts";

/** Gets what a stream brings, piece by piece; the next comes when its promise has resolved. */
export type Sink = (bytes: Uint8Array) => Promise<void> | void;

/** Milliseconds for the streams of a process that has ended to end too: something may still hold them. */
const drainTimeout = 2000;

/**
 * The manager's end of a process's standard streams: pipes that it listens at and the shim connects to, once each
 * (hcsshim's internal/cmd/io_npipe.go). Nothing holds them beside the manager: a Windows container does not outlive it.
 */
export class PipeStdio {
  readonly paths: Stdio;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #ends: Promise<void>[] = [];
  readonly #input: Promise<Socket> | undefined;
  #inputEnded = false;

  private constructor(paths: Stdio, streams: { [name in keyof Stdio]?: Server }, sinks: Sinks) {
    this.paths = paths;
    if (streams.stdout) this.#ends.push(this.#read(streams.stdout, sinks.stdout));
    if (streams.stderr) this.#ends.push(this.#read(streams.stderr, sinks.stderr));
    if (streams.stdin) this.#input = this.#accept(streams.stdin);
    // Told to whoever writes, if anyone does.
    this.#input?.catch(() => {});
  }

  /** Listens; a terminal's process has one stream for both kinds of output. */
  static async open(
    transport: Transport,
    request: { terminal: boolean; stdin: boolean },
    sinks: Sinks,
  ): Promise<PipeStdio> {
    const unique = randomUUID();
    const names: (keyof Stdio)[] = ["stdout"];
    if (!request.terminal) names.push("stderr");
    if (request.stdin || request.terminal) names.push("stdin");
    const paths: Stdio = { stdin: "", stdout: "", stderr: "" };
    const servers: { [name in keyof Stdio]?: Server } = {};
    try {
      for (const name of names) {
        paths[name] = transport.address(streamPipe(unique, name));
        servers[name] = await listen(paths[name]);
      }
    } catch (error) {
      for (const server of Object.values(servers)) server.close();
      throw AppError.wrap(error, "The standard streams could not be made");
    }
    return new PipeStdio(paths, servers, sinks);
  }

  /** Several may write; each writes whole pieces. */
  openInput(): ProcessInput {
    return {
      write: async (bytes) => {
        const socket = await this.#input?.catch(() => undefined);
        if (!socket || this.#inputEnded) throw inputGone();
        await new Promise<void>((resolve, reject) => {
          socket.write(bytes, (error) => (error ? reject(inputGone(error)) : resolve()));
        });
      },
      dispose() {},
    };
  }

  get inputEnded(): boolean {
    return this.#inputEnded;
  }

  /**
   * Ends the pipe behind all that was written. The shim closes the process's input when it has read that end (hcsshim's
   * internal/cmd/cmd.go); told to by CloseIO, it would drop what it has not read yet.
   */
  async endInput(): Promise<void> {
    this.#inputEnded = true;
    const socket = await this.#input?.catch(() => undefined);
    if (!socket) throw inputGone();
    await new Promise<void>((resolve) => socket.end(() => resolve()));
  }

  /** Resolves when everything the process wrote has been taken; at the latest after two seconds. */
  async drained(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainTimeout);
    });
    await Promise.race([Promise.all(this.#ends), late]);
    clearTimeout(timer);
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The one connection that comes. Rejects when the server is closed without any. */
  #accept(server: Server): Promise<Socket> {
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("close", () => reject(inputGone()));
      server.once("connection", (socket: Socket) => {
        server.close();
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.once("close", () => this.#sockets.delete(socket));
        resolve(socket);
      });
    });
  }

  /** To its end; what can't be kept (a full disk) is read all the same, so that the process goes on. */
  async #read(server: Server, sink: Sink): Promise<void> {
    try {
      const socket = await this.#accept(server);
      for await (const chunk of socket) {
        await Promise.resolve(sink(chunk as Buffer)).catch(() => {});
      }
    } catch {
      // Closed without a connection, or cut off.
    }
  }
}

export interface Sinks {
  stdout: Sink;
  stderr: Sink;
}

function listen(address: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      server.on("error", () => {});
      resolve(server);
    });
  });
}

function inputGone(cause?: unknown): AppError {
  return new AppError("UNAVAILABLE", "The process or its shim is gone", {}, cause);
}
