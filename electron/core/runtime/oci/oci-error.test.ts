import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AppError } from "#shared/errors";
import { criuError, criuErrors } from "./checkpoint.ts";
import { ociError, runtimeWords } from "./oci-error.ts";

const json = (level: string, msg: string): string => JSON.stringify({ level, msg, time: "now" });

// Words of runc 1.1.5 and crun 1.8.1, as they logged them.
test.each([
  [
    'runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH',
    "NOT_FOUND",
    'Container "a" could not be created: exec: "nope": executable file not found in $PATH',
  ],
  [
    "executable file `nope` not found in $PATH: No such file or directory",
    "NOT_FOUND",
    'Container "a" could not be created: executable file `nope` not found in $PATH: No such file or directory',
  ],
  ["container does not exist", "NOT_FOUND", undefined],
  ['container "a" already exists', "ALREADY_EXISTS", undefined],
  ["container not running", "FAILED_PRECONDITION", undefined],
  ["unknown command checkpoint", "UNIMPLEMENTED", undefined],
  [
    "unable to set memory limit to 4096 (current usage: 90112, peak usage: 200000)",
    "FAILED_PRECONDITION",
    undefined,
  ],
  ["mkdir /x: no space left on device", "RESOURCE_EXHAUSTED", undefined],
  ["something new", "UNKNOWN", 'Container "a" could not be created: something new'],
])("%s", (words, code, message) => {
  const error = ociError('Container "a" could not be created', json("error", words));
  expect(error.code).toBe(code);
  expect(error.details.output).toBe(words);
  if (message) expect(error.message).toBe(message);
});

test("errors are told from warnings, plain words are kept", () => {
  const log = [json("warning", "odd"), json("error", "bad"), json("error", "bad"), ""].join("\n");
  expect(runtimeWords(log)).toBe("bad");
  expect(runtimeWords("mount: permission denied\n")).toBe("mount: permission denied");
  expect(runtimeWords("")).toBe("");
  const mount =
    "mount: /a: b is not a block device.\n       dmesg(1) may have more information after failed mount system call.";
  expect(ociError("It failed", mount).message).toBe(
    "It failed: mount: /a: b is not a block device.",
  );
  expect(ociError("It failed", "").message).toBe("It failed: the runtime gave no reason");
});

test("criu's errors are found in its log", () => {
  const log =
    "(0.01) Dumping\n(0.02) Error (criu/sk-inet.c:191): inet: Connected TCP socket\n(0.03) done";
  expect(criuErrors(log)).toEqual([
    "(0.02) Error (criu/sk-inet.c:191): inet: Connected TCP socket",
  ]);
});

test.each([
  [
    `(0.02) Error (criu/net.c:3282): net: Locking network failed: iptables-restore returned -1.
Error (criu/util.c:641): execvp("iptables-restore", ...) failed: No such file or directory
(0.03) Error (criu/util.c:656): exited, status=1
(0.04) Error (criu/cr-dump.c:2111): Dumping FAILED.`,
    "It failed: criu holds a container's network still with iptables, which is not installed",
  ],
  [
    `(0.13) Error (criu/sockets.c:628): sockets: Can't get 1:16 opt: Operation not supported
(0.13) Error (criu/sockets.c:628): sockets: Can't get 1:34 opt: Operation not supported
(0.13) Error (criu/cr-dump.c:1681): Dump files (pid: 15230) failed with -1
(0.21) Error (criu/cr-dump.c:2111): Dumping FAILED.`,
    "It failed: this criu can't save network sockets on the running kernel",
  ],
  [
    `(0.01) Error (criu/files-reg.c:1831): Can't open file gone
(0.02) Error (criu/util.c:656): exited, status=1
(0.03) Error (criu/cr-restore.c:2605): Restoring FAILED.`,
    "It failed: criu says: Can't open file gone",
  ],
  ["(0.01) Error (criu/cr-dump.c:2111): Dumping FAILED.", "It failed: criu says: Dumping FAILED."],
])("of criu's errors the one is told that says why", async (log, message) => {
  const directory = await mkdtemp(join(tmpdir(), "shimyard-criu-"));
  try {
    const path = join(directory, "dump.log");
    await writeFile(path, log);
    const original = new AppError("UNKNOWN", "criu failed: type NOTIFY");
    const error = await criuError(original, "It failed", path);
    expect(error.message).toBe(message);
    expect(error.details.output).toContain(log.split("\n")[0]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
