/**
 * conmon's k8s-file format, which is the CRI's
 * (https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md):
 * `TIME SP STREAM SP TAG SP TEXT LF`. Tag F: TEXT was followed by a newline. Tag P: it was not, more
 * of that line may come. Nothing is decoded here: a character may be split between two records.
 */
export const stdout = 0;
export const stderr = 1;
export type StreamNumber = typeof stdout | typeof stderr;

const lineFeed = 0x0a;
const space = 0x20;

/** A record, valid only until the visitor returns: the parser reuses the object and the bytes. */
export interface CriRecord {
  /** Where the record begins and ends (after its LF), counted from the first byte ever pushed plus the parser's base. */
  start: number;
  end: number;
  stream: StreamNumber;
  partial: boolean;
  bytes: Buffer;
  /** Length of the time, which is at `from` in `bytes`; 0 in a line that is not a record. */
  from: number;
  timeLength: number;
  textStart: number;
  textEnd: number;
}

/**
 * Longest record that is waited for; conmon's are at most 8 KiB and a few words. What is longer is
 * no record, and is handed on in pieces so that no file can exhaust memory.
 */
const maxRecord = 1 << 20;

/**
 * Bytes in any chunks to records, in order. A last line without LF stays inside until more is
 * pushed, so that a record caught while being written is never seen torn. A line that is no record
 * (a disk that filled up, an edited file) is given as a full line of stdout with no time.
 */
export class CriParser {
  readonly #record: CriRecord = {
    start: 0,
    end: 0,
    stream: stdout,
    partial: false,
    bytes: Buffer.alloc(0),
    from: 0,
    timeLength: 0,
    textStart: 0,
    textEnd: 0,
  };
  #rest: Buffer[] = [];
  #restLength = 0;
  #position: number;

  /** `position`: where in the file the first byte lies; must be the start of a record. */
  constructor(position = 0) {
    this.#position = position;
  }

  /** Where the record that is not complete yet begins. */
  get position(): number {
    return this.#position;
  }

  push(chunk: Uint8Array, visit: (record: CriRecord) => void): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    if (this.#restLength > 0) {
      const newline = bytes.indexOf(lineFeed);
      const end = newline < 0 ? bytes.length : newline + 1;
      this.#keep(bytes.subarray(0, end));
      if (newline < 0 && this.#restLength < maxRecord) return;
      const record = Buffer.concat(this.#rest, this.#restLength);
      this.#rest = [];
      this.#restLength = 0;
      this.#emit(record, 0, record.length, newline >= 0, visit);
      from = end;
    }
    while (from < bytes.length) {
      const newline = bytes.indexOf(lineFeed, from);
      if (newline < 0) {
        this.#keep(bytes.subarray(from));
        return;
      }
      this.#emit(bytes, from, newline + 1, true, visit);
      from = newline + 1;
    }
  }

  #keep(piece: Buffer): void {
    // Copied: the caller may use its buffer again.
    this.#rest.push(Buffer.from(piece));
    this.#restLength += piece.length;
  }

  #emit(
    bytes: Buffer,
    from: number,
    to: number,
    ended: boolean,
    visit: (record: CriRecord) => void,
  ): void {
    const record = this.#record;
    const lineEnd = ended ? to - 1 : to;
    record.start = this.#position;
    this.#position += to - from;
    record.end = this.#position;
    record.bytes = bytes;
    record.from = from;
    record.textEnd = lineEnd;
    if (!readHead(record, lineEnd)) {
      record.stream = stdout;
      record.partial = false;
      record.timeLength = 0;
      record.textStart = from;
    }
    if (!ended) record.partial = true;
    visit(record);
  }
}

/** "std" then 'o' or 'e', then the tag: the only parts that are looked at, so that indexing is quick. */
function readHead(record: CriRecord, lineEnd: number): boolean {
  const { bytes, from } = record;
  const timeEnd = bytes.indexOf(space, from);
  // The shortest time is 20 bytes (no fraction, Z), the longest 35; after it come 9 of " stdout F".
  if (timeEnd < from + 20 || timeEnd > from + 40 || timeEnd + 9 > lineEnd) return false;
  if (bytes[timeEnd + 1] !== 0x73 || bytes[timeEnd + 2] !== 0x74 || bytes[timeEnd + 3] !== 0x64) {
    return false;
  }
  if (bytes[timeEnd + 7] !== space) return false;
  const letter = bytes[timeEnd + 4];
  if (letter !== 0x6f && letter !== 0x65) return false;
  const tag = bytes[timeEnd + 8];
  if (tag !== 0x46 && tag !== 0x50) return false;
  // " F" may be the line's end: an empty line written without the last space.
  if (timeEnd + 9 < lineEnd && bytes[timeEnd + 9] !== space) return false;
  record.stream = letter === 0x6f ? stdout : stderr;
  record.partial = tag === 0x50;
  record.timeLength = timeEnd - from;
  record.textStart = Math.min(timeEnd + 10, lineEnd);
  return true;
}
