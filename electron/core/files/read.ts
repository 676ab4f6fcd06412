import { closeSync, constants, fstatSync, opendirSync, readlinkSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { FileText } from "#shared/contract/files";
import { AppError } from "#shared/errors";
import { type Owners, typeOf } from "./entries.ts";
import { bytesOf } from "./name-bytes.ts";
import {
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "./openat.ts";
import { inside, type Place, type RootDirectory, self } from "./root-directory.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";

/** Bytes of a piece of a download: few frames, and with a window of them on the way a few MiB. */
const chunkSize = 128 * 1024;

/** The start of a file as text. FAILED_PRECONDITION for what is no regular file, which is not opened. */
export function readText(root: RootDirectory, path: string, limit: number): Promise<FileText> {
  return root.at(path, async (fd) => {
    const file = await openRegular(fd);
    try {
      // One more than asked for, to know whether there is more: /proc says no sizes.
      const bytes = Buffer.alloc(limit + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length, null);
        length += bytesRead;
        if (bytesRead === 0 || length === bytes.length) break;
      }
      const { size } = await file.stat();
      const shown = Math.min(length, limit);
      const cut = length > limit;
      return { ...decode(bytes.subarray(0, shown), cut), size: Math.max(size, length), cut };
    } finally {
      await file.close();
    }
  });
}

function decode(bytes: Buffer, cut: boolean): Pick<FileText, "text" | "encoding"> {
  const marks: [string, "utf-16le" | "utf-16be"][] = [
    ["\xff\xfe", "utf-16le"],
    ["\xfe\xff", "utf-16be"],
  ];
  const mark = marks.find(([mark]) => bytes.toString("latin1", 0, 2) === mark);
  const encoding = mark?.[1] ?? "utf-8";
  // As git and grep do: no text has a zero byte.
  if (!mark && bytes.includes(0)) return { text: "", encoding: "binary" };
  // With `stream` a character that the limit cut in two is left out instead of marked as wrong.
  return { text: new TextDecoder(encoding).decode(bytes, { stream: cut }), encoding };
}

/** What is at `path`, as it is downloaded. */
export async function* download(
  root: RootDirectory,
  path: string,
  owners: Owners,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const fd = root.open(path);
  try {
    const stats = fstatSync(fd);
    if (!stats.isDirectory()) {
      const file = await openRegular(fd);
      try {
        yield* contents(file, sizeOf(stats), signal);
      } finally {
        await file.close();
      }
      return;
    }
    const name = bytesOf(root.pathOf(fd).split("/").at(-1) || "root");
    yield* tree(fd, Buffer.concat([name, Buffer.from("/")]), owners, signal);
    yield tarEnd;
  } finally {
    closeSync(fd);
  }
}

/** A directory and all in it but for what is mounted there, as members of an archive. What goes or can't be read meanwhile is left out. */
async function* tree(
  fd: number,
  name: Buffer,
  owners: Owners,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const stats = fstatSync(fd);
  yield tarHeader({ name, stats, ...namesOf(stats, owners) });
  for (const child of namesIn(fd)) {
    signal.throwIfAborted();
    const own = Buffer.concat([name, child]);
    const found = openChild(fd, child);
    if (found === undefined) continue;
    try {
      const stats = fstatSync(found);
      if (stats.isDirectory()) {
        if (!isMountPoint({ fd, name: child })) {
          yield* tree(found, Buffer.concat([own, Buffer.from("/")]), owners, signal);
        }
      } else if (stats.isSymbolicLink()) {
        const target = linkTarget(fd, child);
        if (target) yield tarHeader({ name: own, stats, target, ...namesOf(stats, owners) });
      } else if (stats.isFile()) {
        yield* member(found, own, owners, signal);
      }
    } finally {
      closeSync(found);
    }
  }
}

async function* member(
  fd: number,
  name: Buffer,
  owners: Owners,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const file = await openRegular(fd);
  try {
    const stats = await file.stat();
    yield tarHeader({ name, stats, ...namesOf(stats, owners) });
    let sent = 0;
    for await (const chunk of contents(file, stats.size, signal)) {
      sent += chunk.length;
      yield chunk;
    }
    // Its size was said before: one that shrank meanwhile ends in zeros, as GNU tar has it.
    for (; sent < stats.size; sent += chunkSize) {
      yield Buffer.alloc(Math.min(chunkSize, stats.size - sent));
    }
    yield tarPadding(stats.size);
  } finally {
    await file.close();
  }
}

/** As many bytes as it has now: what is written faster than it is read would have no end. /proc says none. */
export function sizeOf({ size }: Stats): number | undefined {
  return size > 0 ? size : undefined;
}

/** A file's bytes, at most `most`. */
export async function* contents(
  file: FileHandle,
  most: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let done = 0; ;) {
    signal.throwIfAborted();
    const wanted = most === undefined ? chunkSize : Math.min(chunkSize, most - done);
    if (wanted === 0) return;
    const chunk = Buffer.allocUnsafeSlow(wanted);
    const { bytesRead } = await file.read(chunk, 0, wanted, null);
    if (bytesRead === 0) return;
    done += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/** The names in a directory that is held. Read bit by bit: there may be millions. */
export function* namesIn(fd: number): Generator<Buffer> {
  // It takes this encoding as readdir does; only its type does not say so.
  const encoding = "buffer" as BufferEncoding;
  const directory = opendirSync(self(fd), { encoding, bufferSize: 1024 });
  try {
    for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
      yield entry.name as unknown as Buffer;
    }
  } finally {
    directory.closeSync();
  }
}

/** One entry, opened without reading it; undefined when it has gone. A link is itself what is opened. */
export function openChild(fd: number, name: Buffer): number | undefined {
  try {
    return openEntry({ fd, name }, 0);
  } catch {
    return undefined;
  }
}

/** As openChild, of what lies in the directory itself: EXDEV when it is mounted there. Throws as Node does. */
export const openWithin = (place: Place): number => openEntry(place, RESOLVE_NO_XDEV);

/** Of any file system: a bind mount may be of the one that its directory is in, which numbers of devices don't tell. */
export function isMountPoint(place: Place): boolean {
  try {
    closeSync(openWithin(place));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EXDEV";
  }
}

const openEntry = ({ fd, name }: Place, resolve: number): number =>
  openat2(fd, name, {
    flags: O_PATH | constants.O_NOFOLLOW,
    resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | resolve,
  });

export function linkTarget(fd: number, name: Buffer): Buffer | undefined {
  try {
    return readlinkSync(inside({ fd, name }), { encoding: "buffer" });
  } catch {
    return undefined;
  }
}

/**
 * The regular file that `fd` (O_PATH) is, for reading. FAILED_PRECONDITION for anything else: opening a pipe
 * waits for its other end, and opening a device may do anything.
 */
export async function openRegular(fd: number): Promise<FileHandle> {
  const stats = fstatSync(fd);
  if (!stats.isFile()) throw notRegular(stats);
  return open(self(fd), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
}

function notRegular(stats: Stats): AppError {
  const what = {
    ...{ directory: "a directory", symlink: "a link", fifo: "a named pipe", socket: "a socket" },
    ...{ char: "a device", block: "a device", file: "a file" },
  }[typeOf(stats)];
  return new AppError("FAILED_PRECONDITION", `It is ${what}: only files are read`);
}

function namesOf(stats: Stats, owners: Owners): { user?: string; group?: string } {
  const user = owners.users.get(stats.uid);
  const group = owners.groups.get(stats.gid);
  return { ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) };
}
