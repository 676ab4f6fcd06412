import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSource, surroundingsOf } from "./source-files.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-source-"));
});
afterEach(() => rm(directory, { recursive: true }));
const write = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text);

test("a directory's compose file, with its override and .env", async () => {
  await write("docker-compose.yml", "older");
  await write("compose.yml", "newer");
  await write("compose.override.yml", "over");
  await write(".env", "A=1");
  expect(await openSource(directory)).toEqual({
    ...{ directory, env: "A=1", profiles: [] },
    files: [
      { name: "compose.yml", text: "newer" },
      { name: "compose.override.yml", text: "over" },
    ],
  });
});

test("a file of another name is taken alone", async () => {
  await write("prod.yaml", "prod");
  await write("compose.override.yaml", "over");
  expect((await openSource(join(directory, "prod.yaml"))).files).toEqual([
    { name: "prod.yaml", text: "prod" },
  ]);
});

test("where there is none, that is said", async () => {
  await expect(openSource(directory)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(openSource(join(directory, "none.yaml"))).rejects.toMatchObject({
    ...{ code: "NOT_FOUND", message: expect.stringContaining("none.yaml can't be read") },
  });
});

test("only files that can be a compose file's are read, and few variables are passed", async () => {
  const { read, environment } = surroundingsOf(directory);
  await mkdir(join(directory, "sub"));
  await write("long", "#".repeat(1024 * 1024 + 1));
  expect(await read(join(directory, "none"))).toBeUndefined();
  await expect(read(join(directory, "sub"))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(read("/dev/zero")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(read(join(directory, "long"))).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  expect(environment["PWD"]).toBe(directory);
  expect(environment["PATH"]).toBeUndefined();
});
