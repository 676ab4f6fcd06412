import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRegularFile, readRegularFile } from "./regular-file.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-regular-"));
});
afterAll(() => rm(directory, { recursive: true }));

test("a file is read, up to its limit", async () => {
  const path = join(directory, "file");
  await writeFile(path, "text");
  expect(await readRegularFile(path, 4)).toBe("text");
  await expect(readRegularFile(path, 3)).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  await expect(openRegularFile(join(directory, "none"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("a pipe that nobody writes to, a directory and a device are refused at once", async () => {
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  for (const path of [pipe, directory, "/dev/zero"]) {
    await expect(openRegularFile(path)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  }
});
