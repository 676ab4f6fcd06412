import { type FileHandle, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Event } from "#shared/contract/activity";
import { AppError, type ErrorInfo } from "#shared/errors";

/** Bytes; with `maxFiles` the journal is at most about 32 MiB, some 150,000 events. */
const maxFileSize = 8 * 1024 * 1024;
const maxFiles = 4;
/** Read at a time when going backwards, bytes: parsing it takes well below a millisecond. */
const chunkSize = 64 * 1024;
/** Lines kept in memory while the disk refuses them; then the oldest go. */
const maxPending = 10_000;

export interface JournalQuery {
  containerId?: string | undefined;
  /** Only events with a smaller seq. */
  before?: number | undefined;
  limit: number;
  /** Without those that another one tells of. */
  brief?: boolean | undefined;
}

/**
 * Events on disk, a JSON line each, in files named by the first seq in them. Appends are gathered
 * while one is being written, so a burst costs few writes. A line cut short by a crash is skipped.
 */
export class Journal {
  readonly #directory: string;
  readonly #limits: { maxFileSize: number; maxFiles: number };
  #files: number[];
  #file: FileHandle | undefined;
  #size = 0;
  #pending: { seq: number; text: string }[] = [];
  #writing: Promise<void> | undefined;
  #lastSeq = 0;
  #error: ErrorInfo | undefined;
  /** The file may end inside a line. */
  #torn = false;

  private constructor(
    directory: string,
    files: number[],
    limits: { maxFileSize: number; maxFiles: number },
  ) {
    this.#directory = directory;
    this.#files = files;
    this.#limits = limits;
  }

  static async open(
    directory: string,
    limits: { maxFileSize: number; maxFiles: number } = { maxFileSize, maxFiles },
  ): Promise<Journal> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const files = (await readdir(directory))
      .map((name) => /^(\d+)\.jsonl$/.exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
    const journal = new Journal(directory, files, limits);
    const [newest] = await journal.query({ limit: 1 });
    // An empty newest file still tells how far the numbers went.
    journal.#lastSeq = Math.max(newest?.seq ?? 0, (files.at(-1) ?? 1) - 1);
    journal.#torn = true;
    return journal;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Why the last write failed; undefined when the disk has, or will soon have, everything. */
  get error(): ErrorInfo | undefined {
    return this.#error;
  }

  append(event: Event): void {
    this.#lastSeq = event.seq;
    this.#pending.push({ seq: event.seq, text: `${JSON.stringify(event)}\n` });
    if (this.#pending.length > maxPending) this.#pending.shift();
    this.#writing ??= this.#write();
  }

  /** Newest first. What is being written just now is waited for. */
  async query(query: JournalQuery): Promise<Event[]> {
    await this.#writing;
    const found: Event[] = [];
    const needle = query.containerId && JSON.stringify(query.containerId);
    for (const first of [...this.#files].reverse()) {
      if (query.before !== undefined && first >= query.before) continue;
      for await (const line of linesBackwards(this.#path(first))) {
        if (needle && !line.includes(needle)) continue;
        const event = parse(line);
        if (!event || (query.before !== undefined && event.seq >= query.before)) continue;
        if (query.containerId && event.containerId !== query.containerId) continue;
        if (query.brief && event.partOf !== undefined) continue;
        found.push(event);
        if (found.length >= query.limit) return found;
      }
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  #path(first: number): string {
    return join(this.#directory, `${String(first).padStart(16, "0")}.jsonl`);
  }

  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const batch = this.#pending;
        this.#pending = [];
        try {
          await this.#writeBatch(batch);
          this.#error = undefined;
        } catch (error) {
          this.#torn = true;
          this.#error = AppError.wrap(error, "The event journal can't be written").toInfo();
          this.#pending = [...batch, ...this.#pending].slice(-maxPending);
          // Tried again with the next event.
          return;
        }
      }
    } finally {
      this.#writing = undefined;
    }
  }

  async #writeBatch(batch: { seq: number; text: string }[]): Promise<void> {
    if (this.#file && this.#size >= this.#limits.maxFileSize) {
      await this.#file.close();
      this.#file = undefined;
      this.#files.push(batch[0]?.seq ?? this.#lastSeq);
      while (this.#files.length > this.#limits.maxFiles) {
        await rm(this.#path(this.#files.shift() as number), { force: true });
      }
    }
    if (!this.#file) {
      if (this.#files.length === 0) this.#files.push(batch[0]?.seq ?? 1);
      this.#file = await open(this.#path(this.#files.at(-1) as number), "a", 0o600);
      this.#size = (await this.#file.stat()).size;
    }
    const start = this.#torn && this.#size > 0 ? "\n" : "";
    const bytes = Buffer.from(start + batch.map(({ text }) => text).join(""));
    try {
      await this.#file.appendFile(bytes);
    } catch (error) {
      // A full disk has taken the beginning; all of it is written again.
      await this.#file.truncate(this.#size).catch(() => undefined);
      throw error;
    }
    this.#torn = false;
    this.#size += bytes.length;
  }
}

/** The lines of a file, last first, without blank ones. Nothing when there is no such file. */
async function* linesBackwards(path: string): AsyncGenerator<string, void, void> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return;
  try {
    let position = (await file.stat()).size;
    let rest: Buffer = Buffer.alloc(0);
    while (position > 0) {
      const length = Math.min(chunkSize, position);
      position -= length;
      const chunk = Buffer.alloc(length);
      await file.read(chunk, 0, length, position);
      const bytes = Buffer.concat([chunk, rest]);
      // What is before the first newline may continue in the chunk before.
      const cut = position > 0 ? bytes.indexOf(10) : -1;
      if (position > 0 && cut < 0) {
        rest = bytes;
        continue;
      }
      rest = bytes.subarray(0, cut + 1);
      const lines = bytes
        .subarray(cut + 1)
        .toString()
        .split("\n");
      for (const line of lines.reverse()) if (line) yield line;
    }
  } finally {
    await file.close();
  }
}

function parse(line: string): Event | undefined {
  try {
    return Event.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
