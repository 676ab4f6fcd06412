import { Agent, request } from "node:http";
import type { Readable } from "node:stream";

/** HTTP over a unix socket on a kept connection, as docker's and podman's own clients do it. */
export class UnixHttp {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Sends `body` (an object as JSON, a stream as a tar) and answers the parsed JSON, or undefined for none. */
  async call<T = unknown>(method: string, path: string, body?: object | Readable): Promise<T> {
    const text = await this.raw(method, path, body);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** As `call`, with the answer's body as it is; rejects on every status of 400 and above. */
  raw(method: string, path: string, body?: object | Readable): Promise<string> {
    const { promise, resolve, reject } = deferred<string>();
    const stream = isReadable(body) ? body : undefined;
    const json = body !== undefined && stream === undefined ? JSON.stringify(body) : undefined;
    const outgoing = request({
      agent: this.#agent,
      socketPath: this.#socketPath,
      method,
      path,
      headers: {
        host: "localhost",
        ...(json === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(json) }),
        ...(stream === undefined ? {} : { "content-type": "application/x-tar" }),
      },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        if (status >= 400) reject(new Error(`${method} ${path}: ${status} ${text.trim()}`));
        else resolve(text);
      });
    });
    if (stream === undefined) outgoing.end(json);
    else stream.pipe(outgoing);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function isReadable(body: object | undefined): body is Readable {
  return body !== undefined && "pipe" in body;
}

function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: Error) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
