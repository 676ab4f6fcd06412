import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { onTestFinished } from "vitest";
import type { Credentials } from "./credentials.ts";
import { RegistryClient } from "./registry-client.ts";
import type { RegistryConfig } from "./registry-config.ts";
import type { Repository } from "./repository.ts";

export interface Scripted {
  host: string;
  url: string;
  /** All that was asked, in order. */
  requests: { method: string; url: string; headers: IncomingMessage["headers"] }[];
  /** For a proxy: what asks for a tunnel. The listener ends the socket, or closing does. */
  onConnect(listener: (request: IncomingMessage, socket: Duplex) => void): void;
  close(): Promise<void>;
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** A server that answers as a test says. The caller closes it. */
export async function startScripted(handle: Answer): Promise<Scripted> {
  const requests: Scripted["requests"] = [];
  const tunnels = new Set<Duplex>();
  const server: Server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    requests.push({ method, url, headers });
    void handle(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    requests,
    onConnect(listener) {
      server.on("connect", (request, socket) => {
        tunnels.add(socket);
        listener(request, socket);
      });
    },
    async close() {
      for (const socket of tunnels) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The whole body of a request. */
export async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Answers `METHOD /path` (without the query) in turn by the given functions, the last one from then on; else 404. */
export async function serve(routes: Record<string, Answer | Answer[]>): Promise<Scripted> {
  const asked = new Map<string, number>();
  const server = await startScripted(async (request, response) => {
    const key = `${request.method} ${request.url?.split("?")[0]}`;
    const answers = [routes[key] ?? notFound].flat();
    const index = asked.get(key) ?? 0;
    asked.set(key, index + 1);
    await answers[Math.min(index, answers.length - 1)]?.(request, response);
  });
  onTestFinished(() => server.close());
  return server;
}

export const reply =
  (status: number, headers: Record<string, string> = {}, body: string | Buffer = ""): Answer =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };
export const refuse = (
  status: number,
  code: string,
  headers: Record<string, string> = {},
): Answer =>
  reply(status, headers, JSON.stringify({ errors: [{ code, message: `it is ${code}` }] }));
const notFound = refuse(404, "MANIFEST_UNKNOWN");

/** The repository `app` of this server, without TLS. */
export function openApp(
  { host }: Scripted | { host: string },
  config: Partial<RegistryConfig> = {},
  credentials?: Credentials,
): Promise<Repository> {
  const client = new RegistryClient({
    credentials: { find: async () => ({ credentials, problems: [] }) },
    config: () => ({ host, mirrors: [], security: "plain-http", ...config }),
  });
  return client.open({ registry: host, repository: "app" });
}
export const mirror = ({ host }: { host: string }): RegistryConfig["mirrors"][number] => ({
  ...{ host, security: "plain-http" },
});
