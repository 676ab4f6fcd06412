import { encodeRecord, formatTime } from "./pax.ts";
import { encodeMap, type Segment, storedSize } from "./sparse.ts";
import type { TarEntry } from "./tar-entry.ts";
import { blockSize, sumOf } from "./tar-header.ts";
import { padding } from "./tar-reader.ts";

const flags = {
  ...{ file: "0", link: "1", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" },
  label: "g",
};

/** The largest numbers of 7 and of 11 octal digits. */
const max7 = 0o7777777;
const max11 = 0o77777777777;

/**
 * The header of an entry, with an extended one before it for what ustar can't say: one way to write each thing, so that
 * who reads it needs to know no other. The entry's bytes follow, and `zerosAfter` of them.
 */
export function encodeHeader(entry: TarEntry): Buffer {
  return header(entry, []);
}

/**
 * The same of a sparse file, with the map of where its bytes are (pax's format 1.0 of GNU's): only those follow, and
 * `zerosAfter` of them.
 */
export function encodeSparseHeader(entry: TarEntry, segments: readonly Segment[]): Buffer {
  const map = encodeMap(segments, entry.size);
  const records = Object.entries({ major: 1, minor: 0, realsize: entry.size }).map(([key, value]) =>
    encodeRecord(`GNU.sparse.${key}`, Buffer.from(String(value))),
  );
  const size = map.length + storedSize(segments);
  return Buffer.concat([header({ ...entry, size }, records), map]);
}

function header(entry: TarEntry, records: Buffer[]): Buffer {
  const record = (key: string, value: string): void => {
    records.push(encodeRecord(key, Buffer.from(value, "latin1")));
  };
  const path = entry.type === "directory" ? `${entry.path}/` : entry.path;
  const { uid, gid, size, mtime, target } = entry;
  if (path.length > 100) record("path", path);
  if (target.length > 100) record("linkpath", target);
  if (uid > max7) record("uid", String(uid));
  if (gid > max7) record("gid", String(gid));
  if (size > max11) record("size", String(size));
  const plainTime = mtime.nanoseconds === 0 && mtime.seconds >= 0 && mtime.seconds <= max11;
  if (!plainTime) record("mtime", formatTime(mtime));
  for (const [name, value] of entry.xattrs) {
    records.push(encodeRecord(`SCHILY.xattr.${name}`, value));
  }
  const own = block(entry, flags[entry.type], path, size);
  if (records.length === 0) return own;
  const body = Buffer.concat(records);
  const about = { ...entry, target: "", mode: 0o644, uid: 0, gid: 0, major: 0, minor: 0 };
  const extended = block(about, "x", "pax", body.length);
  return Buffer.concat([extended, body, zerosAfter(body.length), own]);
}

const zeros = Buffer.alloc(blockSize);

/** What fills the last block of so many bytes. */
export function zerosAfter(size: number): Buffer {
  return zeros.subarray(0, padding(size));
}

/** The end of an archive. */
export const archiveEnd: Buffer = Buffer.alloc(2 * blockSize);

function block(entry: TarEntry, flag: string, path: string, size: number): Buffer {
  // Of Buffer's pool, which memory of its own for each would be many times as dear as.
  const header = Buffer.allocUnsafe(blockSize).fill(0);
  header.write(path.slice(0, 100), 0, "latin1");
  octal(header, 100, 8, entry.mode);
  octal(header, 108, 8, entry.uid > max7 ? 0 : entry.uid);
  octal(header, 116, 8, entry.gid > max7 ? 0 : entry.gid);
  octal(header, 124, 12, size > max11 ? 0 : size);
  const { seconds } = entry.mtime;
  octal(header, 136, 12, seconds >= 0 && seconds <= max11 ? seconds : 0);
  header.write(flag, 156, "latin1");
  header.write(entry.target.slice(0, 100), 157, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  octal(header, 329, 8, entry.major);
  octal(header, 337, 8, entry.minor);
  octal(header, 148, 7, sumOf(header));
  header[155] = 0x20;
  return header;
}

/** Digits up to the last byte, which stays NUL. */
function octal(header: Buffer, at: number, length: number, value: number): void {
  let rest = value;
  for (let place = at + length - 2; place >= at; place -= 1) {
    header[place] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}
