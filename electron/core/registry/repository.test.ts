import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { digestOf } from "../content/digest.ts";
import { mediaTypes } from "../content/oci.ts";
import type { Credentials } from "./credentials.ts";
import { Endpoint } from "./endpoint.ts";
import {
  type Answer,
  mirror,
  openApp,
  refuse,
  reply,
  serve,
  startScripted,
} from "./registry.stand-in.ts";
import type { RegistryConfig } from "./registry-config.ts";

/** Against servers that fail as they are told; registry.behaviour.test.ts has the real one. */
const bytes = randomBytes(400_000);
const blob = { digest: digestOf(bytes), size: bytes.length };
const blobPath = `/v2/app/blobs/${blob.digest}`;
const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, layers: [] }));
const digest = digestOf(manifest);
const described = { "content-type": mediaTypes.manifest, "docker-content-digest": digest };
/** As HEAD would have it. */
const about = { ...described, "content-length": String(manifest.length) };

async function read(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Sends so many bytes of the blob from `start`, and breaks the connection. */
const broken =
  (status: number, start: number, length: number): Answer =>
  (_, response) => {
    response.writeHead(status, {
      "content-length": String(bytes.length - start),
      ...(status === 206 && { "content-range": range(start) }),
    });
    response.write(bytes.subarray(start, start + length), () => response.destroy());
  };
const range = (start: number): string => `bytes ${start}-${bytes.length - 1}/${bytes.length}`;

describe("a blob", () => {
  test("goes on by range where its connection broke, as often as there is progress", async () => {
    const server = await serve({
      [`HEAD ${blobPath}`]: reply(200),
      [`GET ${blobPath}`]: Array.from({ length: 12 }, (): Answer => (request, response) => {
        const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "bytes=0-")?.[1]);
        void broken(start === 0 ? 200 : 206, start, 40_000)(request, response);
      }),
    });
    expect((await read((await openApp(server)).blob(blob))).equals(bytes)).toBe(true);
    const gets = server.requests.filter(({ method }) => method === "GET");
    expect(gets.length).toBeGreaterThan(5);
    expect(gets[0]?.headers.range).toBeUndefined();
    expect(gets[0]?.headers["accept-encoding"]).toBe("identity");
    expect(gets.slice(1).every(({ headers }) => headers.range !== undefined)).toBe(true);
  });

  test("goes on with a server that takes no ranges: what it had is skipped", async () => {
    const server = await serve({
      [`HEAD ${blobPath}`]: reply(200),
      [`GET ${blobPath}`]: [
        broken(200, 0, 150_000),
        broken(200, 0, 200_000),
        reply(200, {}, bytes),
      ],
    });
    expect((await read((await openApp(server)).blob(blob))).equals(bytes)).toBe(true);
    const rest = (await openApp(server)).blob(blob, { offset: 399_990 });
    expect(await read(rest)).toEqual(bytes.subarray(399_990));
  });

  test("from another place than was asked for is not taken", async () => {
    const server = await serve({
      [`HEAD ${blobPath}`]: reply(200),
      [`GET ${blobPath}`]: reply(206, { "content-range": range(5) }, bytes.subarray(5)),
    });
    const repository = await openApp(server);
    await expect(read(repository.blob(blob))).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringContaining("bytes from 0 on were asked for"),
    });
    const rest = await read(repository.blob(blob, { offset: 7 }));
    expect(rest.equals(bytes.subarray(7))).toBe(true);
  });

  test("that is longer than it should be is not taken", async () => {
    const server = await serve({
      [`HEAD ${blobPath}`]: reply(200),
      [`GET ${blobPath}`]: reply(200, {}, Buffer.concat([bytes, bytes])),
    });
    await expect(read((await openApp(server)).blob(blob))).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringContaining(`it should have ${bytes.length} bytes and has more`),
    });
  });

  test("is fetched from where it is redirected to, without the authorization", async () => {
    const storage = await serve({ "GET /signed": reply(200, {}, bytes) });
    const server = await serve({
      [`HEAD ${blobPath}`]: [
        refuse(401, "UNAUTHORIZED", { "www-authenticate": "Basic" }),
        reply(200),
      ],
      [`GET ${blobPath}`]: reply(307, { location: "/v2/here" }),
      "GET /v2/here": reply(302, { location: `${storage.url}/signed?key=1` }),
    });
    const repository = await openApp(
      server,
      {},
      { kind: "password", username: "u", password: "p" },
    );
    expect((await read(repository.blob(blob))).equals(bytes)).toBe(true);
    const here = server.requests.find(({ url }) => url === "/v2/here");
    expect(here?.headers.authorization).toBe(`Basic ${Buffer.from("u:p").toString("base64")}`);
    expect(storage.requests).toHaveLength(1);
    expect(storage.requests[0]?.url).toBe("/signed?key=1");
    expect(storage.requests[0]?.headers.authorization).toBeUndefined();
  });

  test("is not asked for with the sign-in by whoever it is redirected to", async () => {
    const thief = await serve({ "GET /token": reply(200, {}, JSON.stringify({ token: "t" })) });
    const challenge = { "www-authenticate": `Bearer realm="${thief.url}/token",service="s"` };
    const storage = await serve({
      "HEAD /signed": refuse(401, "UNAUTHORIZED", challenge),
      "GET /signed": refuse(401, "UNAUTHORIZED", challenge),
    });
    const aside = reply(307, { location: `${storage.url}/signed` });
    const server = await serve({
      "GET /v2/app/manifests/v1": [
        refuse(401, "UNAUTHORIZED", { "www-authenticate": "Basic" }),
        reply(200, described, manifest),
      ],
      [`HEAD ${blobPath}`]: aside,
      [`GET ${blobPath}`]: aside,
    });
    const repository = await openApp(
      server,
      {},
      { kind: "password", username: "u", password: "p" },
    );
    await repository.manifest("v1");
    await expect(read(repository.blob(blob))).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(thief.requests).toEqual([]);
    expect(storage.requests.every(({ headers }) => !headers.authorization)).toBe(true);
  });

  test("is not fetched in circles", async () => {
    const server = await serve({
      [`HEAD ${blobPath}`]: reply(200),
      [`GET ${blobPath}`]: reply(302, { location: blobPath }),
    });
    await expect((await openApp(server)).blob(blob).next()).rejects.toThrow(
      "redirects without end",
    );
  }, 30_000);

  test("goes on with a new token when the old one has run out", async () => {
    const tokens = await serve({
      "GET /token": [1, 2, 3].map((n) => reply(200, {}, JSON.stringify({ token: `t${n}` }))),
    });
    const challenge = { "www-authenticate": `Bearer realm="${tokens.url}/token",service="s"` };
    const only =
      (token: string, answer: Answer): Answer =>
      (request, response) =>
        request.headers.authorization === `Bearer ${token}`
          ? answer(request, response)
          : refuse(401, "UNAUTHORIZED", challenge)(request, response);
    const server = await serve({
      "GET /v2/app/manifests/v1": [only("t1", reply(200, described, manifest))].flat(),
      [`HEAD ${blobPath}`]: only("t2", reply(200)),
      [`GET ${blobPath}`]: [
        only("t1", broken(200, 0, 100_000)),
        only("t2", reply(206, { "content-range": range(100_000) }, bytes.subarray(100_000))),
      ],
    });
    const repository = await openApp(server);
    await repository.manifest("v1");
    expect((await read(repository.blob(blob))).equals(bytes)).toBe(true);
    expect(tokens.requests.map(({ url }) => url)).toEqual([
      "/token?service=s&scope=repository%3Aapp%3Apull",
      "/token?service=s&scope=repository%3Aapp%3Apull",
    ]);
  });

  test("ends at once when it is cancelled", async () => {
    let closed: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const server = await serve({
      [`HEAD ${blobPath}`]: reply(200),
      [`GET ${blobPath}`]: (_, response) => {
        response.on("close", () => closed?.());
        response.writeHead(200, { "content-length": String(bytes.length) });
        response.write(bytes.subarray(0, 1000));
      },
    });
    const abort = new AbortController();
    const source = (await openApp(server)).blob(blob, { signal: abort.signal });
    expect((await source.next()).value).toHaveLength(1000);
    const next = source.next();
    abort.abort();
    await expect(next).rejects.toMatchObject({ code: "CANCELLED" });
    await gone;
  });
});

describe("a manifest", () => {
  test("is resolved without fetching it, and with, where HEAD says too little", async () => {
    const resolved = { digest, mediaType: mediaTypes.manifest, size: manifest.length };
    const server = await serve({ "HEAD /v2/app/manifests/v1": reply(200, about) });
    expect(await (await openApp(server)).resolve("v1")).toEqual(resolved);
    for (const head of [reply(405), reply(200), reply(200, { "content-type": "x" })]) {
      const old = await serve({
        "HEAD /v2/app/manifests/v1": head,
        "GET /v2/app/manifests/v1": reply(200, { "content-type": mediaTypes.manifest }, manifest),
      });
      expect(await (await openApp(old)).resolve("v1")).toEqual(resolved);
      expect(old.requests.at(-1)?.headers.accept).toContain(mediaTypes.index);
    }
  });

  test("that is not what its digest says is refused, whatever the registry says of it", async () => {
    const other = digestOf(Buffer.from("other"));
    const server = await serve({
      [`GET /v2/app/manifests/${other}`]: reply(200, { "docker-content-digest": other }, manifest),
      [`HEAD /v2/app/manifests/${other}`]: reply(200, about),
      "GET /v2/app/manifests/v1": reply(200, { "docker-content-digest": other }, manifest),
    });
    const repository = await openApp(server);
    const refused = { code: "DATA_LOSS", message: expect.stringContaining(other) };
    await expect(repository.manifest(other)).rejects.toMatchObject(refused);
    await expect(repository.resolve(other)).rejects.toMatchObject(refused);
    await expect(repository.manifest("v1")).rejects.toMatchObject(refused);
  });

  test("without end is not read to its end", async () => {
    const server = await serve({
      "GET /v2/app/manifests/v1": (_, response) => {
        const more = (): void => {
          if (!response.destroyed) response.write(bytes, more);
        };
        more();
      },
    });
    await expect((await openApp(server)).manifest("v1")).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
    });
  });
});

describe("mirrors", () => {
  test("are asked first, in their order, and the registry when they fail", async () => {
    const down = { host: "127.0.0.1:1" };
    const without = await serve({});
    const whole = await serve({
      "GET /v2/app/manifests/v1": reply(200, described, manifest),
      [`GET ${blobPath}`]: reply(200, {}, bytes),
    });
    const registry = await serve({ "GET /v2/app/manifests/v2": reply(200, described, manifest) });
    const repository = await openApp(registry, { mirrors: [down, without, whole].map(mirror) });
    expect((await repository.manifest("v1")).digest).toBe(digest);
    expect((await read(repository.blob(blob))).equals(bytes)).toBe(true);
    expect(registry.requests).toEqual([]);
    expect(without.requests).toHaveLength(1);
    expect((await repository.manifest("v2")).digest).toBe(digest);
    // What the registry says is what counts.
    await expect(repository.manifest("v3")).rejects.toMatchObject({
      message: `There is no tag v3 of ${registry.host}/app`,
    });
  });

  test("that break off are left for the next, which goes on where they were", async () => {
    const bad = await serve({
      "GET /v2/app/manifests/v1": reply(200, described, manifest),
      [`GET ${blobPath}`]: [broken(200, 0, 100_000), refuse(404, "BLOB_UNKNOWN")],
    });
    const registry = await serve({
      [`GET ${blobPath}`]: reply(206, { "content-range": range(100_000) }, bytes.subarray(100_000)),
    });
    const repository = await openApp(registry, { mirrors: [mirror(bad)] });
    await repository.manifest("v1");
    expect((await read(repository.blob(blob))).equals(bytes)).toBe(true);
    expect(registry.requests.at(-1)?.headers.range).toBe("bytes=100000-");
  });
});

describe("what a registry refuses is said", () => {
  const path = "GET /v2/app/manifests/v1";

  test("a short limit is waited for, a long one told", async () => {
    const server = await serve({
      [path]: [
        refuse(429, "TOOMANYREQUESTS", { "retry-after": "0" }),
        refuse(429, "TOOMANYREQUESTS", { "retry-after": "0" }),
        reply(200, described, manifest),
      ],
      "GET /v2/app/manifests/v2": refuse(429, "TOOMANYREQUESTS", { "retry-after": "600" }),
    });
    const repository = await openApp(server);
    expect((await repository.manifest("v1")).digest).toBe(digest);
    await expect(repository.manifest("v2")).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: expect.stringContaining("limit"),
      details: {
        hint: `Sign in to ${server.host}, or try again in 10 minutes.`,
        output: "HTTP 429 Too Many Requests\nTOOMANYREQUESTS: it is TOOMANYREQUESTS",
      },
    });
  });

  test.each([
    [refuse(401, "UNAUTHORIZED"), "UNAUTHENTICATED", "wants a sign-in for it"],
    [refuse(403, "DENIED"), "PERMISSION_DENIED", "does not allow this"],
    [refuse(404, "NAME_UNKNOWN"), "NOT_FOUND", "has no 127.0.0.1"],
    [refuse(404, "MANIFEST_UNKNOWN"), "NOT_FOUND", "no tag v1 of 127.0.0.1"],
    [reply(404, {}, "<html>"), "NOT_FOUND", "no tag v1 of 127.0.0.1"],
    [reply(500, {}, "it hurts"), "UNAVAILABLE", "can't serve tag v1"],
    [reply(418), "UNKNOWN", "refuses tag v1"],
  ])("with its code and in words %#", async (answer, code, words) => {
    const server = await serve({ [path]: answer });
    await expect((await openApp(server)).manifest("v1")).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
      details: { subject: `${server.host}/app`, output: expect.stringMatching(/^HTTP \d/) },
    });
  });

  test("an overloaded server and a broken connection are tried again", async () => {
    const server = await serve({
      [path]: [
        reply(503, { "retry-after": "0" }),
        (request) => void request.socket.destroy(),
        reply(200, described, manifest),
      ],
    });
    expect((await (await openApp(server)).manifest("v1")).digest).toBe(digest);
    expect(server.requests).toHaveLength(3);
  });

  test("a host that is not there, or has no name", async () => {
    const closed = await startScripted(() => undefined);
    await closed.close();
    const { host } = closed;
    await expect((await openApp({ host })).manifest("v1")).rejects.toMatchObject({
      ...{ code: "UNAVAILABLE", message: `${host} refuses connections` },
      details: { subject: host, hint: expect.any(String) },
    });
    await expect((await openApp({ host: "127.0.0.1:1" })).manifest("v1")).rejects.toMatchObject({
      ...{ code: "FAILED_PRECONDITION", message: expect.stringContaining("has a port that") },
    });
    const nowhere = await openApp({ host: "nowhere.invalid" });
    await expect(nowhere.manifest("v1")).rejects.toMatchObject({
      ...{ code: "UNAVAILABLE", message: expect.stringContaining("nowhere.invalid was not found") },
    });
  });

  test("a sign-in is never sent without TLS to a token server elsewhere", async () => {
    const realm = 'Bearer realm="http://tokens.example/token"';
    const server = await serve({ [path]: refuse(401, "x", { "www-authenticate": realm }) });
    const credentials: Credentials = { kind: "password", username: "u", password: "p" };
    await expect((await openApp(server, {}, credentials)).manifest("v1")).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("without TLS to tokens.example"),
    });
  });
});

test("plain HTTP is for this machine, and where one was told so", async () => {
  const base = async (host: string, security?: RegistryConfig["security"]): Promise<string> => {
    const find = async () => ({ problems: [] });
    return (await Endpoint.open({ config: { host, security }, find })).url("");
  };
  expect(await base("registry.example")).toBe("https://registry.example/v2/");
  expect(await base("docker.io")).toBe("https://registry-1.docker.io/v2/");
  expect(await base("registry.example", "plain-http")).toBe("http://registry.example/v2/");
  expect(await base("127.0.0.1.example")).toBe("https://127.0.0.1.example/v2/");
  const server = await serve({});
  expect(await base(server.host)).toBe(`${server.url}/v2/`);
  expect(await base(server.host, "insecure")).toBe(`${server.url}/v2/`);
  expect(await base(server.host.replace("127.0.0.1", "localhost"))).toMatch(/^http:\/\/localhost:/);
  // What was told is not guessed at.
  expect(await base(server.host, "tls")).toBe(`https://${server.host}/v2/`);
});

test("tags come page by page, by links of either form", async () => {
  const pages = [
    reply(200, { link: '</v2/app/tags/list?n=2&last=b>; rel="next"' }, '{"tags":["a","b"]}'),
    reply(200, { link: "<list?last=c>; rel=next" }, '{"tags":["c"]}'),
    reply(200, {}, '{"name":"app","tags":null}'),
  ];
  const server = await serve({ "GET /v2/app/tags/list": pages });
  const found: string[][] = [];
  for await (const page of (await openApp(server)).tags()) found.push(page);
  expect(found).toEqual([["a", "b"], ["c"], []]);
  expect(server.requests.at(-1)?.url).toBe("/v2/app/tags/list?last=c");
});
