import { open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError, isCode } from "#shared/errors";
import { CriParser, type CriRecord } from "../logs/cri-parser.ts";

/** One read(2), and so about the size of a piece of output. */
const chunkLength = 64 * 1024;

interface Generation {
  path: string;
  /** Position of the file's first byte. */
  base: number;
}

interface OpenGeneration {
  file: FileHandle;
  inode: number;
  base: number;
  /** Where in the file is read next. */
  at: number;
  parser: CriParser;
}

export interface Output {
  bytes: Uint8Array<ArrayBuffer>;
  /** The position after them. */
  offset: number;
  /** What came between the last output and this was dropped by rotation. */
  gap: boolean;
}

/**
 * The log of a process as the lossless record of its output. A position is a byte in the log, counted
 * over all its generations: a rotated generation is named `LOG.BASE`, its base in its name, so that
 * the positions are right again after any crash and no file but the log itself is needed for it.
 */
export class TerminalLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Oldest first; the last is the one being written unless a rotation is under way. */
  async generations(): Promise<Generation[]> {
    // Looked at first: once it is there, conmon has let go of the one before, whose size is then final.
    const current = await sizeOf(this.path);
    const rotated = await this.#rotated();
    if (current === undefined) return rotated;
    return [...rotated, { path: this.path, base: await endOf(rotated) }];
  }

  /** The positions that can be read. */
  async range(): Promise<{ start: number; end: number }> {
    const generations = await this.generations();
    return { start: generations[0]?.base ?? 0, end: await endOf(generations) };
  }

  /** A position at or shortly after `position` where an output line begins. */
  async lineStart(position: number): Promise<number> {
    const generations = await this.generations();
    const generation = generations.findLast(({ base }) => base <= position);
    if (!generation) return generations[0]?.base ?? 0;
    const file = await open(generation.path);
    try {
      const buffer = Buffer.allocUnsafe(2 * chunkLength);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position - generation.base);
      const read = buffer.subarray(0, bytesRead);
      const first = read.indexOf(0x0a) + 1;
      let found: number | undefined;
      new CriParser(position + first).push(read.subarray(first), (record) => {
        if (!record.partial) found ??= record.end;
      });
      return found ?? position + first;
    } finally {
      await file.close();
    }
  }

  /** Reads from `position`, which is the start of a record. Whoever opens it disposes it. */
  reader(position: number): TerminalLogReader {
    return new TerminalLogReader(this, position);
  }

  /**
   * Puts the log aside when it is longer than `limit` bytes, and drops the generation before: at most
   * about two times `limit` stay on disk. `reopen` makes the shim write to a new file.
   */
  async rotate(limit: number, reopen: () => Promise<void>): Promise<boolean> {
    const size = await sizeOf(this.path);
    const rotated = await this.#rotated();
    const last = rotated.at(-1);
    if (size === undefined) {
      // An earlier manager ended between the rename and the reopening.
      if (last) await reopen();
      return false;
    }
    if (size <= limit) return false;
    const aside = `${this.path}.${await endOf(rotated)}`;
    await rename(this.path, aside);
    try {
      await reopen();
    } catch (error) {
      if ((await sizeOf(this.path)) === undefined) await rename(aside, this.path);
      throw AppError.wrap(error, "The terminal's log can't be rotated");
    }
    for (const { path } of rotated) await rm(path, { force: true });
    return true;
  }

  async #rotated(): Promise<Generation[]> {
    const directory = dirname(this.path);
    const prefix = `${basename(this.path)}.`;
    let names: string[];
    try {
      names = await readdir(directory);
    } catch (error) {
      if (isCode(AppError.from(error), "NOT_FOUND")) return [];
      throw AppError.wrap(error, "The terminal's log can't be read");
    }
    return names
      .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
      .map((name) => ({ path: join(directory, name), base: Number(name.slice(prefix.length)) }))
      .sort((a, b) => a.base - b.base);
  }
}

/** Output from a position on, across rotations. Not to be called while a call is under way. */
export class TerminalLogReader {
  readonly #log: TerminalLog;
  readonly #buffer = Buffer.allocUnsafe(chunkLength);
  #position: number;
  #open: OpenGeneration | undefined;

  constructor(log: TerminalLog, position: number) {
    this.#log = log;
    this.#position = position;
  }

  /** The position after the last whole record that was read. */
  get position(): number {
    return this.#position;
  }

  /** Some more output, or undefined when there is none now. */
  async next(): Promise<Output | undefined> {
    let gap = false;
    for (;;) {
      const opened = (this.#open ??= await this.#openAt());
      if (!opened) return undefined;
      gap ||= opened.base > this.#position;
      this.#position = Math.max(this.#position, opened.base);
      const bytes = await this.#read(opened);
      if (bytes) return { bytes, offset: this.#position, gap };
      // Nothing more: it may have been put aside. When another is in its place, it is final; what
      // was written between our read and the rotation is read first.
      const inode = await inodeOf(this.#log.path);
      if (inode === undefined || inode === opened.inode) return undefined;
      const rest = await this.#read(opened);
      if (rest) return { bytes: rest, offset: this.#position, gap };
      this.#position = opened.base + opened.at;
      await this.close();
    }
  }

  async close(): Promise<void> {
    const opened = this.#open;
    this.#open = undefined;
    await opened?.file.close();
  }

  /** Reads until there is some output; undefined at the end of the file. */
  async #read(opened: OpenGeneration): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      const { bytesRead } = await opened.file.read(this.#buffer, 0, chunkLength, opened.at);
      if (bytesRead === 0) return undefined;
      opened.at += bytesRead;
      const output = new OutputBuilder(bytesRead + chunkLength);
      opened.parser.push(this.#buffer.subarray(0, bytesRead), (record) => output.add(record));
      this.#position = opened.parser.position;
      if (output.length > 0) return output.bytes();
    }
  }

  async #openAt(): Promise<OpenGeneration | undefined> {
    for (;;) {
      const generations = await this.#log.generations();
      const generation =
        generations.findLast(({ base }) => base <= this.#position) ?? generations[0];
      // None, or put aside just now: what makes the new file wakes whoever waits.
      if (!generation) return undefined;
      const { path, base } = generation;
      const file = await open(path).catch((error: unknown) => {
        if (!isCode(AppError.from(error), "NOT_FOUND")) throw error;
      });
      if (!file) continue;
      let right = false;
      try {
        const { ino } = await file.stat();
        // A rotation between the listing and the opening gives the new file the old one's name.
        const now = await this.#log.generations();
        right = now.some((other) => other.path === path && other.base === base);
        const from = Math.max(this.#position, base);
        const opened = { file, inode: ino, base, at: from - base, parser: new CriParser(from) };
        if (right) return opened;
      } finally {
        if (!right) await file.close();
      }
    }
  }
}

/** Joins the texts of records to the bytes that the process wrote. */
class OutputBuilder {
  #bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  add(record: CriRecord): void {
    const length = record.textEnd - record.textStart;
    const needed = this.length + length + 1;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(needed * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(record.bytes.subarray(record.textStart, record.textEnd), this.length);
    this.length += length;
    if (!record.partial) {
      this.#bytes[this.length] = 0x0a;
      this.length += 1;
    }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino;
}

async function endOf(generations: Generation[]): Promise<number> {
  const last = generations.at(-1);
  return last ? last.base + ((await sizeOf(last.path)) ?? 0) : 0;
}
