/** The fixed fields of a member: POSIX.1-1988 (ustar), and what GNU tar and star made of them. */
export interface TarHeader {
  flag: string;
  name: string;
  linkName: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  major: number;
  minor: number;
}

export const blockSize = 512;

/** Thrown by what parses; the reader says where. */
export class BadHeader extends Error {}

/** A block of 512 bytes. Throws BadHeader for one that no header is. */
export function parseHeader(block: Buffer): TarHeader {
  checkSum(block);
  const magic = block.toString("latin1", 257, 265);
  const posix = magic.startsWith("ustar\0");
  const gnu = magic === "ustar  \0";
  const name = text(block, 0, 100);
  const prefix = posix ? posixPrefix(block) : gnu ? goPrefix(block) : "";
  const devices = posix || gnu;
  return {
    flag: block.toString("latin1", 156, 157),
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtime: number(block, 136, 12),
    major: devices ? number(block, 329, 8) : 0,
    minor: devices ? number(block, 337, 8) : 0,
  };
}

/** star keeps times in the last bytes of it. */
function posixPrefix(block: Buffer): string {
  const star = block.toString("latin1", 508, 512) === "tar\0";
  return text(block, 345, star ? 131 : 155);
}

/** GNU tar has times there, but Go's writer before 1.8 put a prefix (golang.org/issue/21005). */
function goPrefix(block: Buffer): string {
  try {
    number(block, 345, 12);
    return "";
  } catch {
    return text(block, 345, 155);
  }
}

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function checkSum(block: Buffer): void {
  const said = number(block, 148, 8);
  const sum = sumOf(block);
  if (said === sum) return;
  // Some old tars took bytes for signed.
  let negative = 0;
  for (let at = 0; at < blockSize; at += 1) {
    if ((at < 148 || at >= 156) && (block[at] as number) >= 128) negative += 1;
  }
  if (said !== sum - 256 * negative) throw new BadHeader("a header's checksum is wrong");
}

/** The sum of all bytes of a header, the field that it is kept in taken as spaces. */
export function sumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < 148; at += 1) sum += block[at] as number;
  for (let at = 156; at < blockSize; at += 1) sum += block[at] as number;
  return sum;
}

/** Up to the first NUL. */
export function text(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at);
  return block.toString("latin1", at, end < 0 || end > at + length ? at + length : end);
}

/** Octal digits between spaces and NULs; or, with the highest bit set, a big-endian number (GNU, star). */
export function number(block: Buffer, at: number, length: number): number {
  const first = block[at] as number;
  if (first & 0x80) return binary(block, at, length);
  // Without strings: it is done eight times a file.
  let [from, to] = [at, at + length];
  while (from < to && isBlank(block[from] as number)) from += 1;
  while (to > from && isBlank(block[to - 1] as number)) to -= 1;
  let value = 0;
  for (; from < to; from += 1) {
    const digit = (block[from] as number) - 0x30;
    // What follows the first NUL is no part of it.
    if (digit === -0x30) break;
    if (digit < 0 || digit > 7) throw new BadHeader("a header has no number where one belongs");
    value = value * 8 + digit;
  }
  return value;
}

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0;

function binary(block: Buffer, at: number, length: number): number {
  const negative = ((block[at] as number) & 0x40) !== 0;
  let value = BigInt((block[at] as number) & 0x3f) - (negative ? 0x40n : 0n);
  for (let index = at + 1; index < at + length; index += 1) {
    value = value * 256n + BigInt(block[index] as number);
  }
  const result = Number(value);
  if (!Number.isSafeInteger(result)) throw new BadHeader("a number of a header is too big");
  return result;
}
