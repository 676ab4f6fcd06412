import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "#shared/errors";
import type { Acceptor } from "#shared/rpc/acceptor";
import { MAX_FRAME_BYTES } from "#shared/rpc/wire";
import { WebSocketServer } from "ws";
import { Access } from "./access.ts";
import { type Assets, listAssets } from "./assets.ts";
import { socketChannel } from "./socket-channel.ts";

export interface HeadlessOptions {
  /** What answers at `/rpc/NAME`, by name; closed with the server. */
  acceptors: Record<string, Acceptor>;
  /** The built window: a directory with index.html. */
  staticDir: string;
  /** 0: any that is free. */
  port: number;
}

export interface Headless {
  /** With the token: open it once, it is exchanged for a cookie. */
  url: string;
  port: number;
  /** Ends every connection; resolves when their handlers have cleaned up. */
  close(): Promise<void>;
}

/** Serves the window and its calls on 127.0.0.1. Throws UNAVAILABLE when the port is taken. */
export async function startHeadless(options: HeadlessOptions): Promise<Headless> {
  const server = createServer();
  const port = await listen(server, options.port);
  const access = new Access(port);
  // Not every browser takes 'self' to mean a socket of the same host too.
  const assets = await listAssets(options.staticDir, `'self' ws://127.0.0.1:${port}`);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  });
  const acceptors = new Map(
    Object.entries(options.acceptors).map(([name, acceptor]) => [`/rpc/${name}`, acceptor]),
  );

  server.on("request", (request, response) => {
    answer(access, assets, request, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, 500, AppError.from(error).message);
      else response.destroy();
    });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const acceptor = acceptors.get(parseUrl(access, request)?.pathname ?? "");
    const refusal = refuseUpgrade(access, request);
    if (refusal || !acceptor) {
      const status = refusal ?? "404 Not Found";
      // Node has let go of it: whoever goes away meanwhile would be an error that nobody hears.
      socket.on("error", () => socket.destroy());
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      acceptor.accept(socketChannel(webSocket)),
    );
  });

  return {
    url: access.url,
    port,
    async close() {
      const closed = once(server, "close");
      server.close();
      await Promise.all([...acceptors.values()].map((acceptor) => acceptor.close()));
      for (const webSocket of sockets.clients) webSocket.terminate();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: ReturnType<typeof createServer>, wanted: number): Promise<number> {
  server.listen({ host: "127.0.0.1", port: wanted });
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw AppError.from(error);
    throw new AppError("UNAVAILABLE", `Port ${wanted} is taken by another program`, {
      hint: "Choose another one, or none to get any that is free.",
    });
  }
  return (server.address() as AddressInfo).port;
}

async function answer(
  access: Access,
  assets: Assets,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!access.isAddressed(request)) {
    send(response, 421, "This server goes by another name");
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    send(response, 405, "Only GET and HEAD are known here", { Allow: "GET, HEAD" });
    return;
  }
  const url = parseUrl(access, request);
  if (url?.pathname === "/" && access.isToken(url.searchParams.get("token"))) {
    send(response, 303, "", { Location: "/", "Set-Cookie": access.setCookie });
    return;
  }
  if (!access.hasCookie(request)) {
    send(response, 401, "Open the address that Shimyard printed when it was started");
    return;
  }
  const asset = url && (await assets.read(url.pathname));
  if (!asset) {
    send(response, 404, "There is nothing here");
    return;
  }
  response.writeHead(200, { ...asset.headers, "Content-Length": asset.body.length });
  response.end(request.method === "HEAD" ? undefined : asset.body);
}

/** The status line to refuse with, or undefined. */
function refuseUpgrade(access: Access, request: IncomingMessage): string | undefined {
  if (!access.isAddressed(request)) return "421 Misdirected Request";
  if (!access.isOwnOrigin(request)) return "403 Forbidden";
  const token = parseUrl(access, request)?.searchParams.get("token");
  if (!access.hasCookie(request) && !access.isToken(token)) {
    return "401 Unauthorized";
  }
  return undefined;
}

function parseUrl(access: Access, request: IncomingMessage): URL | undefined {
  return URL.canParse(request.url ?? "", access.origin)
    ? new URL(request.url ?? "", access.origin)
    : undefined;
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    ...headers,
  });
  response.end(text);
}
