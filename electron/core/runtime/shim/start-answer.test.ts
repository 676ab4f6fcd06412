import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "#shared/errors";
import { BootstrapResultSchema } from "./proto/shim_pb.ts";
import { parseStartAnswer } from "./start-answer.ts";

const message = (protocol: string): Uint8Array =>
  toBinary(
    BootstrapResultSchema,
    create(BootstrapResultSchema, { version: 3, address: "unix:///run/s", protocol }),
  );

test.each([
  ["containerd 1.6", "unix:///run/s", 2],
  ["containerd 1.7, with a line end", "unix:///run/s\n", 2],
  ["a plain path", "/run/s", 2],
  ["containerd 2.0", '{"version":3,"address":"unix:///run/s","protocol":"ttrpc"}', 3],
  ["containerd 2.3", message("ttrpc"), 3],
])("the answer of %s", (_name, answer, version) => {
  expect(parseStartAnswer(Buffer.from(answer))).toEqual({ socket: "/run/s", version });
});

test("the answer of Windows' shim is a pipe", () => {
  const pipe = "\\\\.\\pipe\\ProtectedPrefix\\Administrators\\containerd-shim-default-web-pipe";
  expect(parseStartAnswer(Buffer.from(pipe))).toEqual({ socket: pipe, version: 2 });
});

test.each([
  ["gRPC", message("grpc"), "UNIMPLEMENTED"],
  ["gRPC", '{"version":3,"address":"unix:///run/s","protocol":"grpc"}', "UNIMPLEMENTED"],
  ["vsock", "vsock://3:1024", "DATA_LOSS"],
  ["nothing", "", "DATA_LOSS"],
  ["half a document", '{"version":3', "DATA_LOSS"],
])("%s is refused", (_name, answer, code) => {
  expect(() => parseStartAnswer(Buffer.from(answer))).toThrow(expect.objectContaining({ code }));
});

test("anything else is refused with a reason, never worse", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        expect(parseStartAnswer(bytes).socket).toMatch(/^\/|^\\\\\.\\pipe\\/);
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
      }
    }),
    { numRuns: 1000 },
  );
});
