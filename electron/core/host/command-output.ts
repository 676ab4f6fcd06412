import { spawn } from "node:child_process";
import { once } from "node:events";
import { commandError } from "./command.ts";

/** Chunks of standard error that are kept, for the error's words. */
const keptWords = 64;

/**
 * What a program writes to its standard output, as it comes and no faster than it is read. Rejects with the program's
 * words when it fails; ends it when nobody reads on or on abort, and is done when it has ended.
 */
export async function* commandOutput(
  argv: string[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C" },
  });
  const words: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => {
    if (words.length < keptWords) words.push(chunk);
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  ended.catch(() => undefined);
  const stop = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const [code] = await ended;
    signal.throwIfAborted();
    if (code !== 0) {
      const stderr = Buffer.concat(words);
      throw commandError(file, {
        ...{ code: code ?? 128 + 9, stdout: Buffer.alloc(0), stderr, truncated: false },
      });
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
    // What it has started may hold them for ever.
    child.stdout.destroy();
    child.stderr.destroy();
    await ended.catch(() => undefined);
  }
}
