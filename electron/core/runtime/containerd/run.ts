import { closeSync, constants, openSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { mustRun } from "#core/host/command";
import { AppError } from "#shared/errors";
import type { CallOptions, OciProcess, RunRequest, RunResult } from "../runtime.ts";
import type { TaskService } from "../shim/task-service.ts";

/** Milliseconds for the rest of the output once the command has ended: what outlives it may hold its streams. */
const drainTime = 2000;

let runs = 0;

/**
 * Runs a command to its end over a Task service, with fifos to us and no shim of its own. They lie in `directory` while
 * it runs. CANCELLED when the caller goes, whose command is killed.
 */
export async function runPiped(
  target: {
    service: TaskService;
    directory: string;
    busybox: string | undefined;
    context: string;
  },
  spec: OciProcess,
  request: RunRequest,
  { signal }: CallOptions,
): Promise<RunResult> {
  const { service, directory, busybox, context } = target;
  const execId = `run-${process.pid}-${runs++}`;
  const dir = join(directory, execId);
  const path = (name: string): string => join(dir, name);
  const names = request.stdin ? ["stdin", "stdout", "stderr"] : ["stdout", "stderr"];
  signal?.throwIfAborted();
  await mkdir(dir, { mode: 0o700 });
  const readers: Reader[] = [];
  const end = (): void => void service.kill(execId, 9, false, context).catch(() => undefined);
  try {
    const mkfifo = [...(busybox ? [busybox] : []), "mkfifo", "-m", "600"];
    await mustRun([...mkfifo, ...names.map(path)]);
    for (const name of ["stdout", "stderr"])
      readers.push(new Reader(path(name), request.maxOutput));
    const stdio = {
      stdin: request.stdin ? path("stdin") : "",
      ...{ stdout: path("stdout"), stderr: path("stderr") },
    };
    await service.exec(execId, { terminal: false, spec, stdio }, context);
    try {
      await service.start(execId, context);
      signal?.addEventListener("abort", end, { once: true });
      if (signal?.aborted) end();
      for (const reader of readers) reader.begin();
      if (request.stdin) {
        await writeAll(path("stdin"), request.stdin);
        // The shim holds its fifo open itself.
        await service.closeInput(execId).catch(() => undefined);
      }
      const { code } = await service.wait(execId);
      const drained = AbortSignal.timeout(drainTime);
      await Promise.all(readers.map((reader) => reader.ended(drained)));
      signal?.throwIfAborted();
      const [stdout, stderr] = readers.map((reader) => reader.bytes());
      return {
        exitCode: code,
        ...{ stdout: stdout ?? new Uint8Array(), stderr: stderr ?? new Uint8Array() },
        truncated: readers.some(({ truncated }) => truncated),
      };
    } finally {
      signal?.removeEventListener("abort", end);
      await service.delete(execId).catch(() => undefined);
    }
  } catch (error) {
    if (signal?.aborted) throw new AppError("CANCELLED", "The operation was cancelled");
    throw error;
  } finally {
    for (const reader of readers) reader.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** The end of a fifo that we read. */
class Reader {
  readonly #fd: number;
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #socket: Socket | undefined;
  #end: Promise<void> = Promise.resolve();
  truncated = false;

  /** Opened before there is a writer, who would wait for it. */
  constructor(path: string, limit: number) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#limit = limit;
  }

  /** Once there is a writer: before, it would read the end at once. */
  begin(): void {
    const socket = new Socket({ fd: this.#fd, readable: true, writable: false });
    this.#socket = socket;
    this.#end = new Promise((resolve) => {
      socket.once("close", () => resolve());
      socket.once("error", () => resolve());
    });
    socket.on("data", (chunk: Buffer) => {
      const room = this.#limit - this.#kept;
      if (chunk.length > room) this.truncated = true;
      const kept = chunk.subarray(0, Math.max(0, room));
      this.#kept += kept.length;
      if (kept.length > 0) this.#chunks.push(kept);
    });
  }

  /** Resolves at the end, or when `late` aborts. */
  async ended(late: AbortSignal): Promise<void> {
    await Promise.race([
      this.#end,
      new Promise<void>((resolve) => {
        late.addEventListener("abort", () => resolve(), { once: true });
      }),
    ]);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  close(): void {
    if (this.#socket) this.#socket.destroy();
    else closeSync(this.#fd);
  }
}

/** Resolves when all is in the fifo, or its reader has gone. */
async function writeAll(path: string, bytes: Uint8Array): Promise<void> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    // ENXIO: it has ended already.
    if ((error as NodeJS.ErrnoException).code === "ENXIO") return;
    throw AppError.from(error);
  }
  const socket = new Socket({ fd, readable: false, writable: true });
  await new Promise<void>((resolve) => {
    socket.once("error", () => resolve());
    socket.once("close", () => resolve());
    socket.end(bytes);
  });
}
