import { CriParser, type StreamNumber } from "./cri-parser.ts";
import { logStart, type LogMark } from "./log-lines.ts";

/** A mark every so many lines, or bytes, whichever comes first: what a read scans at most in vain. */
const linesPerMark = 512;
const bytesPerMark = 256 * 1024;

/** An index as plain data, for a worker or the disk. */
export interface IndexState {
  /** Everything before this is indexed; it is the start of a record. */
  position: number;
  /** Lines that have begun. */
  lines: number;
  /** Per stream: in the middle of a line. */
  open: [boolean, boolean];
  /** Triples: line, position, open stream + 1 (0: none). About 24 bytes for 256 KiB of log. */
  marks: Float64Array;
}

/**
 * From line numbers to places in the file, sparse: for a log of 1 GB about 100 KiB. Built by pushing
 * the file's bytes once, in any chunks; what is appended is pushed later.
 */
export class LogIndex {
  #parser: CriParser;
  #lines: number;
  readonly #open: [boolean, boolean];
  #marks: Float64Array;
  #used: number;

  constructor(state?: IndexState) {
    this.#parser = new CriParser(state?.position ?? 0);
    this.#lines = state?.lines ?? 0;
    this.#open = state ? [...state.open] : [false, false];
    this.#marks = state?.marks ?? new Float64Array(0);
    this.#used = this.#marks.length;
  }

  /** Lines that have begun, the unfinished ones included. */
  get lines(): number {
    return this.#lines;
  }

  /** Up to here the file is known. The next byte to push lies at `pushed`, behind a torn record. */
  get position(): number {
    return this.#parser.position;
  }

  push(chunk: Uint8Array): void {
    this.#parser.push(chunk, ({ stream, partial, start }) => {
      if (!this.#open[stream]) {
        this.#mark(start, stream);
        this.#lines += 1;
      }
      this.#open[stream] = partial;
    });
  }

  /** Drops the torn record at the end, so that pushing goes on at `position`. */
  rewind(): void {
    this.#parser = new CriParser(this.#parser.position);
  }

  /** The last mark at or before a line. */
  markFor(line: number): LogMark {
    let low = 0;
    let high = this.#used / 3;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle * 3] ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return logStart;
    const at = (low - 1) * 3;
    const open = this.#marks[at + 2] ?? 0;
    return {
      line: this.#marks[at] ?? 0,
      position: this.#marks[at + 1] ?? 0,
      open: open === 0 ? undefined : ((open - 1) as StreamNumber),
    };
  }

  /** A copy of everything, without the torn record at the end. */
  state(): IndexState {
    return {
      position: this.position,
      lines: this.#lines,
      open: [...this.#open],
      marks: this.#marks.slice(0, this.#used),
    };
  }

  #mark(position: number, stream: StreamNumber): void {
    const used = this.#used;
    const lastLine = used === 0 ? 0 : (this.#marks[used - 3] ?? 0);
    const lastPosition = used === 0 ? 0 : (this.#marks[used - 2] ?? 0);
    if (this.#lines - lastLine < linesPerMark && position - lastPosition < bytesPerMark) return;
    if (used + 3 > this.#marks.length) {
      const grown = new Float64Array(Math.max(96, used * 2));
      grown.set(this.#marks.subarray(0, used));
      this.#marks = grown;
    }
    const other = stream === 0 ? 1 : 0;
    this.#marks[used] = this.#lines;
    this.#marks[used + 1] = position;
    this.#marks[used + 2] = this.#open[other] ? other + 1 : 0;
    this.#used += 3;
  }
}
