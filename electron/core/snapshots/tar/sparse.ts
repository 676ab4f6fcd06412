import { BadHeader, blockSize, number } from "./tar-header.ts";

/** A piece of a sparse file that is in the archive; what lies between is zeros. Bytes. */
export interface Segment {
  offset: number;
  length: number;
}

/** Zeros of a sparse file, which its archive does not have. */
export class Hole {
  /** Bytes. */
  readonly length: number;

  constructor(length: number) {
    this.length = length;
  }

  /** They are not to be written to. */
  *zeros(): Generator<Uint8Array> {
    for (let left = this.length; left > 0; left -= zeros.length) yield zeros.subarray(0, left);
  }
}

/** Zeros are handed out in pieces of this. */
const zeros = new Uint8Array(256 * 1024);

/** Up to `count` pairs of 12-byte numbers of GNU's old format; an empty one ends them. */
export function oldSegments(block: Buffer, at: number, count: number): Segment[] {
  const found: Segment[] = [];
  for (let index = 0; index < count; index += 1) {
    const from = at + index * 24;
    if (block[from] === 0) break;
    found.push({ offset: number(block, from, 12), length: number(block, from + 12, 12) });
  }
  return found;
}

/** Pairs of numbers: GNU.sparse.map of format 0.1, or the records of 0.0 in their order. */
export function pairs(numbers: number[]): Segment[] {
  if (numbers.length % 2 !== 0) throw new BadHeader("a sparse file's map is damaged");
  const found: Segment[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    found.push({ offset: numbers[at] as number, length: numbers[at + 1] as number });
  }
  return found;
}

/**
 * The map that format 1.0 puts before a file's bytes: decimal numbers, a line each, the first their count, in whole
 * blocks. undefined while `data` does not hold all of it.
 */
export function parseMap(data: Buffer): { segments: Segment[]; bytes: number } | undefined {
  const text = data.toString("latin1");
  const lines = text.split("\n");
  // What follows the last line break is no line yet.
  lines.pop();
  const [first] = lines;
  if (first === undefined) return undefined;
  if (!/^\d{1,10}$/.test(first)) throw new BadHeader("a sparse file's map is damaged");
  const wanted = 1 + 2 * Number(first);
  if (lines.length < wanted) return undefined;
  const numbers = lines.slice(1, wanted);
  if (!numbers.every((line) => /^\d{1,15}$/.test(line))) {
    throw new BadHeader("a sparse file's map is damaged");
  }
  const used = lines.slice(0, wanted).reduce((sum, line) => sum + line.length + 1, 0);
  return {
    segments: pairs(numbers.map(Number)),
    bytes: Math.ceil(used / blockSize) * blockSize,
  };
}

/** As `parseMap` reads it: an empty piece at the end of a file that ends in a hole says how long the file is. */
export function encodeMap(segments: readonly Segment[], size: number): Buffer {
  const pieces = segments.filter(({ length }) => length > 0);
  const last = pieces.at(-1);
  if (!last || last.offset + last.length < size) pieces.push({ offset: size, length: 0 });
  const numbers = [pieces.length, ...pieces.flatMap(({ offset, length }) => [offset, length])];
  const map = Buffer.from(numbers.map((number) => `${number}\n`).join(""));
  return Buffer.concat([map], Math.ceil(map.length / blockSize) * blockSize);
}

/** They must follow each other, lie in the file, and be what the archive holds. Throws BadHeader. */
export function checkSegments(segments: Segment[], size: number, stored: number): void {
  let end = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > size) {
      throw new BadHeader("a sparse file's map contradicts itself");
    }
    end = offset + length;
  }
  if (storedSize(segments) !== stored)
    throw new BadHeader("a sparse file's map contradicts its size");
}

/** Bytes that the archive has of a sparse file. */
export function storedSize(segments: readonly Segment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}
