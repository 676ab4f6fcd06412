import { expect, test } from "vitest";
import { criuErrors } from "./checkpoint.ts";
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
  expect(ociError("It failed", "").message).toBe("It failed: the runtime gave no reason");
});

test("criu's errors are found in its log", () => {
  const log =
    "(0.01) Dumping\n(0.02) Error (criu/sk-inet.c:191): inet: Connected TCP socket\n(0.03) done";
  expect(criuErrors(log)).toEqual([
    "(0.02) Error (criu/sk-inet.c:191): inet: Connected TCP socket",
  ]);
});
