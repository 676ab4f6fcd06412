import { AsyncQueue } from "#shared/base/async-queue";
import type { Disposable } from "#shared/base/disposable";
import type { LogLine, logs } from "#shared/contract/logs";
import { AppError } from "#shared/errors";
import type { InputOf, ItemOf, OutputOf } from "#shared/rpc/define";
import { startWorker } from "../base/worker.ts";
import { stderr, stdout } from "./cri-parser.ts";
import { followLog, maxTail } from "./log-follow.ts";
import { LogFile, LineReader } from "./log-file.ts";
import { LogIndexer } from "./log-indexer.ts";
import { logStart, toLogLine, type RawLine } from "./log-lines.ts";
import { compilePattern } from "./log-pattern.ts";
import type { SearchMessage, SearchRequest } from "./log-search.worker.ts";

/** How much further than the last wanted line an unfinished one is followed to its end, in bytes. */
const maxOverrun = 4 * 1024 * 1024;
/** A download's item at most, bytes. */
const downloadChunk = 128 * 1024;
/** A download breaks a line that is longer, in bytes: it must be in memory whole. */
const downloadLine = 16 * 1024 * 1024;
/** Indexes kept in memory, the least recently used go. */
const maxFiles = 256;

export interface LogServiceOptions {
  /** The log of a container; undefined when there is no such container. */
  logPath(id: string): string | undefined;
}

/** Containers' logs, addressed by line. Works the same for running and stopped ones. */
export class LogService implements Disposable {
  readonly #options: LogServiceOptions;
  readonly #indexer = new LogIndexer();
  readonly #files = new Map<string, LogFile>();

  constructor(options: LogServiceOptions) {
    this.#options = options;
  }

  /** Lines [from, from + count), fewer at the end and when they have more text than one item of `follow`. */
  async read(input: InputOf<typeof logs.read>): Promise<OutputOf<typeof logs.read>> {
    const { id, from, count } = input;
    const opened = await this.#file(id).open();
    if (!opened) return { lines: [], total: 0 };
    const { file, index } = opened;
    try {
      const to = Math.min(from + count, index.lines);
      if (from >= to) return { lines: [], total: index.lines };
      const lines: LogLine[] = [];
      const reader = new LineReader(file, index.markFor(from));
      let length = 0;
      const visit = (line: RawLine): void => {
        if (line.line < from || line.line >= to) return;
        length += line.bytes.length;
        lines.push(toLogLine(line));
      };
      let begun: number | undefined;
      while (lines.length < to - from && length < maxTail) {
        if (reader.next >= to) begun ??= reader.position;
        if (begun !== undefined && reader.position - begun > maxOverrun) break;
        if (!(await reader.step(visit, index.position))) break;
      }
      // Only what is whole up to the last line: a gap would look like the end of the log.
      if (length < maxTail) {
        for (const line of reader.open()) if (line.line >= from && line.line < to) lines.push(line);
      }
      lines.sort((a, b) => a.line - b.line);
      const gap = lines.findIndex((line, at) => line.line !== from + at);
      return { lines: gap < 0 ? lines : lines.slice(0, gap), total: index.lines };
    } finally {
      await file.close();
    }
  }

  /** Ends only when aborted, or when the container's directory goes. */
  follow(
    input: InputOf<typeof logs.follow>,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<ItemOf<typeof logs.follow>> {
    return followLog(this.#file(input.id), input.tail, signal);
  }

  /** INVALID_ARGUMENT for a pattern that is none. Escape sequences for colours are not part of the text. */
  async *search(
    input: InputOf<typeof logs.search>,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<ItemOf<typeof logs.search>> {
    const { path } = this.#file(input.id);
    compilePattern(input);
    const queue = new AsyncQueue<SearchMessage>();
    const worker = startWorker("log-search");
    const request: SearchRequest = { path, ...input };
    worker.on("message", (message: SearchMessage) => queue.push(message));
    worker.on("error", (error) => queue.fail(AppError.wrap(error, "The search failed")));
    worker.on("exit", () => queue.end());
    const abort = (): void => queue.end();
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    try {
      worker.postMessage(request);
      for await (const message of queue) {
        if ("error" in message) throw AppError.fromInfo(message.error);
        yield message;
        if (message.done) return;
      }
      signal?.throwIfAborted();
    } finally {
      signal?.removeEventListener("abort", abort);
      // Also ends a regular expression that would run for years.
      await worker.terminate();
    }
  }

  /** The log as it is now, from its beginning. */
  async *download(
    input: InputOf<typeof logs.download>,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const opened = await this.#file(input.id).open();
    if (!opened) return;
    const { file, size } = opened;
    const wanted = { stdout, stderr, any: undefined }[input.stream ?? "any"];
    let pieces: Buffer[] = [];
    let length = 0;
    const visit = (line: RawLine): void => {
      if (wanted !== undefined && line.stream !== wanted) return;
      const head = input.timestamps
        ? `${line.time} ${line.stream === stdout ? "stdout" : "stderr"} `
        : "";
      const piece = Buffer.allocUnsafe(head.length + line.bytes.length + 1);
      piece.write(head, 0, "latin1");
      line.bytes.copy(piece, head.length);
      piece[piece.length - 1] = 0x0a;
      pieces.push(piece);
      length += piece.length;
    };
    function* take(): Generator<Uint8Array<ArrayBuffer>> {
      const all = Buffer.concat(pieces, length);
      pieces = [];
      length = 0;
      // A long line is more than a message may have.
      for (let at = 0; at < all.length; at += downloadChunk) {
        yield new Uint8Array(all.subarray(at, at + downloadChunk));
      }
    }
    try {
      const reader = new LineReader(file, logStart, downloadLine, "break");
      while (await reader.step(visit, size)) {
        signal?.throwIfAborted();
        if (length >= downloadChunk) yield* take();
      }
      for (const line of reader.openRaw()) visit(line);
      yield* take();
    } finally {
      await file.close();
    }
  }

  dispose(): void {
    this.#indexer.dispose();
    this.#files.clear();
  }

  #file(id: string): LogFile {
    const path = this.#options.logPath(id);
    if (path === undefined) {
      throw new AppError("NOT_FOUND", "There is no such container", { subject: id });
    }
    let file = this.#files.get(path);
    if (file) this.#files.delete(path);
    else file = new LogFile(path, this.#indexer);
    this.#files.set(path, file);
    if (this.#files.size > maxFiles) {
      const [oldest] = this.#files.keys();
      if (oldest !== undefined) this.#files.delete(oldest);
    }
    return file;
  }
}
