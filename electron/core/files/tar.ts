import type { Stats } from "node:fs";

/** What is written of a file: a name ends with a slash when it is a directory's. */
export interface TarMember {
  name: Buffer;
  stats: Stats;
  user?: string | undefined;
  group?: string | undefined;
  /** Of a symbolic link. */
  target?: Buffer;
}

const block = 512;
/** Two empty blocks end an archive. */
export const tarEnd = Buffer.alloc(2 * block);

/** What follows `size` bytes of content, up to the next block. */
export function tarPadding(size: number): Buffer<ArrayBuffer> {
  return Buffer.alloc((block - (size % block)) % block);
}

/**
 * The header of a member (POSIX.1-2001, pax): ustar's, and before it an extended one for what has no room there. Names
 * go as the bytes they are, which GNU tar and busybox both take.
 */
export function tarHeader(member: TarMember): Buffer<ArrayBuffer> {
  const { name, stats, target } = member;
  const size = stats.isFile() ? stats.size : 0;
  const records: Buffer[] = [];
  if (name.length > 100) records.push(record("path", name));
  if (target && target.length > 100) records.push(record("linkpath", target));
  // Eleven octal digits, seven for ids.
  if (size > 0o77777777777) records.push(record("size", Buffer.from(String(size))));
  if (stats.uid > 0o7777777) records.push(record("uid", Buffer.from(String(stats.uid))));
  if (stats.gid > 0o7777777) records.push(record("gid", Buffer.from(String(stats.gid))));
  const extended = Buffer.concat(records);
  const type = stats.isSymbolicLink() ? "2" : stats.isDirectory() ? "5" : "0";
  const own = ustar({ ...member, type, size });
  if (extended.length === 0) return own;
  const about = ustar({ name: Buffer.from("PaxHeader"), stats, type: "x", size: extended.length });
  return Buffer.concat([about, extended, tarPadding(extended.length), own]);
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function record(key: string, value: Buffer): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from("\n")]);
}

function ustar(member: TarMember & { type: string; size: number }): Buffer<ArrayBuffer> {
  const { name, stats, type, size, target, user = "", group = "" } = member;
  const header = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number): void => {
    const most = 8 ** (length - 1) - 1;
    const digits = Math.min(Math.max(0, Math.floor(value)), most).toString(8);
    header.write(`${digits.padStart(length - 1, "0")}\0`, at, "latin1");
  };
  name.copy(header, 0, 0, 100);
  octal(stats.mode & 0o7777, 100, 8);
  octal(stats.uid, 108, 8);
  octal(stats.gid, 116, 8);
  octal(size, 124, 12);
  octal(stats.mtimeMs / 1000, 136, 12);
  header.write("        ", 148, "latin1");
  header.write(type, 156, "latin1");
  target?.copy(header, 157, 0, 100);
  header.write("ustar\x0000", 257, "latin1");
  header.write(user.slice(0, 31), 265, "latin1");
  header.write(group.slice(0, 31), 297, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}
