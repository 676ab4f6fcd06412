import { fork } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from "vitest";
import type { Transfer } from "#shared/contract/images";
import { workerUrl } from "../base/worker.ts";
import { digestOf } from "../content/digest.ts";
import {
  makeCertificate,
  startCuttingProxy,
  startRegistry,
  type TestRegistry,
  testUser,
} from "../registry/testing.ts";
import { openTestCore, type TestCore } from "./test-core.ts";
import { pushed, skopeo, startSlowProxy, type TestImage, TestImages } from "./test-images.ts";

/** Bytes of the layer that takes a while, before it is compressed. */
const big = 12_000_000;
/** Bytes that have come of it before a pull is broken off, and fewer: those that sockets may hold just then. */
const enough = 5_000_000;
const underWay = 3_000_000;
let t: TestCore;
let registry: TestRegistry;
let images: TestImages;
let image: TestImage;
let other: TestImage;

beforeAll(async () => {
  t = await openTestCore();
  registry = await startRegistry(join(t.dir, "registry"));
  images = new TestImages(join(t.dir, "images"));
  image = await images.make({ random: big });
  other = await images.make({ random: 1000, marker: "other" });
  await pushed(image, registry.host, "team/app:1");
  await pushed(other, registry.host, "team/other:1");
});
beforeEach(() => expect(t.core.images.list()).toEqual([]));
afterEach(async () => {
  for (const { id } of await t.core.containers.list()) await t.core.containers.delete(id, true);
  await t.core.images.prune("unused");
  await t.core.close();
  await t.reopen();
  // Parts that a next try could have used.
  await t.core.images.prune("unused");
});
afterAll(async () => {
  await registry.close();
  await t.close();
});

/** What a transfer told, until it ended. */
async function followed(reference: string): Promise<Transfer[]> {
  const abort = new AbortController();
  const seen: Transfer[] = [];
  for await (const { put } of t.core.transfers.watch(abort.signal)) {
    const found = put.find((transfer) => transfer.reference === reference && transfer.id !== "");
    if (!found) continue;
    seen.push(found);
    if (found.status !== "running") break;
  }
  abort.abort();
  return seen;
}

const sizeOf = (transfer: Transfer | undefined): number =>
  (transfer?.layers ?? []).reduce((sum, { size }) => sum + size, 0);

/** Resolves when bytes of a layer have come. */
async function moving(reference: string): Promise<Transfer> {
  const abort = new AbortController();
  for await (const { put } of t.core.transfers.watch(abort.signal)) {
    const found = put.find(
      (transfer) =>
        transfer.reference === reference &&
        transfer.status === "running" &&
        transfer.layers.some(({ state, done }) => state === "moving" && done > enough),
    );
    if (!found) continue;
    abort.abort();
    return found;
  }
  throw new Error("it ended before");
}

describe("a pull", () => {
  test("brings an image that runs as it is, and tells how it goes", async () => {
    const reference = `${registry.host}/team/app:1`;
    const transfer = followed(reference);
    const pulled = await t.core.transfers.pull(reference);
    expect(pulled).toMatchObject({
      ...{ id: image.id, digest: image.digest, names: [reference], source: "pull", layers: 3 },
      config: { cmd: ["/bin/true"], entrypoint: [] },
    });
    expect((await transfer).at(-1)).toMatchObject({ status: "done", imageId: image.id });
    for (const layer of (await transfer).at(-1)?.layers ?? []) {
      expect(layer).toMatchObject({ state: "done", done: layer.size });
    }
    expect(
      await t.run(pulled.id, ["sh", "-c", "cat /etc/marker; cd /etc; echo [!hr]*"]),
    ).toMatchObject({
      ...{ code: 0, output: "markedmarker" },
    });
    const { manifest, history } = await t.core.images.detail(pulled.id);
    expect(JSON.parse(manifest)).toMatchObject({ schemaVersion: 2 });
    expect(history).toHaveLength(3);
    await t.requireTidy();
    // Once more, nothing has to be fetched.
    const again = followed(reference);
    await t.core.transfers.pull(reference);
    expect((await again).at(-1)?.layers.map(({ state }) => state)).toEqual(Array(3).fill("there"));
  });

  test("finds an image in an index in an index, though none says what it is for", async () => {
    const put = async (tag: string, manifests: object[]): Promise<object> => {
      const mediaType = "application/vnd.oci.image.index.v1+json";
      const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
      const url = `http://${registry.host}/v2/team/app/manifests/${tag}`;
      const headers = { "content-type": mediaType };
      const { status } = await fetch(url, { method: "PUT", body, headers });
      expect(status).toBe(201);
      return { mediaType, digest: digestOf(Buffer.from(body)), size: body.length };
    };
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const url = `http://${registry.host}/v2/team/app/manifests/${image.digest}`;
    const { length: size } = await (await fetch(url, { headers: { accept: mediaType } })).text();
    const inner = await put("inner", [{ mediaType, digest: image.digest, size }]);
    await put("outer", [inner]);
    const reference = `${registry.host}/team/app:outer`;
    expect(await t.core.transfers.pull(reference)).toMatchObject({ id: image.id });
    await expect(t.core.transfers.pull(reference, "linux/arm64")).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("shares the layers that another image has", async () => {
    const [a, b] = await Promise.all([
      t.core.transfers.pull(`${registry.host}/team/app:1`),
      t.core.transfers.pull(`${registry.host}/team/other:1`),
    ]);
    const { history } = await t.core.images.detail(b.id);
    expect(history[0]?.layer?.sharedWith).toEqual(a.names);
    expect(t.core.images.get(b.id).own).toBeLessThan(history[0]?.layer?.size as number);
    const { frees, images: all } = t.core.images.previewDelete([a.id, b.id]);
    expect(frees).toBeGreaterThan(all.reduce((sum, one) => sum + one.frees, 0));
    await t.core.images.delete(a.id);
    expect(t.core.images.get(b.id).own).toBe(t.core.images.get(b.id).size);
    expect((await t.run(b.id, ["cat", "/etc/marker"])).output).toBe("other");
    await t.requireTidy();
  });

  test("twice at once fetches each layer once", async () => {
    const slow = await startSlowProxy(registry.host, 5);
    onTestFinished(() => slow.close());
    const pulls = [1, 2, 3].map(() => t.core.transfers.pull(`${slow.host}/team/app:1`));
    const ids = (await Promise.all(pulls)).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set([image.id]));
    expect(slow.passed).toBeLessThan(2 * big);
    await t.requireTidy();
  });

  test("goes on where its connection was cut", async () => {
    const proxy = await startCuttingProxy(registry.host, {
      ...{ after: 2_000_000, direction: "down", times: 3 },
    });
    onTestFinished(() => proxy.close());
    expect((await t.core.transfers.pull(`${proxy.host}/team/app:1`)).id).toBe(image.id);
    expect(proxy.cuts).toBeGreaterThan(0);
    await t.requireTidy();
  });

  test("that is cancelled leaves no image, and the next one takes up what came", async () => {
    const slow = await startSlowProxy(registry.host, 10);
    onTestFinished(() => slow.close());
    const reference = `${slow.host}/team/app:1`;
    const pull = t.core.transfers.pull(reference);
    const { id } = await moving(reference);
    t.core.operations.cancel(id);
    await expect(pull).rejects.toMatchObject({ code: "CANCELLED" });
    expect((await followed(reference)).at(-1)?.status).toBe("cancelled");
    expect(t.core.images.list()).toEqual([]);
    slow.pause = 0;
    const next = followed(reference);
    await t.core.transfers.pull(reference);
    expect(slow.passed).toBeLessThan(sizeOf((await next).at(-1)) + underWay);
    await t.requireTidy();
  });

  test("of which one of two is cancelled goes on for the other", async () => {
    const slow = await startSlowProxy(registry.host, 10);
    onTestFinished(() => slow.close());
    const first = t.core.transfers.pull(`${slow.host}/team/app:1`);
    const second = t.core.transfers.pull(`localhost:${slow.host.split(":")[1]}/team/app:1`);
    t.core.operations.cancel((await moving(`${slow.host}/team/app:1`)).id);
    await expect(first).rejects.toMatchObject({ code: "CANCELLED" });
    slow.pause = 0;
    expect((await second).id).toBe(image.id);
    await t.requireTidy();
  });

  test("survives deletions and collections around it", async () => {
    const { transfers, images: service } = t.core;
    for (let round = 0; round < 5; round += 1) {
      const a = await transfers.pull(`${registry.host}/team/app:1`);
      const [b] = await Promise.all([
        transfers.pull(`${registry.host}/team/other:1`),
        service.delete(a.id),
        service.prune("unnamed"),
      ]);
      expect(await t.run(b.id, ["cat", "/etc/marker"])).toMatchObject({ output: "other" });
      for (const { id } of await t.core.containers.list()) await t.core.containers.delete(id, true);
      await Promise.all([transfers.pull(`${registry.host}/team/app:1`), service.delete(b.id)]);
      expect((await t.run(a.id, ["true"])).code).toBe(0);
      for (const { id } of await t.core.containers.list()) await t.core.containers.delete(id, true);
      await service.delete(a.id);
    }
    await t.requireTidy();
  });

  test("is cut off by kill -9 without a trace in the list, and resumed by the next manager", async () => {
    const slow = await startSlowProxy(registry.host, 10);
    onTestFinished(() => slow.close());
    const reference = `${slow.host}/team/app:1`;
    await t.core.close();
    const program = fileURLToPath(
      workerUrl("manager.test", new URL("../base/x.ts", import.meta.url).href),
    );
    const child = fork(program, [join(t.dir, "root"), "0", `pull:${reference}`], { execArgv: [] });
    const gone = once(child, "exit");
    await once(child, "message");
    child.kill("SIGKILL");
    await gone;
    await t.reopen();
    expect(t.core.images.list()).toEqual([]);
    slow.pause = 0;
    const next = followed(reference);
    expect((await t.core.transfers.pull(reference)).id).toBe(image.id);
    expect(slow.passed).toBeLessThan(sizeOf((await next).at(-1)) + underWay);
    expect((await t.run(image.id, ["true"])).code).toBe(0);
    await t.requireTidy();
  });

  test("says what is wrong", async () => {
    const { transfers } = t.core;
    await expect(transfers.pull(`${registry.host}/team/app:no`)).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(transfers.pull("Not A Name")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(
      transfers.pull(`${registry.host}/team/app:1`, "linux/s390x"),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
    const nobody = createServer().listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const { port } = nobody.address() as AddressInfo;
    nobody.close();
    await expect(transfers.pull(`127.0.0.1:${port}/x:1`)).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    expect(t.core.images.list()).toEqual([]);
  });

  test("by digest gets that image and keeps the digest as its name", async () => {
    const reference = `${registry.host}/team/app@${image.digest}`;
    expect(await t.core.transfers.pull(reference)).toMatchObject({
      id: image.id,
      names: [reference],
    });
    expect(await t.core.transfers.platforms(reference)).toEqual(["linux/amd64"]);
  });
});

test("suggests names that are here, then tags of the registry", async () => {
  const { transfers } = t.core;
  await transfers.pull(`${registry.host}/team/app:1`);
  expect(await transfers.suggest(`${registry.host}/te`)).toEqual([`${registry.host}/team/app:1`]);
  expect(await transfers.suggest(`${registry.host}/team/other:`)).toEqual([
    `${registry.host}/team/other:1`,
  ]);
});

test("a push goes round: the same digest comes back", async () => {
  const { transfers, images: service } = t.core;
  const pulled = await transfers.pull(`${registry.host}/team/app:1`);
  const name = `${registry.host}/copies/app:2`;
  await service.tag(pulled.id, name);
  const transfer = followed(name);
  expect(await transfers.push(name)).toEqual({ digest: image.digest });
  // The registry has its blobs already, in another repository.
  expect((await transfer).at(-1)?.layers.map(({ state }) => state)).toEqual(Array(3).fill("there"));
  const seen = JSON.parse(await skopeo("inspect", "--tls-verify=false", `docker://${name}`));
  expect(seen.Digest).toBe(image.digest);
  const starter = await service.ensureStarter();
  const pushedName = `${registry.host}/new/busybox:1`;
  await service.tag(starter.id, pushedName);
  await transfers.push(pushedName);
  await service.delete(starter.id);
  const back = await transfers.pull(pushedName);
  expect(back).toMatchObject({ id: starter.id, digest: starter.digest });
  expect((await t.run(back.id, ["id", "-un"])).output).toBe("root");
  await expect(transfers.push("nobody:1")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a registry that wants to know who asks, over TLS of its own authority", async () => {
  const { registries, transfers } = t.core;
  const certificate = await makeCertificate(join(t.dir, "certificate"));
  const closed = await startRegistry(join(t.dir, "closed"), { htpasswd: true, tls: certificate });
  onTestFinished(() => closed.close());
  const { host } = closed;
  await skopeo(
    ...[
      "copy",
      "--dest-tls-verify=false",
      "--dest-creds",
      `${testUser.username}:${testUser.password}`,
    ],
    ...[other.layout, `docker://${host}/app:1`],
  );
  expect(await registries.test(host)).toMatchObject({ ok: false });
  await registries.put({ host, mirrors: [], insecure: false, ca: certificate.certificate });
  expect(await registries.test(host)).toMatchObject({ ok: true, needsSignIn: true });
  await expect(transfers.pull(`${host}/app:1`)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  const user = testUser.username;
  await expect(registries.signIn({ host, user, password: "wrong" })).rejects.toMatchObject({
    code: "UNAUTHENTICATED",
  });
  await registries.signIn({ host, user, password: testUser.password });
  const abort = new AbortController();
  const rows = (await registries.watch(abort.signal).next()).value;
  abort.abort();
  expect(rows?.put.find(({ id }) => id === host)).toMatchObject({
    own: true,
    user,
    credentials: "file",
  });
  expect(await registries.test(host)).toMatchObject({ ok: true, user });
  expect((await transfers.pull(`${host}/app:1`)).id).toBe(other.id);
  await registries.signOut(host);
  await expect(transfers.pull(`${host}/app:1`)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  await registries.put({ host, mirrors: [], insecure: true });
  await registries.signIn({ host, user, password: testUser.password });
  await transfers.pull(`${host}/app:1`);
  await registries.remove(host);
  expect(await readdir(join(t.paths.data, "work")).catch(() => [])).toEqual([]);
});
