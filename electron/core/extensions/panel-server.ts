import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { AppError } from "#shared/errors";

/** Bytes of a panel's request body, and of an answer. */
const maxBody = 1024 * 1024;
export const maxAnswer = 16 * 1024 * 1024;

/** Answers one request: HTTP/1.0 in and out, as inetd hands it to a program. */
export type Serve = (name: string, request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

/**
 * Where panels come from: a port of 127.0.0.1 that is opened when the first one is shown, so that a panel's page has
 * another origin than the window. Each extension has a path that can't be guessed. Every answer is sandboxed by its
 * own headers too, however it is opened: its origin is nobody's, it can run its own scripts, and connect to nothing.
 */
export class PanelServer {
  readonly #serve: Serve;
  readonly #names = new Map<string, string>();
  readonly #tokens = new Map<string, string>();
  #server: Promise<Server> | undefined;

  constructor(serve: Serve) {
    this.#serve = serve;
  }

  /** The address of an extension's panel. It holds until the server is closed, or `forget`. */
  async url(name: string): Promise<string> {
    this.#server ??= this.#listen().catch((error: unknown) => {
      this.#server = undefined;
      throw AppError.wrap(error, "Panels can't be served");
    });
    const server = await this.#server;
    let token = this.#tokens.get(name);
    if (token === undefined) {
      token = randomBytes(24).toString("base64url");
      this.#tokens.set(name, token);
      this.#names.set(token, name);
    }
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${token}/`;
  }

  forget(name: string): void {
    const token = this.#tokens.get(name);
    if (token !== undefined) this.#names.delete(token);
    this.#tokens.delete(name);
  }

  async close(): Promise<void> {
    const server = await this.#server?.catch(() => undefined);
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async #listen(): Promise<Server> {
    const server = createServer((request, response) => void this.#answer(request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    server.unref();
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const abort = new AbortController();
    response.on("close", () => abort.abort());
    try {
      const { host = "", ...headers } = request.headers;
      const [, token = "", ...rest] = (request.url ?? "").split("/");
      const name = this.#names.get(token);
      // By another host name it is a page of somebody else's that points here (DNS rebinding).
      if (name === undefined || !/^127\.0\.0\.1:\d+$/.test(host)) {
        response.writeHead(404).end();
        return;
      }
      const body = await readBody(request);
      const head = [
        `${request.method} /${rest.join("/")} HTTP/1.0`,
        `Host: ${host}`,
        `Content-Length: ${body.length}`,
        ...(headers["content-type"] ? [`Content-Type: ${headers["content-type"]}`] : []),
      ];
      const whole = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
      const answer = parseAnswer(Buffer.from(await this.#serve(name, whole, abort.signal)));
      response.writeHead(answer.status, {
        "Content-Type": answer.type,
        "Content-Security-Policy": policy(`http://${host}/${token}/`),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
      });
      response.end(request.method === "HEAD" ? undefined : answer.body);
    } catch (error) {
      if (abort.signal.aborted) return;
      const { message, details } = AppError.from(error);
      if (!response.headersSent) {
        response.writeHead(502, {
          "Content-Type": "text/plain; charset=utf-8",
          "Content-Security-Policy": "sandbox",
        });
      }
      response.end([message, details.hint, details.output].filter(Boolean).join("\n"));
    }
  }
}

/** A page of its own, and nothing else: CSP level 3. `origin` is where its own files are. */
const policy = (origin: string): string =>
  [
    "sandbox allow-scripts",
    "default-src 'none'",
    `script-src 'unsafe-inline' ${origin}`,
    `style-src 'unsafe-inline' ${origin}`,
    `img-src data: ${origin}`,
    `font-src data: ${origin}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBody) throw new AppError("RESOURCE_EXHAUSTED", "The request is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** RFC 9112: a status line, header lines, an empty line, the body to its end. UNAVAILABLE for anything else. */
export function parseAnswer(bytes: Buffer): { status: number; type: string; body: Buffer } {
  const end = bytes.indexOf("\r\n\r\n");
  const [first = "", ...lines] = bytes
    .subarray(0, Math.max(end, 0))
    .toString("latin1")
    .split("\r\n");
  const status = Number(/^HTTP\/1\.[01] ([2-5]\d\d)(?: |$)/.exec(first)?.[1]);
  if (end < 0 || Number.isNaN(status)) {
    throw new AppError("UNAVAILABLE", "The extension's panel did not answer with a page", {
      output: bytes.subarray(0, 4096).toString("utf8"),
    });
  }
  const type = lines
    .map((line) => /^content-type:\s*([\x20-\x7e]+)$/i.exec(line)?.[1])
    .find(Boolean);
  return { status, type: type ?? "text/plain; charset=utf-8", body: bytes.subarray(end + 4) };
}
