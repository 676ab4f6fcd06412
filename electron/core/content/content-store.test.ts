import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ContentStore } from "./content-store.ts";
import { digestOf, splitDigest } from "./digest.ts";
import type { Ingest } from "./ingest.ts";

let dir: string;
let store: ContentStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-content-"));
  store = await ContentStore.open(dir);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const bytes = randomBytes(3_000_000);
const digest = digestOf(bytes);
const size = bytes.length;
const ingesting = (): Promise<string[]> => readdir(join(dir, "ingest"));

async function* inChunks(data: Uint8Array, chunk = 65_536): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < data.length; at += chunk) yield data.subarray(at, at + chunk);
}

/** All that `through` yields for a source that begins where the ingest wants it to. */
async function passThrough(writer: Ingest, source = bytes): Promise<Buffer> {
  const passed: Uint8Array[] = [];
  const rest = inChunks(source.subarray(writer.offset));
  for await (const chunk of writer.through(rest)) passed.push(chunk);
  return Buffer.concat(passed);
}

test("is an OCI image layout, and opens again", async () => {
  expect(JSON.parse(await readFile(join(dir, "oci-layout"), "utf8"))).toEqual({
    imageLayoutVersion: "1.0.0",
  });
  const stored = await store.put(bytes);
  expect(stored).toEqual({ digest: `sha256:${sha256(bytes)}`, size });
  expect(store.path(digest)).toBe(join(dir, "blobs/sha256", sha256(bytes)));
  const again = await ContentStore.open(dir);
  expect(await again.stat(digest)).toBe(size);
  expect(await again.list()).toEqual([{ digest, size, storedAt: expect.any(Number) }]);
  expect(await ingesting()).toEqual([]);
});

test("refuses a layout of another version, and does not touch it", async () => {
  await writeFile(join(dir, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
  await expect(ContentStore.open(dir)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
});

describe("reading", () => {
  test("verifies, and says what is missing, damaged or too long", async () => {
    await store.put(Buffer.from("{}"));
    const small = digestOf(Buffer.from("{}"));
    expect((await store.read(small)).toString()).toBe("{}");
    await expect(store.read(small, { limit: 1 })).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
    });
    await writeFile(store.path(small), "[]");
    await expect(store.read(small)).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringContaining(digestOf(Buffer.from("[]"))),
    });
    await expect(store.read(digest)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("knows sha512", async () => {
    const wide = `sha512:${createHash("sha512").update(bytes).digest("hex")}`;
    const writer = await store.ingest({ digest: wide, size });
    await passThrough(writer);
    expect(await writer.commit()).toEqual({ digest: wide, size });
    expect(digestOf(await store.read(wide))).toBe(digest);
    expect((await store.list()).map((blob) => blob.digest)).toEqual([wide]);
  });

  test.each(["sha256:../../../etc/passwd", "sha256:ABC", "md5:00", "latest", ""])(
    "takes %j for no digest",
    (text) => {
      expect(() => store.path(text)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
      expect(() => splitDigest(text)).toThrow("is not a digest");
    },
  );
});

describe("an ingest", () => {
  test("passes all bytes on while it stores them", async () => {
    const writer = await store.ingest({ digest, size });
    expect(writer.offset).toBe(0);
    expect((await passThrough(writer)).equals(bytes)).toBe(true);
    expect(await store.stat(digest)).toBeUndefined();
    await writer.commit();
    await writer.abort({ keep: true });
    expect((await readFile(store.path(digest))).equals(bytes)).toBe(true);
    expect((await stat(store.path(digest))).mode & 0o777).toBe(0o600);
    expect(await ingesting()).toEqual([]);
  });

  test("that was broken off goes on where it was, and passes on what was there", async () => {
    const first = await store.ingest({ digest, size });
    await first.write(bytes.subarray(0, 1_500_001));
    await first.abort({ keep: true });
    const second = await store.ingest({ digest, size });
    expect(second.offset).toBe(1_500_001);
    expect((await passThrough(second)).equals(bytes)).toBe(true);
    await second.commit();
    expect(await store.stat(digest)).toBe(size);
  });

  test("that was broken off and not passed through is hashed all the same", async () => {
    const first = await store.ingest({ digest, size });
    await first.write(bytes.subarray(0, 10));
    await first.abort({ keep: true });
    const second = await store.ingest({ digest, size });
    await second.write(bytes.subarray(10));
    expect(await second.commit()).toEqual({ digest, size });
    // All was there already.
    const third = await store.ingest({ digest, size });
    await third.write(bytes);
    await third.abort({ keep: true });
    const fourth = await store.ingest({ digest, size });
    expect(fourth.offset).toBe(size);
    expect(await fourth.commit()).toEqual({ digest, size });
  });

  test("of wrong bytes leaves nothing", async () => {
    const wrong = await store.ingest({ digest, size });
    await passThrough(wrong, Buffer.concat([bytes.subarray(1), bytes.subarray(0, 1)]));
    await expect(wrong.commit()).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringMatching(/^sha256:\w+ is not what it should be: what came is sha256:/),
    });
    const short = await store.ingest({ digest, size });
    await short.write(bytes.subarray(0, 5));
    await expect(short.commit()).rejects.toThrow(`${size} bytes were expected, 5 came`);
    const long = await store.ingest({ digest, size });
    await long.write(bytes);
    await expect(long.write(Buffer.from("x"))).rejects.toMatchObject({ code: "DATA_LOSS" });
    await long.abort({ keep: false });
    expect(await store.list()).toEqual([]);
    expect(await ingesting()).toEqual([]);
  });

  test("whose beginning was damaged is refused once, and fine the next time", async () => {
    const first = await store.ingest({ digest, size });
    await first.write(randomBytes(1000));
    await first.abort({ keep: true });
    const second = await store.ingest({ digest, size });
    await passThrough(second);
    await expect(second.commit()).rejects.toMatchObject({ code: "DATA_LOSS" });
    const third = await store.ingest({ digest, size });
    expect(third.offset).toBe(0);
    await passThrough(third);
    expect(await third.commit()).toEqual({ digest, size });
  });

  test("without a digest is stored under what it turns out to be", async () => {
    const writer = await store.ingest();
    await passThrough(writer);
    expect(await writer.commit()).toEqual({ digest, size });
    const dropped = await store.ingest();
    await dropped.write(bytes);
    await dropped.abort({ keep: true });
    expect(await ingesting()).toEqual([]);
  });

  test("of the same blob by several at once is harmless", async () => {
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const writer = await store.ingest({ digest, size });
        await passThrough(writer);
        if (index % 3 === 0) await writer.abort({ keep: true });
        else await writer.commit();
      }),
    );
    expect((await readFile(store.path(digest))).equals(bytes)).toBe(true);
  });
});

test("what a crash broke off can be resumed, and what nobody came back for is removed", async () => {
  const crashed = await store.ingest({ digest, size });
  for await (const chunk of inChunks(bytes.subarray(0, 2_900_000))) await crashed.write(chunk);
  const nameless = await store.ingest();
  await nameless.write(bytes);
  const other = digestOf(Buffer.from("old"));
  const old = await store.ingest({ digest: other });
  await old.write(Buffer.from("o"));
  await old.abort({ keep: true });
  const path = join(dir, "ingest", `${splitDigest(other).hex}.partial`);
  await utimes(path, new Date(0), new Date(0));
  // The next start: nothing of this one is known to it.
  const next = await ContentStore.open(dir);
  await next.tidy();
  expect(await ingesting()).toEqual([`${splitDigest(digest).hex}.partial`]);
  const resumed = await next.ingest({ digest, size });
  // The last MiB or two were still in memory.
  expect(resumed.offset).toBeGreaterThan(0);
  expect((await passThrough(resumed)).equals(bytes)).toBe(true);
  await resumed.commit();
  await crashed.abort({ keep: false });
  await nameless.abort({ keep: false });
  expect(await ingesting()).toEqual([]);
});

test("what is removed is gone, and removing it again is nothing", async () => {
  await store.put(bytes);
  expect(await store.touch(digest)).toBe(true);
  await store.remove(digest);
  await store.remove(digest);
  expect(await store.stat(digest)).toBeUndefined();
  expect(await store.touch(digest)).toBe(false);
});

const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
