import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SealedProgram } from "./sealed-program.ts";

let directory: string;
let program: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-sealed-"));
  program = join(directory, "echo");
  await copyFile("/bin/echo", program);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe.runIf(process.platform === "linux")("a sealed program", () => {
  test("is the program itself at first, then a copy that runs and that nobody can change", async () => {
    const sealed = new SealedProgram(program);
    expect(sealed.path).toBe(program);
    await vi.waitFor(() => expect(sealed.path).toMatch(`/proc/${process.pid}/fd/`));
    expect(execFileSync(sealed.path, ["a b"]).toString()).toBe("a b\n");
    const file = await open(sealed.path, "r+");
    await expect(file.write("x")).rejects.toThrow(/EPERM/);
    await file.close();
  });

  test("is the new one once the program was replaced", async () => {
    const sealed = new SealedProgram(program);
    await vi.waitFor(() => expect(sealed.path).not.toBe(program));
    const before = sealed.path;
    await copyFile("/bin/printf", join(directory, "new"));
    await rename(join(directory, "new"), program);
    expect(sealed.path).toBe(program);
    await vi.waitFor(() => expect(sealed.path).not.toBe(program));
    expect(sealed.path).not.toBe(before);
    expect(execFileSync(sealed.path, ["%s!", "x"]).toString()).toBe("x!");
  });

  test("is the program's own path where it can't be had", async () => {
    const gone = new SealedProgram(join(directory, "gone"));
    expect(gone.path).toBe(join(directory, "gone"));
  });
});
