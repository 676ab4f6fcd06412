import type { LogLine } from "#shared/contract/logs";
import { CriParser, stderr, stdout, type CriRecord, type StreamNumber } from "./cri-parser.ts";

/** Text of a line that is handed to a window: what is longer is cut, and says so. */
export const maxText = 64 * 1024;

/** Where in a log to begin reading: `position` is the start of line `line`'s first record. */
export interface LogMark {
  line: number;
  position: number;
  /** A line of this stream began earlier and goes on: its further pieces are not a new line. */
  open: StreamNumber | undefined;
}

export const logStart: LogMark = { line: 0, position: 0, open: undefined };

interface OpenLine {
  line: number;
  time: string;
  pieces: Buffer[];
  length: number;
  cut: boolean;
}

export interface RawLine {
  line: number;
  time: string;
  stream: StreamNumber;
  /** Without the newline (CR LF from a terminal). */
  bytes: Buffer;
  cut: boolean;
}

/**
 * Joins records to lines, per stream, from a mark on. Lines are numbered in the order they begin and
 * handed over when they end; unfinished ones can be looked at with `open`.
 */
export class LineJoiner {
  readonly #parser: CriParser;
  readonly #limit: number;
  readonly #beyond: "drop" | "break";
  readonly #open: (OpenLine | undefined)[] = [undefined, undefined];
  /** Streams in the middle of a line whose beginning lies before the mark. */
  readonly #foreign = [false, false];
  #next: number;

  /**
   * `limit`: bytes kept of a line. What is beyond is dropped and the line marked as cut; or ("break", where the limit is
   * more than a record has) handed over as further lines of the same number.
   */
  constructor(mark: LogMark, limit = maxText, beyond: "drop" | "break" = "drop") {
    this.#parser = new CriParser(mark.position);
    this.#limit = limit;
    this.#beyond = beyond;
    this.#next = mark.line;
    if (mark.open !== undefined) this.#foreign[mark.open] = true;
  }

  /** The number of the next line that will begin. */
  get next(): number {
    return this.#next;
  }

  /** Where the first byte that makes no whole record yet lies. */
  get position(): number {
    return this.#parser.position;
  }

  push(chunk: Uint8Array, visit: (line: RawLine) => void): void {
    this.#parser.push(chunk, (record) => this.#record(record, visit));
  }

  /** Lines that began and have not ended, in order. */
  open(): RawLine[] {
    const lines: RawLine[] = [];
    for (const stream of [stdout, stderr] as const) {
      const open = this.#open[stream];
      if (open) lines.push(finish(open, stream));
    }
    return lines.sort((a, b) => a.line - b.line);
  }

  /** Changes whenever an unfinished line begins, grows or ends. */
  openKey(): string {
    return this.#open.map((open) => (open ? `${open.line}:${open.length}` : "")).join(" ");
  }

  #record(record: CriRecord, visit: (line: RawLine) => void): void {
    const { stream } = record;
    if (this.#foreign[stream]) {
      if (!record.partial) this.#foreign[stream] = false;
      return;
    }
    const { bytes, from, timeLength, textStart, textEnd } = record;
    let open = this.#open[stream];
    if (open && this.#beyond === "break" && open.length + textEnd - textStart > this.#limit) {
      visit(finish(open, stream, false));
      const time = bytes.toString("latin1", from, from + timeLength);
      open = this.#open[stream] = { ...open, time, pieces: [], length: 0 };
    }
    if (!open) {
      const line = this.#next;
      this.#next += 1;
      const time = bytes.toString("latin1", from, from + timeLength);
      if (!record.partial) {
        const end = Math.min(textEnd, textStart + this.#limit);
        const text = bytes.subarray(textStart, trimmed(bytes, textStart, end));
        visit({ line, time, stream, bytes: text, cut: end < textEnd });
        return;
      }
      open = { line, time, pieces: [], length: 0, cut: false };
      this.#open[stream] = open;
    }
    const room = this.#limit - open.length;
    const length = textEnd - textStart;
    if (length > room) open.cut = true;
    if (room > 0 && length > 0) {
      const end = textStart + Math.min(room, length);
      open.pieces.push(Buffer.from(bytes.subarray(textStart, end)));
      open.length += end - textStart;
    }
    if (!record.partial) {
      this.#open[stream] = undefined;
      visit(finish(open, stream));
    }
  }
}

/** `whole`: its end is the line's, where a terminal has put a CR. */
function finish(open: OpenLine, stream: StreamNumber, whole = true): RawLine {
  if (open.pieces.length > 1) open.pieces = [Buffer.concat(open.pieces, open.length)];
  const bytes = open.pieces[0] ?? Buffer.alloc(0);
  return {
    line: open.line,
    time: open.time,
    stream,
    bytes: whole ? bytes.subarray(0, trimmed(bytes, 0, bytes.length)) : bytes,
    cut: open.cut,
  };
}

/** The end without the CR that a terminal puts before each LF. */
function trimmed(bytes: Buffer, from: number, to: number): number {
  return to > from && bytes[to - 1] === 0x0d ? to - 1 : to;
}

/** As the contract has it. */
export function toLogLine(raw: RawLine, open = false): LogLine {
  return {
    line: raw.line,
    time: raw.time,
    stream: raw.stream === stdout ? "stdout" : "stderr",
    text: raw.bytes.toString("utf8"),
    ...(raw.cut ? { cut: true } : {}),
    ...(open ? { open: true } : {}),
  };
}
