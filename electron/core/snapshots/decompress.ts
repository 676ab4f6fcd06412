import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { AppError } from "#shared/errors";
import { freeMemory } from "../base/free-memory.ts";
import type { MakeLayerOptions } from "./layer.ts";
import { tooMuch } from "./tar/file-tree.ts";

/** What is uncompressed at once; bytes. With less, gunzip takes twice as long. */
const chunkSize = 1024 * 1024;
/** What is to be uncompressed is given in pieces of this, but for the last; bytes. */
const pieceSize = 256 * 1024;
/** Below this no ratio is too high: a file of zeros is small when compressed. Bytes. */
const harmless = 1024 ** 3;

/**
 * The bytes of a compressed archive; a chunk is empty once the next is asked for. DATA_LOSS when they are damaged,
 * RESOURCE_EXHAUSTED when they become more than `ratio` times as many. Ends its child and its source when the reader
 * stops.
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
  const input = Readable.from(source, { highWaterMark: 4 });
  // What fails the one end fails the other; the reader is told by the stream.
  const fed = pipeline(input, (chunks) => feed(chunks as AsyncIterable<Uint8Array>, stream)).catch(
    (error: Error) => void stream.destroy(error),
  );
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      yield chunk;
      // zlib has left a piece of memory when it has filled it.
      const { buffer, byteOffset, length } = chunk;
      const isLast = byteOffset + length === buffer.byteLength;
      if (isLast && buffer.byteLength >= chunkSize) freeMemory(buffer as ArrayBuffer);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code?.startsWith("Z_") ? damaged(error) : error;
  } finally {
    input.destroy();
    stream.destroy();
    await fed;
  }
}

/**
 * In pieces of one size: each is a journey to another thread and back, and from a network they come in 64 KiB or less.
 * One is filled while the other is read.
 */
async function feed(chunks: AsyncIterable<Uint8Array>, stream: Gunzip): Promise<void> {
  let [filling, other] = [Buffer.allocUnsafeSlow(pieceSize), Buffer.allocUnsafeSlow(pieceSize)];
  let size = 0;
  let taken: Promise<void> = Promise.resolve();
  // A stream that fails tells nothing of what it was given last.
  let goOn = (): void => {};
  stream.once("close", () => goOn());
  const give = async (): Promise<void> => {
    await taken;
    const piece = filling.subarray(0, size);
    taken = new Promise((resolve) => {
      goOn = resolve;
      stream.write(piece, () => resolve());
    });
    [filling, other] = [other, filling];
    size = 0;
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length && !stream.destroyed;) {
      const part = chunk.subarray(at, at + pieceSize - size);
      filling.set(part, size);
      size += part.length;
      at += part.length;
      if (size === pieceSize) await give();
    }
    if (stream.destroyed) return;
  }
  if (size > 0) await give();
  await taken;
  stream.end();
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
