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

/** The sum of all bytes, its own field taken as spaces. Some old tars took bytes for signed. */
function checkSum(block: Buffer): void {
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < blockSize; at += 1) {
    const byte = at >= 148 && at < 156 ? 0x20 : (block[at] as number);
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const said = number(block, 148, 8);
  if (said !== unsigned && said !== signed) throw new BadHeader("a header's checksum is wrong");
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
  const digits = block.toString("latin1", at, at + length).replace(/^[ \0]+|[ \0]+$/g, "");
  // What follows the first NUL is no part of it.
  const [word = ""] = digits.split("\0");
  if (!/^[0-7]*$/.test(word)) throw new BadHeader("a number of a header is none");
  return word === "" ? 0 : Number.parseInt(word, 8);
}

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
