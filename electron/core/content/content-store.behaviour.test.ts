import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ContentStore } from "./content-store.ts";
import { digestOf } from "./digest.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)(isRoot ? "a full disk" : "a full disk (only root can mount one)", () => {
  let disk: string;
  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), "shimyard-full-"));
    await run("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
  });
  afterEach(async () => {
    await run("umount", [disk]);
    await rm(disk, { recursive: true });
  });

  const bytes = randomBytes(8_000_000);
  const expected = { digest: digestOf(bytes), size: bytes.length };

  test("is said, and what was begun can be dropped or kept", async () => {
    const store = await ContentStore.open(join(disk, "content"));
    for (const keep of [false, true]) {
      const writer = await store.ingest(expected);
      const written = async (): Promise<void> => {
        for (let at = 0; at < bytes.length; at += 65_536) {
          await writer.write(bytes.subarray(at, at + 65_536));
        }
      };
      await expect(written()).rejects.toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        message: expect.stringContaining(`${expected.digest} can't be stored`),
        details: { subject: `blob ${expected.digest}`, hint: expect.any(String) },
      });
      await writer.abort({ keep });
      expect(await readdir(join(store.directory, "ingest"))).toHaveLength(keep ? 1 : 0);
    }
    expect(await store.list()).toEqual([]);
    // With room again it goes on where the disk was full.
    await run("mount", ["-o", "remount,size=16m", disk]);
    const writer = await store.ingest(expected);
    expect(writer.offset).toBeGreaterThan(1_000_000);
    await writer.write(bytes.subarray(writer.offset));
    expect(await writer.commit()).toEqual(expected);
  });

  test("lets a document be refused, and leaves nothing of it", async () => {
    const store = await ContentStore.open(join(disk, "content"));
    await expect(store.put(bytes)).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect(await readdir(join(store.directory, "ingest"))).toEqual([]);
    expect(await store.list()).toEqual([]);
  });
});
