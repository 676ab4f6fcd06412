import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { Store } from "./store.ts";

const Pet = z.object({ name: z.string(), age: z.number().optional() });
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-store-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test.runIf(process.platform === "linux")(
  "its files are not open in a process that is started",
  async () => {
    const store = await Store.open(directory);
    const listed = execFileSync("ls", ["-l", "/proc/self/fd"]).toString();
    await store.close();
    expect(listed).toContain("/proc/");
    expect(listed).not.toContain(directory);
  },
);

describe("a collection", () => {
  test("has what an earlier store was given", async () => {
    const before = await Store.open(directory);
    await before.collection("pets", Pet).put("a", { name: "Ada", age: undefined });
    await before.close();
    const store = await Store.open(directory);
    expect(store.collection("pets", Pet).all()).toEqual({
      records: [{ name: "Ada" }],
      damaged: [],
    });
    await store.close();
  });

  test("reports a record that does not parse, and keeps it", async () => {
    const before = await Store.open(directory);
    await before.collection("pets", Pet).put("good", { name: "Ada" });
    await before.collection("pets", z.unknown()).put("bad", { name: 7 });
    await before.close();
    for (const _ of ["once", "again"]) {
      const store = await Store.open(directory);
      const { records, damaged } = store.collection("pets", Pet).all();
      await store.close();
      expect(records).toEqual([{ name: "Ada" }]);
      expect(damaged).toMatchObject([{ id: "bad", error: { code: "DATA_LOSS" } }]);
    }
  });
});

describe("a damaged file is refused and left as it is", () => {
  const file = () => join(directory, "data.mdb");
  const filled = async (): Promise<void> => {
    const store = await Store.open(directory);
    await store.collection("pets", Pet).put("a", { name: "Ada" });
    await store.close();
  };

  test.each([
    ["cut off", () => truncate(file(), 8192)],
    ["cut off in its first page", () => truncate(file(), 100)],
    ["something else", () => writeFile(file(), "x".repeat(9000))],
    ["zeros", () => writeFile(file(), Buffer.alloc(9000))],
  ])("%s", async (_what, damage) => {
    await filled();
    await damage();
    const before = await readFile(file());
    await expect(Store.open(directory)).rejects.toMatchObject({
      code: "DATA_LOSS",
      details: { hint: expect.stringContaining(file()) },
    });
    expect(await readFile(file())).toEqual(before);
  });

  test("a newer version's", async () => {
    const root = open({ path: directory, noSubdir: false, maxDbs: 16 });
    await root.put("schema", 99);
    await root.close();
    await expect(Store.open(directory)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  });
});
