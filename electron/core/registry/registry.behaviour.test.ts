import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startWorker } from "../base/worker.ts";
import { ContentStore } from "../content/content-store.ts";
import { digestOf } from "../content/digest.ts";
import { layerCompression, mediaTypes, parseConfig, parseDocument } from "../content/oci.ts";
import { choosePlatform } from "../content/platform.ts";
import type { Credentials } from "./credentials.ts";
import { parseReference } from "./reference.ts";
import { RegistryClient } from "./registry-client.ts";
import type { RegistryConfig } from "./registry-config.ts";
import type { Repository } from "./repository.ts";
import {
  type Certificate,
  makeCertificate,
  makeImage,
  randomTar,
  startCuttingProxy,
  startRegistry,
  type TestRegistry,
  testUser,
} from "./testing.ts";
import { startTokenServer, type TokenServer } from "./token-server.stand-in.ts";

const run = promisify(execFile);
const signedIn: Credentials = { kind: "password", ...testUser };
let work: string;
let certificate: Certificate;
let store: ContentStore;
let image: Awaited<ReturnType<typeof makeImage>>;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "shimyard-registry-"));
  certificate = await makeCertificate(join(work, "certificate"));
  store = await ContentStore.open(join(work, "content"));
  const tars = [randomTar(3_000_000), randomTar(10), randomTar(100_000)] as const;
  await writeFile(join(work, "tar"), tars[2]);
  await run("zstd", ["-q", join(work, "tar")]);
  const bytes = [gzipSync(tars[0]), tars[1], await readFile(join(work, "tar.zst"))] as const;
  const types = [mediaTypes.layerGzip, mediaTypes.layer, mediaTypes.layerZstd];
  image = await makeImage(
    store,
    tars.map((tar, index) => ({
      ...{ mediaType: types[index] as string, bytes: bytes[index] as Buffer },
      diffId: digestOf(tar),
    })),
  );
});

afterAll(() => rm(work, { recursive: true, force: true }));

function client(credentials?: Credentials, config?: Partial<RegistryConfig>): RegistryClient {
  return new RegistryClient({
    credentials: { find: async () => ({ credentials, problems: [] }) },
    config: (host) => (config ? { host, mirrors: [], ...config } : undefined),
  });
}

async function push(repository: Repository, target: string, of = image): Promise<string> {
  for (const blob of [of.manifest.config, ...of.manifest.layers]) {
    await repository.uploadBlob(blob, store.path(blob.digest));
  }
  return repository.putManifest(target, { ...of, mediaType: mediaTypes.manifest });
}

/** Pulls a whole image into a store of its own, and answers its manifest's digest. */
async function pull(repository: Repository, target: string): Promise<string> {
  const own = await ContentStore.open(join(work, `pulled-${randomBytes(4).toString("hex")}`));
  const resolved = await repository.resolve(target);
  const found = await repository.manifest(resolved.digest);
  expect(found).toMatchObject(resolved);
  const document = parseDocument(found.bytes, found.mediaType);
  if (document.kind !== "manifest") throw new Error("not a manifest");
  const { config, layers } = document.manifest;
  for (const blob of [config, ...layers]) {
    const writer = await own.ingest(blob);
    let size = 0;
    for await (const chunk of writer.through(repository.blob(blob))) size += chunk.length;
    expect(size).toBe(blob.size);
    await writer.commit();
  }
  expect(parseConfig(await own.read(config.digest)).rootfs.diff_ids).toHaveLength(layers.length);
  await own.put(found.bytes);
  expect(new Set((await own.list()).map(({ digest }) => digest))).toEqual(
    new Set([found.digest, config.digest, ...layers.map(({ digest }) => digest)]),
  );
  return found.digest;
}

/** What skopeo, which shares no code with us, finds there. */
async function skopeoDigest(name: string, ...options: string[]): Promise<string> {
  const argv = ["inspect", ...options, "--format", "{{.Digest}}", `docker://${name}`];
  return (await run("skopeo", argv)).stdout.trim();
}

describe("a registry without sign-ins", () => {
  let server: TestRegistry;
  const insecure = ["--tls-verify=false"];
  beforeAll(async () => {
    server = await startRegistry(join(work, "open"));
  });
  afterAll(() => server.close());

  const open = (name: string): Promise<Repository> =>
    client().open(parseReference(`${server.host}/${name}`));

  test("what is pushed is what skopeo sees and what is pulled, of every compression", async () => {
    const repository = await open("app/one");
    const digest = await push(repository, "v1");
    expect(digest).toBe(image.descriptor.digest);
    expect(await skopeoDigest(`${server.host}/app/one:v1`, ...insecure)).toBe(digest);
    expect(await pull(repository, "v1")).toBe(digest);
    expect(await pull(repository, digest)).toBe(digest);
    expect(image.manifest.layers.map(layerCompression)).toEqual(["gzip", "none", "zstd"]);
  });

  test("what skopeo pushes is pulled: Docker's manifests too", async () => {
    // Docker's manifests know no zstd.
    const tar = randomTar(50_000);
    const layer = { mediaType: mediaTypes.layerGzip, bytes: gzipSync(tar), diffId: digestOf(tar) };
    await push(await open("app/source"), "v1", await makeImage(store, [layer]));
    const to = `docker://${server.host}/app/docker:v2`;
    await run("skopeo", [
      ...["copy", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false"],
      ...["--format", "v2s2", `docker://${server.host}/app/source:v1`, to],
    ]);
    const repository = await open("app/docker");
    const resolved = await repository.resolve("v2");
    expect(resolved.mediaType).toBe(mediaTypes.dockerManifest);
    expect(await pull(repository, "v2")).toBe(
      await skopeoDigest(`${server.host}/app/docker:v2`, ...insecure),
    );
  });

  test("an index is kept as it is, and this host's platform is found in it", async () => {
    const repository = await open("app/many");
    await push(repository, image.descriptor.digest);
    const index = {
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [{ ...image.descriptor, platform: { os: "linux", architecture: "amd64" } }],
    };
    const bytes = Buffer.from(JSON.stringify(index));
    const digest = await repository.putManifest("all", { bytes, mediaType: mediaTypes.index });
    const found = await repository.manifest("all");
    expect(found.digest).toBe(digest);
    const document = parseDocument(found.bytes, found.mediaType);
    if (document.kind !== "index") throw new Error("not an index");
    const chosen = choosePlatform(document.index, { os: "linux", architecture: "amd64" });
    expect(chosen.digest).toBe(image.descriptor.digest);
  });

  test("blobs are mounted from another repository instead of sent again", async () => {
    await push(await open("mount/from"), "v1");
    const to = await open("mount/to");
    const [layer] = image.manifest.layers;
    const { digest } = layer as (typeof image.manifest.layers)[0];
    expect(await to.hasBlob(digest)).toBe(false);
    expect(await to.mountBlob(digest, "mount/nothing")).toBe(false);
    expect(await to.mountBlob(digest, "mount/from")).toBe(true);
    expect(await to.hasBlob(digest)).toBe(true);
  });

  test("tags are listed", async () => {
    const repository = await open("app/tags");
    await push(repository, "a");
    await push(repository, "b");
    const tags: string[] = [];
    for await (const page of repository.tags()) tags.push(...page);
    expect(tags.sort()).toEqual(["a", "b"]);
  });

  test("what is not there is said", async () => {
    const repository = await open("app/one");
    await push(repository, "v1");
    await expect(repository.resolve("v9")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("no tag v9 of"),
    });
    await expect((await open("no/such")).manifest("v1")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining(`${server.host}/no/such`),
      details: { output: expect.stringContaining("404") },
    });
    const tags = (await open("no/such")).tags();
    await expect(tags.next()).rejects.toMatchObject({ code: "NOT_FOUND" });
    const missing = { digest: digestOf(Buffer.from("nothing")), size: 7 };
    await expect(repository.blob(missing).next()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a push whose connection breaks begins anew, as this registry forgets what it had", async () => {
    const blob = await store.put(randomBytes(4_000_000));
    const proxy = await startCuttingProxy(server.host, {
      ...{ after: 1_500_000, direction: "up", times: 2 },
    });
    onTestFinished(() => proxy.close());
    const repository = await client().open(parseReference(`${proxy.host}/broken/push`));
    await repository.uploadBlob(blob, store.path(blob.digest));
    expect(proxy.cuts).toBe(2);
    const direct = await open("broken/push");
    const back: Uint8Array[] = [];
    for await (const chunk of direct.blob(blob)) back.push(chunk);
    expect(digestOf(Buffer.concat(back))).toBe(blob.digest);
  });

  test("a pull whose connection breaks goes on where it broke, in a thread as well", async () => {
    const blob = await store.put(randomBytes(4_000_000));
    await (await open("broken/pull")).uploadBlob(blob, store.path(blob.digest));
    const proxy = await startCuttingProxy(server.host, {
      ...{ after: 1_500_000, direction: "down", times: 2 },
    });
    onTestFinished(() => proxy.close());
    const repository = await client().open(parseReference(`${proxy.host}/broken/pull`));
    const directory = join(work, "thread");
    await ContentStore.open(directory);
    const worker = startWorker("fetch-blob.test", {
      workerData: { directory, request: await repository.blobRequest(blob) },
    });
    onTestFinished(async () => void (await worker.terminate()));
    expect(await once(worker, "message")).toEqual([{ digest: blob.digest, size: blob.size }]);
    expect(proxy.cuts).toBe(2);
    const pulled = await ContentStore.open(directory);
    expect(digestOf(await readFile(pulled.path(blob.digest)))).toBe(blob.digest);
  });

  test("a ping says that nobody need sign in", async () => {
    expect(await client().ping(server.host)).toEqual({
      ...{ secure: false, auth: "none", signIn: "none" },
    });
  });
});

describe("a registry with user names and passwords", () => {
  let server: TestRegistry;
  beforeAll(async () => {
    server = await startRegistry(join(work, "basic"), { htpasswd: true });
  });
  afterAll(() => server.close());

  test("lets in who is signed in, and nobody else", async () => {
    const reference = parseReference(`${server.host}/private/app:v1`);
    const repository = await client(signedIn).open(reference);
    const digest = await push(repository, "v1");
    expect(await pull(repository, "v1")).toBe(digest);
    const { username, password } = testUser;
    const options = ["--tls-verify=false", "--creds", `${username}:${password}`];
    expect(await skopeoDigest(`${server.host}/private/app:v1`, ...options)).toBe(digest);

    await expect((await client().open(reference)).resolve("v1")).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      details: { hint: expect.stringContaining("sign in") },
    });
    const wrong: Credentials = { kind: "password", username, password: "wrong" };
    await expect((await client(wrong).open(reference)).resolve("v1")).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      message: expect.stringContaining("does not accept this sign-in"),
    });
    expect(await client(signedIn).ping(server.host)).toMatchObject({
      ...{ auth: "basic", signIn: "accepted" },
    });
    expect(await client().ping(server.host, { credentials: wrong })).toMatchObject({
      ...{ auth: "basic", signIn: "refused", refusal: { code: "UNAUTHENTICATED" } },
    });
    expect(await client().ping(server.host)).toMatchObject({ auth: "basic", signIn: "none" });
  });
});

describe("a registry with a token server", () => {
  let server: TestRegistry;
  let tokens: TokenServer;
  beforeAll(async () => {
    tokens = await startTokenServer(certificate);
    server = await startRegistry(join(work, "token"), {
      token: { realm: `${tokens.url}/token`, certificate },
    });
  });
  afterAll(async () => {
    await server.close();
    await tokens.close();
  });

  test("gets one token for each kind of access", async () => {
    const repository = await client(signedIn).open(parseReference(`${server.host}/team/app`));
    const before = tokens.requests.length;
    const digest = await push(repository, "v1");
    expect(await pull(repository, "v1")).toBe(digest);
    expect(tokens.requests.length - before).toBe(2);
  });

  test("shares a token among those who need it at once", async () => {
    const repository = await client(signedIn).open(parseReference(`${server.host}/team/app`));
    const before = tokens.requests.length;
    await push(repository, "v1");
    await Promise.all(Array.from({ length: 8 }, () => repository.resolve("v1")));
    expect(tokens.requests.length - before).toBe(2);
  });

  test("takes a refresh token, as after signing in through a browser", async () => {
    const credentials: Credentials = { kind: "identity-token", token: "refresh" };
    const repository = await client(credentials).open(parseReference(`${server.host}/team/two`));
    expect(await push(repository, "v1")).toBe(image.descriptor.digest);
    expect(tokens.requests.at(-1)).toMatchObject({ method: "POST" });
  });

  test("lets everybody pull what is public, and says what is not", async () => {
    const open = parseReference(`${server.host}/public/app`);
    const digest = await push(await client(signedIn).open(open), "v1");
    expect(await pull(await client().open(open), "v1")).toBe(digest);
    await expect(push(await client().open(open), "v2")).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
    });
    const closed = parseReference(`${server.host}/team/app`);
    await expect((await client().open(closed)).resolve("v1")).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      message: expect.stringContaining("wants a sign-in"),
    });
    const wrong: Credentials = { kind: "password", username: "x", password: "y" };
    await expect((await client(wrong).open(open)).resolve("v1")).rejects.toMatchObject({
      ...{
        code: "UNAUTHENTICATED",
        details: { output: expect.stringContaining("wrong password") },
      },
    });
    expect(await client(signedIn).ping(server.host)).toMatchObject({
      ...{ auth: "bearer", signIn: "accepted" },
    });
    expect(await client(wrong).ping(server.host)).toMatchObject({ signIn: "refused" });
  });
});

describe("a registry with TLS", () => {
  let server: TestRegistry;
  beforeAll(async () => {
    server = await startRegistry(join(work, "tls"), { tls: certificate });
  });
  afterAll(() => server.close());

  test("is trusted with its authority's file, or when told so, and else not", async () => {
    const reference = parseReference(`${server.host}/app`);
    const trusting = client(undefined, { caFile: certificate.certificate });
    const repository = await trusting.open(reference);
    const digest = await push(repository, "v1");
    expect(await pull(repository, "v1")).toBe(digest);
    expect(await skopeoDigest(`${server.host}/app:v1`, "--tls-verify=false")).toBe(digest);
    expect(await trusting.ping(server.host)).toMatchObject({ secure: true });

    await expect((await client().open(reference)).resolve("v1")).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("certificate"),
      details: { hint: expect.stringContaining("settings") },
    });
    for (const security of ["unverified-tls", "insecure"] as const) {
      const careless = client(undefined, { security });
      expect(await pull(await careless.open(reference), "v1")).toBe(digest);
      expect(await careless.ping(server.host)).toMatchObject({ secure: false });
    }
    const dir = join(work, "certs.d");
    await mkdir(join(dir, server.host), { recursive: true });
    await copyFile(certificate.certificate, join(dir, server.host, "ca.crt"));
    const asPodman = new RegistryClient({
      credentials: { find: async () => ({ problems: [] }) },
      config: () => undefined,
      certificateDirs: [join(work, "nowhere"), dir],
    });
    expect(await pull(await asPodman.open(reference), "v1")).toBe(digest);
    const gone = client(undefined, { caFile: join(work, "gone.pem") });
    await expect(gone.open(reference)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
