import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "#shared/errors";
import type { BundleRef, CallOptions, CheckpointRequest } from "../runtime.ts";
import { readLog } from "./oci-error.ts";
import type { OciShared } from "./runtime.ts";

/** Milliseconds: a dump writes all of the container's memory. */
const dumpTimeout = 10 * 60 * 1000;

/**
 * Writes criu's images into `request.path`, its logs beside them into `work`. Removed again on failure. Rejects
 * with criu's own reason, its last error lines in `output`.
 */
export async function checkpoint(
  shared: OciShared,
  ref: BundleRef,
  entry: number | undefined,
  request: CheckpointRequest,
  options: CallOptions,
): Promise<void> {
  const { cli } = shared;
  const context = `Container "${ref.id}" could not be checkpointed`;
  const work = criuWork(request.path);
  await mkdir(request.path, { recursive: true, mode: 0o700 });
  await mkdir(work, { recursive: true, mode: 0o700 });
  const args = ["checkpoint", "--image-path", request.path, "--work-path", work];
  if (request.leaveRunning) args.push("--leave-running");
  if (request.tcpEstablished) args.push("--tcp-established");
  if (request.fileLocks) args.push("--file-locks");
  if (request.externalUnixSockets) args.push("--ext-unix-sk");
  try {
    const call = { namespace: ref.namespace, entry, context };
    await cli.run(call, [...args, ref.id], { ...options, timeout: dumpTimeout });
  } catch (error) {
    const failure = await criuError(error, context, join(work, "dump.log"));
    await Promise.all([request.path, work].map((dir) => rm(dir, { recursive: true, force: true })));
    throw failure;
  }
}

/** Where criu works and logs for images at `path`. */
export function criuWork(path: string): string {
  return join(dirname(path), "work");
}

/** What criu's log says went wrong, in the place of the runtime's "criu failed: type NOTIFY errno 0". */
export async function criuError(
  error: unknown,
  context: string,
  logPath: string,
): Promise<AppError> {
  const original = AppError.from(error);
  if (original.code === "CANCELLED") return original;
  const lines = criuErrors(await readLog(logPath));
  const last = lines.at(-1);
  if (last === undefined) return original;
  const known = reasons.find(({ pattern }) => lines.some((line) => pattern.test(line)));
  return new AppError(
    known ? "FAILED_PRECONDITION" : original.code,
    `${context}: ${known?.sentence ?? `criu says: ${last.replace(/^.*?Error \([^)]*\): /, "")}`}`,
    { hint: known?.hint, output: [...lines, original.details.output ?? ""].join("\n").trim() },
    error,
  );
}

/** The last error lines of a criu log, oldest first. */
export function criuErrors(log: string): string[] {
  return log
    .split("\n")
    .filter((line) => /\bError \(/.test(line))
    .slice(-20);
}

const reasons: { pattern: RegExp; sentence: string; hint: string }[] = [
  {
    pattern: /Connected TCP socket|tcp-established/i,
    sentence: "it has open TCP connections",
    hint: "Allow open TCP connections, or close them first.",
  },
  {
    pattern: /Some file locks are hold|file-locks|file locks/i,
    sentence: "it holds file locks",
    hint: "Allow file locks in the checkpoint's options.",
  },
  {
    pattern: /External socket is used|ext-unix-sk/i,
    sentence: "it is connected to a unix socket outside of it",
    hint: "Allow external unix sockets in the checkpoint's options.",
  },
  {
    pattern: /Unexpected rt vDSO area bounds|vdso:/i,
    sentence: "this criu is too old for the running kernel",
    hint: "Install criu 4 or newer.",
  },
  {
    pattern: /Can't lookup mount=?\d* for fd|Can't lookup mount/i,
    sentence: "it has a file open that lies outside of it",
    hint: "Run it with its standard streams on pipes or a terminal.",
  },
];
