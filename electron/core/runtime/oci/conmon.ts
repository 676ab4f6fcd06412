import type { ChildProcess } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { readyCgroupLock } from "#core/host/cgroup-lock";
import { AppError } from "#shared/errors";
import type { CheckpointImage } from "../runtime.ts";
import { withCarrier } from "../input-end.ts";
import { ociError, readLog } from "./oci-error.ts";
import type { StartedShim } from "./expected-task.ts";
import { type Isolation, type Start, startHere, startIsolated, takeIsolated } from "./starter.ts";

/** conmon, the shim: https://github.com/containers/conmon. */
export interface Conmon {
  path: string;
  version: string;
}

/** What init and exec have in common. Paths are absolute. */
interface ShimCommon {
  id: string;
  /** The process's directory: exit, pid files and, for an exec, sockets. */
  dir: string;
  logPath: string;
  terminal: boolean;
  stdin: boolean;
  busybox: string | undefined;
  runtimePath: string;
  /** Global arguments of the runtime: --root and so on. */
  runtimeArgs: string[];
  /** What it runs is no process of a container but carries another shim's streams. */
  holdsOnly?: boolean;
}

function commonArgs(conmon: Conmon, shim: ShimCommon, bundle: string): string[] {
  // conmon takes what comes before the second colon for the path (ctr_logging.c).
  if (shim.logPath.includes(":")) {
    throw new AppError("INVALID_ARGUMENT", `A log can't be kept at ${shim.logPath}`, {
      hint: "Its path must not hold a colon.",
    });
  }
  const bare = { path: shim.runtimePath, args: shim.runtimeArgs };
  const carried = shim.stdin && !shim.terminal && !shim.holdsOnly;
  const runtime = carried ? withCarrier(shim.busybox, shim.dir, bare) : bare;
  return [
    conmon.path,
    ...["--api-version", "1", "-c", shim.id, "-u", shim.id, "-n", shim.id],
    ...["-r", runtime.path, "-b", bundle, "-p", join(shim.dir, "pid")],
    ...["--conmon-pidfile", join(shim.dir, "shim.pid"), "--persist-dir", shim.dir],
    ...["-l", `k8s-file:${shim.logPath}`, "--full-attach", "--no-sync-log"],
    ...(shim.terminal ? ["-t"] : []),
    // Without --leave-stdin-open the first client that leaves would close the process's standard input.
    ...(shim.stdin ? ["-i", "--leave-stdin-open"] : []),
    ...runtime.args.flatMap((arg) => ["--runtime-arg", arg]),
  ];
}

/** argv of the conmon that creates a container, or restores one from a checkpoint. */
export function createArgs(
  conmon: Conmon,
  shim: ShimCommon & { bundle: string; restore?: CheckpointImage & { work: string } },
): string[] {
  const args = commonArgs(conmon, shim, shim.bundle);
  const { restore } = shim;
  if (!restore) return args;
  const options = ["--work-path", restore.work];
  if (restore.tcpEstablished) options.push("--tcp-established");
  if (restore.fileLocks) options.push("--file-locks");
  if (restore.externalUnixSockets) options.push("--ext-unix-sk");
  return [
    ...args,
    ...["--restore", restore.path],
    ...options.flatMap((option) => ["--runtime-opt", option]),
  ];
}

/** argv of the conmon that runs another process in a container; the spec is `dir`/process.json. */
export function execArgs(conmon: Conmon, shim: ShimCommon): string[] {
  return [
    ...commonArgs(conmon, shim, shim.dir),
    ...["-e", "--exec-process-spec", join(shim.dir, "process.json")],
  ];
}

/** What conmon's sync pipe says: one JSON object a line. */
interface SyncMessage {
  data: number;
  message?: string;
}

/** Milliseconds a runtime has to make a process; a cold disk and a loaded machine included. */
const spawnTimeout = 60_000;

export interface SpawnShim extends Start {
  /** For a shim that is to have namespaces of its own. `uses`: see takeIsolated. */
  isolation?: Isolation & { uses: string[] | undefined };
  /** One that was started already, in place of `argv`. */
  started?: StartedShim | undefined;
  signal?: AbortSignal;
  /** For errors: what was tried. */
  context: string;
  /** The OCI runtime's own log, read when it fails. */
  runtimeLog: string;
}

/** What a conmon answered, and the pipe it holds for as long as it lives: its end says that conmon is gone. */
export interface SpawnedShim {
  pid: number;
  /** The caller destroys it. It does not keep the process alive. */
  lifeline: Socket;
}

/**
 * Starts conmon and answers the pid of what it runs. conmon detaches itself; on failure the caller ends what
 * is left of it (killShims). Rejects with the OCI runtime's own words.
 */
export async function spawnShim(request: SpawnShim): Promise<SpawnedShim> {
  const { argv, cwd, path, context, signal, isolation, started } = request;
  signal?.throwIfAborted();
  readyCgroupLock();
  const start = { argv, cwd, path };
  const taken = started || !isolation ? undefined : await takeIsolated(isolation, isolation.uses);
  const child =
    started?.child ?? (isolation ? startIsolated(start, isolation, taken) : startHere(start));
  const lifeline = child.stdio[3] as Socket;
  const over = new AbortController();
  try {
    const delivered = started?.deliver?.(over.signal);
    // Where conmon has ended its word tells more.
    delivered?.catch(() => undefined);
    const { message, said } = await firstWord(child, lifeline, request);
    if (!message || message.data <= 0) {
      throw ociError(context, (await readLog(request.runtimeLog)) || message?.message || said);
    }
    await delivered;
    // An exec's exit status comes here too, but its file is what a later manager reads as well.
    lifeline.resume().unref();
    return { pid: message.data, lifeline };
  } catch (error) {
    lifeline.destroy();
    throw error;
  } finally {
    over.abort();
    started?.leave();
    child.stderr?.destroy();
    child.unref();
  }
}

/** The first message of the sync pipe; without one, what was said on standard error (mount, conmon itself). */
function firstWord(
  child: ChildProcess,
  sync: Socket,
  request: SpawnShim,
): Promise<{ message?: SyncMessage; said: string }> {
  return new Promise((resolve, reject) => {
    let text = "";
    let said = "";
    let answered = false;
    const onAbort = (): void => fail(new AppError("CANCELLED", "The operation was cancelled"));
    const timer = setTimeout(
      () =>
        fail(
          new AppError(
            "DEADLINE_EXCEEDED",
            `${request.context}: its shim did not answer within ${spawnTimeout / 1000} s`,
            { output: said },
          ),
        ),
      spawnTimeout,
    );
    const settle = (): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: AppError): void => {
      settle();
      // The whole group: unshare, sh and mount. conmon has a session of its own by then.
      if (child.pid !== undefined && child.exitCode === null) {
        try {
          process.kill(-child.pid, "SIGKILL");
        } catch {
          // It ended meanwhile.
        }
      }
      reject(error);
    };
    request.signal?.addEventListener("abort", onAbort, { once: true });
    // It may have come while the process was being started.
    if (request.signal?.aborted) onAbort();
    child.on("error", (error: NodeJS.ErrnoException) => {
      fail(
        error.code === "ENOENT"
          ? new AppError("NOT_FOUND", `${request.context}: ${request.argv[0]} is not installed`)
          : AppError.wrap(error, request.context),
      );
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      if (said.length < 64 * 1024) said += chunk.toString("utf8");
    });
    for (const stream of [sync, child.stderr]) stream?.on("error", () => {});
    sync.on("data", (chunk: Buffer) => {
      if (answered) return;
      text += chunk.toString("utf8");
      const end = text.indexOf("\n");
      if (end < 0) return;
      answered = true;
      settle();
      resolve({ message: parseSync(text.slice(0, end)), said });
    });
    sync.resume();
    // Nobody holds the pipe any more: conmon or what should have become it has ended. Its words come first.
    child.on("close", () => {
      settle();
      resolve({ message: text === "" ? undefined : parseSync(text), said });
    });
  });
}

function parseSync(line: string): SyncMessage | undefined {
  try {
    const value = JSON.parse(line) as SyncMessage;
    return typeof value.data === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes a line to conmon's control fifo. Rejects UNAVAILABLE when no conmon reads it: opening without a
 * reader fails (ENXIO) instead of waiting, thanks to O_NONBLOCK.
 */
export async function control(path: string, line: string): Promise<void> {
  try {
    const file = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await file.write(line);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new AppError("UNAVAILABLE", "The shim of this process is gone", { subject: path }, error);
  }
}
