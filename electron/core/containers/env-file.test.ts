import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readEnvFile } from "./env-file.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-env-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function written(content: string | Uint8Array): Promise<string> {
  const path = join(directory, "a.env");
  await writeFile(path, content);
  return path;
}

test("lines are taken as docker takes them", async () => {
  const lines = [
    ...["\ufeffA=1", "# no", "", "  B=two words ", 'C="quoted"', "D=", "E", "F=a=b # no comment"],
    "G=crlf\r",
  ];
  expect(await readEnvFile(await written(lines.join("\n")))).toEqual({
    env: ["A=1", "B=two words ", 'C="quoted"', "D=", "F=a=b # no comment", "G=crlf"],
    unset: ["E"],
  });
});

test.each<[string, string | Uint8Array, string]>([
  ["a name with a space", "A=1\nexport B=2", "Line 2 of"],
  ["no name", "=x", "Line 1 of"],
  [
    "bytes that are no text",
    new Uint8Array([0x41, 0x3d, 0x31, 0x0a, 0x42, 0x3d, 0xff]),
    "Line 2 of",
  ],
  ["a zero byte", "A=\0", "Line 1 of"],
])("%s is told with its line", async (_what, content, message) => {
  await expect(readEnvFile(await written(content))).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining(message),
  });
});

test("what is no such file is said to be none", async () => {
  await expect(readEnvFile(join(directory, "none"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(readEnvFile(directory)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(readEnvFile("/dev/zero")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  const large = await written("");
  await truncate(large, 1024 * 1024 + 1);
  await expect(readEnvFile(large)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
