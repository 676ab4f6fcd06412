import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveAll } from "#shared/rpc/acceptor";
import { createClient } from "#shared/rpc/client";
import { duplex, type Handlers, query, stream } from "#shared/rpc/define";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { type Headless, startHeadless } from "./server.ts";
import { socketChannel } from "./socket-channel.ts";

const contract = {
  test: {
    add: query(z.object({ a: z.number(), b: z.number() }), z.number()),
    bytes: stream(z.object({ chunks: z.number() }), z.instanceof(Uint8Array)),
    echo: duplex(z.object({}), z.instanceof(Uint8Array), z.instanceof(Uint8Array)),
    idle: stream(z.object({}), z.number()),
  },
};
const ended: string[] = [];
const handlers: Handlers<typeof contract> = {
  test: {
    add: ({ a, b }) => a + b,
    async *bytes({ chunks }) {
      for (let n = 0; n < chunks; n++) yield new Uint8Array(64 * 1024).fill(n);
    },
    async *echo(_, up) {
      yield* up;
    },
    async *idle(_, { signal }) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      ended.push("idle");
      yield 0;
    },
  },
};

const acceptors = () => ({ test: serveAll(contract, handlers) });

let dir: string;
let headless: Headless;
let token: string;
let cookie: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-headless-"));
  await mkdir(join(dir, "www/assets"), { recursive: true });
  await writeFile(join(dir, "www/index.html"), "<!doctype html><title>Window</title>");
  await writeFile(join(dir, "www/assets/a.js"), "1");
  await writeFile(join(dir, "secret"), "secret");
  headless = await startHeadless({ acceptors: acceptors(), staticDir: join(dir, "www"), port: 0 });
  token = new URL(headless.url).searchParams.get("token") ?? "";
  cookie = `other=1; shimyard-${headless.port}=${token}`;
});

afterAll(async () => {
  await headless.close();
  await rm(dir, { recursive: true });
});

interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** Unlike fetch, sends a path and a Host header as they are given. */
function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port: headless.port, path, method, headers });
    call.on("error", reject);
    call.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    call.end();
  });
}

interface SocketOptions {
  path?: string;
  origin?: string;
  host?: string;
  cookie?: string;
}

function socket({ path = "/rpc/test", origin, host, cookie }: SocketOptions): WebSocket {
  const headers = { ...(host && { Host: host }), ...(cookie && { Cookie: cookie }) };
  return new WebSocket(`ws://127.0.0.1:${headless.port}${path}`, { origin, headers });
}

const own = (): { origin: string; cookie: string } => ({
  origin: `http://127.0.0.1:${headless.port}`,
  cookie,
});

async function refusal(options: SocketOptions): Promise<string> {
  const [error] = await once(socket(options), "error").catch((error: unknown) => [error]);
  return String(error);
}

test("the token is exchanged for a cookie that no script can read", async () => {
  expect(token).toHaveLength(43);
  const first = await get(`/?token=${token}`);
  expect(first.status).toBe(303);
  expect(first.headers.location).toBe("/");
  expect(first.headers["set-cookie"]).toEqual([
    `shimyard-${headless.port}=${token}; HttpOnly; SameSite=Strict; Path=/`,
  ]);
  const page = await get("/", { Cookie: cookie });
  expect(page).toMatchObject({ status: 200, body: "<!doctype html><title>Window</title>" });
});

test("nothing is served without it", async () => {
  const wrong = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
  for (const path of ["/", "/assets/a.js", "/?token=", `/?token=${wrong}`, `/?token=${token}x`]) {
    expect(await get(path)).toMatchObject({ status: 401 });
  }
  expect((await get("/", { Cookie: `shimyard-${headless.port}=${wrong}` })).status).toBe(401);
});

test("pages go out with a strict policy", async () => {
  const { headers } = await get("/", { Cookie: cookie });
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  const script = await get("/assets/a.js", { Cookie: cookie });
  expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
});

test.each([
  "/../secret",
  "/%2e%2e/secret",
  "/..%2fsecret",
  "/assets/../../secret",
  "/assets/..%5c..%5csecret",
  "//etc/passwd",
  "/assets",
  "/assets/a.js%00.html",
  "http://[",
  "/%",
])("%s leads nowhere", async (path) => {
  expect(await get(path, { Cookie: cookie })).toMatchObject({ status: 404 });
});

test("another name for the server is refused, as is another method", async () => {
  for (const host of ["evil.example", `localhost:${headless.port}`, "127.0.0.1"]) {
    expect(await get("/", { Cookie: cookie, Host: host })).toMatchObject({ status: 421 });
  }
  expect(await get("/", { Cookie: cookie }, "POST")).toMatchObject({ status: 405 });
});

test("a socket needs the token, the page's origin and the server's name", async () => {
  const { origin } = own();
  expect(await refusal({ origin })).toContain("401");
  expect(await refusal({ origin, path: "/rpc/test?token=x" })).toContain("401");
  expect(await refusal({ cookie })).toContain("403");
  expect(await refusal({ cookie, origin: "http://evil.example" })).toContain("403");
  expect(await refusal({ cookie, origin: "null" })).toContain("403");
  expect(await refusal({ cookie, origin: `http://localhost:${headless.port}` })).toContain("403");
  expect(await refusal({ ...own(), host: "evil.example" })).toContain("421");
  expect(await refusal({ ...own(), path: "/other" })).toContain("404");
});

test("calls and streams run over a socket, bytes as bytes", async () => {
  const webSocket = socket(own());
  await once(webSocket, "open");
  const client = createClient<typeof contract>(socketChannel(webSocket));
  expect(await client.call("test.add", { a: 2, b: 3 })).toBe(5);

  let chunks = 0;
  for await (const bytes of client.stream("test.bytes", { chunks: 100 })) {
    expect(bytes.constructor).toBe(Uint8Array);
    expect([bytes.length, bytes[0], bytes.at(-1)]).toEqual([65_536, chunks, chunks]);
    chunks += 1;
  }
  expect(chunks).toBe(100);

  const echo = client.duplex("test.echo", {});
  await echo.send(new Uint8Array([0, 255, 10]));
  expect((await echo.next()).value).toEqual(new Uint8Array([0, 255, 10]));
  echo.end();
  expect((await echo.next()).done).toBe(true);

  const idle = client.stream("test.idle", {}).next();
  await client.call("test.add", { a: 1, b: 1 });
  webSocket.terminate();
  await expect(idle).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect.poll(() => ended).toEqual(["idle"]);
});

test("a socket that talks garbage is closed, with the reason", async () => {
  for (const garbage of [
    "text",
    new Uint8Array([1, 2, 3]),
    new Uint8Array([0, 0, 0, 2, 123, 125]),
  ]) {
    const webSocket = socket({ origin: own().origin, path: `/rpc/test?token=${token}` });
    await once(webSocket, "open");
    webSocket.send(garbage);
    const [code, reason] = await once(webSocket, "close");
    expect(code).toBe(1002);
    expect(String(reason)).not.toBe("");
  }
});

test("a port that is taken is said so", async () => {
  await expect(
    startHeadless({ acceptors: acceptors(), staticDir: join(dir, "www"), port: headless.port }),
  ).rejects.toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("taken") });
});

test("closing ends what is open", async () => {
  const second = await startHeadless({
    acceptors: acceptors(),
    staticDir: join(dir, "www"),
    port: 0,
  });
  const webSocket = new WebSocket(second.url.replace("http:", "ws:").replace("/?", "/rpc/test?"), {
    origin: `http://127.0.0.1:${second.port}`,
  });
  await once(webSocket, "open");
  const client = createClient<typeof contract>(socketChannel(webSocket));
  const idle = client.stream("test.idle", {}).next();
  await client.call("test.add", { a: 1, b: 1 });
  ended.length = 0;
  const [outcome] = await Promise.all([Promise.allSettled([idle]), second.close()]);
  expect(outcome).toMatchObject([{ status: "rejected", reason: { code: "UNAVAILABLE" } }]);
  expect(ended).toEqual(["idle"]);
});

test("who goes away while being refused harms nobody", async () => {
  // An error that nobody hears fails the run.
  for (let knock = 0; knock < 20; knock += 1) {
    const peer = connect(headless.port, "127.0.0.1");
    await once(peer, "connect");
    peer.write(upgradeHead(headless.port, "/rpc/test"));
    peer.resetAndDestroy();
  }
  expect((await get("/")).status).toBe(401);
});

const upgradeHead = (port: number, path: string): string =>
  [
    ...[`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Origin: http://127.0.0.1:${port}`],
    ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""],
  ].join("\r\n");
