import { AppError } from "#shared/errors";
import type { CallOptions, OciProcess, RunRequest, RunResult } from "../runtime.ts";
import type { TaskService } from "../shim/task-service.ts";
import { PipeStdio, type Sink } from "./pipe-stdio.ts";
import type { Transport } from "./transport.ts";

let runs = 0;

/**
 * Runs a command to its end as an exec of the shim's, its streams coming to us: Windows has no other way in. All is
 * taken away again.
 */
export async function runThrough(
  service: TaskService,
  transport: Transport,
  request: RunRequest & { spec: OciProcess; context: string },
  options: CallOptions,
): Promise<RunResult> {
  const { spec, context, maxOutput } = request;
  const id = `run-${process.pid}-${runs++}`;
  const stdout = new Collector(maxOutput);
  const stderr = new Collector(maxOutput);
  const stdin = request.stdin !== undefined;
  const stdio = await PipeStdio.open(
    transport,
    { terminal: false, stdin },
    {
      stdout: stdout.take,
      stderr: stderr.take,
    },
  );
  let made = false;
  try {
    options.signal?.throwIfAborted();
    await service.exec(id, { terminal: false, spec, stdio: stdio.paths }, context);
    made = true;
    await service.start(id, context);
    const stop = (): void => void service.kill(id, 9, false, context).catch(() => {});
    options.signal?.addEventListener("abort", stop, { once: true });
    if (options.signal?.aborted) stop();
    if (request.stdin !== undefined) await feed(stdio, request.stdin);
    const exit = await service.wait(id);
    options.signal?.removeEventListener("abort", stop);
    if (options.signal?.aborted) throw new AppError("CANCELLED", "The operation was cancelled");
    await stdio.drained();
    return {
      exitCode: exit.code,
      stdout: stdout.bytes,
      stderr: stderr.bytes,
      truncated: stdout.truncated || stderr.truncated,
    };
  } finally {
    stdio.close();
    if (made) await service.delete(id).catch(() => {});
  }
}

/** A command that ends without reading its input is its own business. */
async function feed(stdio: PipeStdio, bytes: Uint8Array): Promise<void> {
  try {
    await stdio.openInput().write(bytes);
    await stdio.endInput();
  } catch {
    // It has ended.
  }
}

/** Keeps so many bytes; what is beyond is dropped. */
class Collector {
  readonly #max: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  truncated = false;

  constructor(max: number) {
    this.#max = max;
  }

  readonly take: Sink = (chunk) => {
    const kept = chunk.subarray(0, this.#max - this.#size);
    if (kept.length < chunk.length) this.truncated = true;
    this.#chunks.push(kept);
    this.#size += kept.length;
  };

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
