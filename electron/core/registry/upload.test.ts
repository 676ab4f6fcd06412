import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf } from "../content/digest.ts";
import { openApp, readAll, refuse, reply, serve } from "./registry.stand-in.ts";

const bytes = randomBytes(400_000);
const blob = { digest: digestOf(bytes), size: bytes.length };
const blobPath = `/v2/app/blobs/${blob.digest}`;
const uploads = "/v2/app/blobs/uploads/";

async function withFile(use: (path: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "shimyard-upload-"));
  try {
    await writeFile(join(dir, "blob"), bytes);
    await use(join(dir, "blob"));
  } finally {
    await rm(dir, { recursive: true });
  }
}

test("an upload goes on with what the registry has not got yet", async () => {
  let received = Buffer.alloc(0);
  const server = await serve({
    [`POST ${uploads}`]: reply(202, { location: `${uploads}1?s=0` }),
    [`PATCH ${uploads}1`]: [
      async (request) => {
        const { socket } = request;
        for await (const chunk of request) {
          received = Buffer.concat([received, chunk as Buffer]);
          if (received.length > 100_000) break;
        }
        socket.destroy();
      },
      async (request, response) => {
        received = Buffer.concat([received, await readAll(request)]);
        response.writeHead(202, { location: `${uploads}1?s=2` }).end();
      },
    ],
    [`GET ${uploads}1`]: (_, response) => {
      const headers = { location: `${uploads}1?s=1`, range: `0-${received.length - 1}` };
      response.writeHead(204, headers).end();
    },
    [`PUT ${uploads}1`]: reply(201),
  });
  await withFile(async (path) => (await openApp(server)).uploadBlob(blob, path));
  expect(received.equals(bytes)).toBe(true);
  const asked = server.requests.map(({ method, url }) => `${method} ${url}`);
  const digestInUrl = encodeURIComponent(blob.digest);
  expect(asked).toEqual([
    ...[`HEAD ${blobPath}`, `POST ${uploads}`, `PATCH ${uploads}1?s=0`, `GET ${uploads}1?s=0`],
    ...[`PATCH ${uploads}1?s=1`, `PUT ${uploads}1?s=2&digest=${digestInUrl}`],
  ]);
  const [first, second] = server.requests.filter(({ method }) => method === "PATCH");
  expect(first?.headers["content-length"]).toBe(String(bytes.length));
  expect(second?.headers["content-range"]).toMatch(/^\d{6}-399999$/);
});

test("a blob that is there already, or mounted, is not sent", async () => {
  const server = await serve({
    [`HEAD ${blobPath}`]: reply(200),
    [`POST ${uploads}`]: [
      reply(201),
      reply(202, { location: `${uploads}2` }),
      refuse(403, "DENIED"),
    ],
    [`DELETE ${uploads}2`]: reply(204),
  });
  const repository = await openApp(server);
  await repository.uploadBlob(blob, "/nowhere");
  expect(server.requests).toHaveLength(1);
  expect(await repository.mountBlob(blob.digest, "base")).toBe(true);
  expect(server.requests.at(-1)?.url).toBe(
    `${uploads}?mount=${encodeURIComponent(blob.digest)}&from=base`,
  );
  expect(await repository.mountBlob(blob.digest, "base")).toBe(false);
  expect(server.requests.at(-1)).toMatchObject({ method: "DELETE", url: `${uploads}2` });
  expect(await repository.mountBlob(blob.digest, "base")).toBe(false);
});

test("an upload that is cancelled or fails is taken back", async () => {
  const abort = new AbortController();
  const server = await serve({
    [`POST ${uploads}`]: reply(202, { location: `${uploads}3` }),
    [`PATCH ${uploads}3`]: [() => abort.abort(), refuse(413, "SIZE_INVALID")],
    [`DELETE ${uploads}3`]: reply(204),
  });
  const repository = await openApp(server);
  await withFile(async (path) => {
    const cancelled = repository.uploadBlob(blob, path, { signal: abort.signal });
    await expect(cancelled).rejects.toMatchObject({ code: "CANCELLED" });
    expect(server.requests.at(-1)).toMatchObject({ method: "DELETE" });
    await expect(repository.uploadBlob(blob, path)).rejects.toMatchObject({
      ...{ code: "RESOURCE_EXHAUSTED", message: expect.stringContaining("as large as this") },
    });
    expect(server.requests.filter(({ method }) => method === "DELETE")).toHaveLength(2);
  });
});

test("an upload of a file that is gone says so, and takes back what was begun", async () => {
  const server = await serve({
    [`POST ${uploads}`]: reply(202, { location: `${uploads}4` }),
    [`PATCH ${uploads}4`]: async (request, response) => {
      await readAll(request).catch(() => undefined);
      response.end();
    },
    [`DELETE ${uploads}4`]: reply(204),
  });
  await expect((await openApp(server)).uploadBlob(blob, "/nowhere")).rejects.toMatchObject({
    ...{ code: "NOT_FOUND", message: expect.stringContaining("/nowhere") },
  });
  expect(server.requests.at(-1)).toMatchObject({ method: "DELETE" });
});
