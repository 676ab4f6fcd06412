import { open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { LogLine } from "#shared/contract/logs";
import { AppError, isCode } from "#shared/errors";
import { loadIndex, saveIndex, type FileIdentity } from "./index-cache.ts";
import { LogIndex } from "./log-index.ts";
import type { LogIndexer } from "./log-indexer.ts";
import { LineJoiner, toLogLine, type LogMark, type RawLine } from "./log-lines.ts";

/** The index is kept on disk for a log that took long to index, and again after as much more. */
const cacheStep = 16 * 1024 * 1024;
/** One read(2). */
const chunkLength = 128 * 1024;

/** One log's index, kept up to date with the file. */
export class LogFile {
  readonly path: string;
  readonly #indexer: LogIndexer;
  #identity: FileIdentity | undefined;
  #index = new LogIndex();
  #cached = 0;
  #work: Promise<unknown> = Promise.resolve();

  constructor(path: string, indexer: LogIndexer) {
    this.path = path;
    this.#indexer = indexer;
  }

  /**
   * Opens the file as it is now, with an index that covers it; undefined when there is none. The
   * caller closes `file`. `identity` is another object for another file.
   */
  async open(): Promise<
    { file: FileHandle; index: LogIndex; identity: FileIdentity; size: number } | undefined
  > {
    let file: FileHandle;
    try {
      file = await open(this.path);
    } catch (error) {
      if (isCode(AppError.from(error), "NOT_FOUND")) return undefined;
      throw AppError.wrap(error, "The log can't be opened");
    }
    // One at a time: all share the index.
    const turn = this.#work.then(() => this.#sync(file));
    this.#work = turn.catch(() => undefined);
    try {
      return { file, ...(await turn) };
    } catch (error) {
      await file.close();
      throw AppError.wrap(error, "The log can't be read");
    }
  }

  /** Whether the file at the path is still that one, and not cut shorter than `position`. */
  async isSame(identity: FileIdentity, position: number): Promise<"same" | "other" | "gone"> {
    try {
      const now = await stat(this.path);
      const same =
        now.dev === identity.device && now.ino === identity.inode && now.size >= position;
      return same ? "same" : "other";
    } catch {
      return "gone";
    }
  }

  async exists(): Promise<boolean> {
    return await exists(this.path);
  }

  /** False once the container it belongs to was deleted. */
  async hasDirectory(): Promise<boolean> {
    return await exists(dirname(this.path));
  }

  async #sync(
    file: FileHandle,
  ): Promise<{ index: LogIndex; identity: FileIdentity; size: number }> {
    const { dev, ino, size } = await file.stat();
    const head = Buffer.alloc(64);
    const { bytesRead } = await file.read(head, 0, 64, 0);
    const found = { device: dev, inode: ino, head: head.toString("hex", 0, bytesRead) };
    const known = this.#identity;
    // A log that was shorter than 64 bytes when it was first seen has a longer head now.
    const same =
      known !== undefined &&
      known.device === dev &&
      known.inode === ino &&
      found.head.startsWith(known.head) &&
      size >= this.#index.position;
    if (!same) {
      this.#identity = found;
      const state = size >= cacheStep ? await loadIndex(this.path, found, size) : undefined;
      this.#index = new LogIndex(state);
      this.#cached = state?.position ?? 0;
    } else if (known.head.length < found.head.length) {
      known.head = found.head;
    }
    const identity = this.#identity ?? found;
    if (size > this.#index.position) {
      this.#index = await this.#indexer.grow(this.path, file, this.#index, size);
    }
    if (this.#index.position - this.#cached >= cacheStep) {
      this.#cached = this.#index.position;
      await saveIndex(this.path, identity, this.#index.state());
    }
    return { index: this.#index, identity, size };
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** Reads lines forward from a mark, from a file that may still grow. The file stays the caller's. */
export class LineReader {
  readonly #file: FileHandle;
  readonly #joiner: LineJoiner;
  readonly #buffer = Buffer.allocUnsafe(chunkLength);
  #at: number;

  /** `limit` and `beyond`: see LineJoiner. */
  constructor(file: FileHandle, mark: LogMark, limit?: number, beyond?: "drop" | "break") {
    this.#file = file;
    this.#joiner = new LineJoiner(mark, limit, beyond);
    this.#at = mark.position;
  }

  /** Where the next byte is read. */
  get position(): number {
    return this.#at;
  }

  /** The number of the next line that will begin. */
  get next(): number {
    return this.#joiner.next;
  }

  /** Reads one chunk, never beyond `to`, and tells the lines that ended in it. False at the end. */
  async step(visit: (line: RawLine) => void, to = Infinity): Promise<boolean> {
    const length = Math.min(this.#buffer.length, to - this.#at);
    if (length <= 0) return false;
    const { bytesRead } = await this.#file.read(this.#buffer, 0, length, this.#at);
    if (bytesRead === 0) return false;
    this.#at += bytesRead;
    this.#joiner.push(this.#buffer.subarray(0, bytesRead), visit);
    return true;
  }

  /** The lines that have begun and not ended. */
  open(): LogLine[] {
    return this.openRaw().map((line) => toLogLine(line, true));
  }

  openRaw(): RawLine[] {
    return this.#joiner.open();
  }

  /** Changes when what `open` answers does. */
  openKey(): string {
    return this.#joiner.openKey();
  }
}
