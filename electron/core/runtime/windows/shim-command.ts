import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { runCommand } from "#core/host/command";
import type { BundleRef } from "../runtime.ts";
import { OptionsSchema } from "../shim/proto/runhcs_pb.ts";
import { DeleteResponseSchema } from "../shim/proto/shim_pb.ts";
import { type StartAnswer, parseStartAnswer } from "../shim/start-answer.ts";
import { type ShimExit, type Typed, toEpoch } from "../shim/task-service.ts";
import { hcsError } from "./hcs-error.ts";
import type { WindowsShared } from "./shared.ts";
import { eventsPipe, shimId } from "./transport.ts";
import { AppError } from "#shared/errors";

/** Milliseconds for a shim to come up: Windows takes its time. */
const startTimeout = 20_000;

/** Milliseconds for `delete`, which itself waits thirty seconds for a container to end. */
const deleteTimeout = 40_000;

/** What the shim is told of itself, on its standard input at the start, and again with the container. */
export const shimOptions: Typed = {
  typeUrl: "containerd.runhcs.v1.Options",
  value: toBinary(OptionsSchema, create(OptionsSchema, {})),
};

/**
 * Starts the shim of a bundle, in it. It runs on in a process of its own, which Windows does not end with ours. Rejects
 * with its words.
 */
export async function startShim(
  shared: WindowsShared,
  ref: BundleRef,
  context: string,
): Promise<StartAnswer> {
  const events = shared.transport.address(eventsPipe(shared.paths));
  const result = await runCommand([...command(shared, ref), "start"], {
    cwd: ref.path,
    stdin: toBinary(AnySchema, create(AnySchema, shimOptions)),
    env: { ...process.env, TTRPC_ADDRESS: events, GRPC_ADDRESS: events, NAMESPACE: ref.namespace },
    timeout: startTimeout,
  });
  if (result.code !== 0) throw commandFailed(context, result.stderr);
  return parseStartAnswer(result.stdout);
}

/**
 * Ends whatever Windows has of a container, whether or not its shim lives: what hcsshim's delete.go does, which before
 * June 2021 also removed the bundle. Not run in that, which Windows would then not let anybody remove. Answers the
 * status that it gives a container whose end nobody saw, 255. Idempotent.
 */
export async function deleteShim(shared: WindowsShared, ref: BundleRef): Promise<ShimExit> {
  const result = await runCommand([...command(shared, ref), "-bundle", ref.path, "delete"], {
    env: process.env,
    timeout: deleteTimeout,
  });
  if (result.code !== 0) {
    throw commandFailed(`Container "${ref.id}" could not be ended`, result.stderr);
  }
  const { exitStatus, exitedAt } = fromBinary(DeleteResponseSchema, result.stdout);
  return { code: exitStatus, at: toEpoch(exitedAt) };
}

/** It refuses to run when any of these is empty. It publishes nothing by that binary, but over ttrpc. */
function command({ shim, paths, transport }: WindowsShared, ref: BundleRef): string[] {
  return [
    ...[shim.path, "-namespace", ref.namespace, "-address", transport.address(eventsPipe(paths))],
    ...["-publish-binary", process.execPath, "-id", shimId(paths, ref)],
  ];
}

function commandFailed(context: string, stderr: Buffer): AppError {
  const output = stderr.toString("utf8").trim();
  const last = output.split("\n").at(-1) || "the shim gave no reason";
  return hcsError(new AppError("UNKNOWN", `${context}: ${last}`, { output }));
}
