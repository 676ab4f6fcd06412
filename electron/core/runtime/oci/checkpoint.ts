import { dirname, join } from "node:path";
import { AppError } from "#shared/errors";
import type { CallOptions, CheckpointRequest } from "../runtime.ts";
import type { OciCli } from "./oci-cli.ts";
import { readLog } from "./oci-error.ts";

/** Milliseconds: a dump writes all of the container's memory. */
const dumpTimeout = 10 * 60 * 1000;

/** Has the OCI runtime write criu's images into `request.path`, criu's logs into `request.work`. */
export async function checkpoint(
  cli: OciCli,
  call: { namespace: string; entry: number | undefined; context: string },
  id: string,
  request: CheckpointRequest & { work: string },
  options: CallOptions,
): Promise<void> {
  const args = ["checkpoint", "--image-path", request.path, "--work-path", request.work];
  if (request.leaveRunning) args.push("--leave-running");
  if (request.tcpEstablished) args.push("--tcp-established");
  if (request.fileLocks) args.push("--file-locks");
  if (request.externalUnixSockets) args.push("--ext-unix-sk");
  await cli.run(call, [...args, id], { ...options, timeout: dumpTimeout });
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
  const telling = lines.findLast((line) => !sumsUp.test(line)) ?? lines.at(-1);
  if (telling === undefined) return original;
  const known = reasons.find(({ pattern }) => lines.some((line) => pattern.test(line)));
  return new AppError(
    known ? "FAILED_PRECONDITION" : original.code,
    `${context}: ${known?.sentence ?? `criu says: ${telling.replace(/^.*?Error \([^)]*\): /, "")}`}`,
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

/** What criu logs after the reason: that it failed, or that a program that it ran did. */
const sumsUp = /: (?:(?:Dumping|Restoring) FAILED|exited, status=\d+)/;

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
    // SO_PASSCRED and SO_PASSSEC, which Linux 6.16 keeps for unix and netlink sockets; criu 4.2 asks no others.
    pattern: /Can't get 1:(?:16|34) opt: Operation not supported/,
    sentence: "this criu can't save network sockets on the running kernel",
    hint: "Install criu 4.2 or newer: older ones can't on Linux 6.16 and later. Containers without network sockets can be checkpointed.",
  },
  {
    pattern: /execvp\("ip6?tables-restore"/,
    sentence: "criu holds a container's network still with iptables, which is not installed",
    hint: "Install iptables.",
  },
  {
    pattern: /Can't lookup mount=?\d* for fd|Can't lookup mount/i,
    sentence: "it has a file open that lies outside of it",
    hint: "Run it with its standard streams on pipes or a terminal.",
  },
];
