import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { AppError } from "#shared/errors";
import type { MakeLayerOptions } from "./layer.ts";
import { tooMuch } from "./tar/file-tree.ts";

/** What is uncompressed at once; bytes. With less, gunzip takes twice as long. */
const chunkSize = 1024 * 1024;
/** What is uncompressed is given in pieces of at least this, but for the last; bytes. */
const pieceSize = 256 * 1024;
/** Below this no ratio is too high: a file of zeros is small when compressed. Bytes. */
const harmless = 1024 ** 3;

/**
 * The bytes of a compressed archive. DATA_LOSS when they are damaged, RESOURCE_EXHAUSTED when they become more than
 * `ratio` times as many. Ends its child and its source when the reader stops.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  options: Pick<MakeLayerOptions, "compression" | "onProgress"> & { ratio: number },
): AsyncGenerator<Uint8Array> {
  const { compression, onProgress, ratio } = options;
  let taken = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      taken += chunk.length;
      onProgress?.(taken);
      yield chunk;
    }
  }
  if (compression === "none") {
    yield* counted();
    return;
  }
  let given = 0;
  const uncompressed = compression === "gzip" ? gunzip(counted()) : unzstd(counted());
  for await (const chunk of uncompressed) {
    given += chunk.length;
    if (given > harmless && given > taken * ratio) {
      throw tooMuch(`It becomes more than ${ratio} times as big when it is uncompressed`);
    }
    yield chunk;
  }
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const stream = createGunzip({ chunkSize });
  const input = Readable.from(gathered(source), { objectMode: false, highWaterMark: chunkSize });
  // What fails the one end fails the other; the reader is told by the stream.
  const fed = pipeline(input, stream).catch(() => undefined);
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code?.startsWith("Z_") ? damaged(error) : error;
  } finally {
    input.destroy();
    stream.destroy();
    await fed;
  }
}

/** In larger pieces: each is a journey to another thread and back, and from a network they come in 64 KiB or less. */
async function* gathered(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    held.push(chunk);
    size += chunk.length;
    if (size < pieceSize) continue;
    yield held.length === 1 ? chunk : Buffer.concat(held, size);
    held = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(held, size);
}

/** Node 20 has no zstd. */
async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const child = spawn("zstd", ["--decompress", "--stdout", "--quiet", "--memory=128MB"], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (said.length < 4096) said += chunk.toString("utf8");
  });
  const ended = new Promise<number | null | Error>((resolve) => {
    child.on("error", resolve);
    child.on("close", resolve);
  });
  const input = Readable.from(source, { objectMode: false, highWaterMark: chunkSize });
  let failure: unknown;
  input.on("error", (error) => {
    failure = error;
    child.kill("SIGKILL");
  });
  child.stdin.on("error", () => {});
  input.pipe(child.stdin);
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const code = await ended;
    if (failure !== undefined) throw failure;
    if (code instanceof Error) throw notInstalled(code);
    if (code !== 0) throw damaged(new Error(said.trim()));
  } finally {
    child.kill("SIGKILL");
    input.destroy();
    await ended;
  }
}

function damaged(cause: unknown): AppError {
  return new AppError(
    "DATA_LOSS",
    "A layer's compressed data is damaged",
    {
      hint: "It was cut off or changed on its way. Get the image again.",
      output: cause instanceof Error ? cause.message : undefined,
    },
    cause,
  );
}

function notInstalled(cause: Error): AppError {
  const hint = "Install the package zstd.";
  return new AppError("NOT_FOUND", "Layers packed with zstd need zstd", { hint }, cause);
}
