import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  rmdirSync,
  type Stats,
  statfsSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { AppError } from "#shared/errors";
import { permissions } from "./entries.ts";
import { renameat } from "./openat.ts";
import {
  contents,
  isMountPoint,
  linkTarget,
  namesIn,
  openChild,
  openRegular,
  openWithin,
  sizeOf,
} from "./read.ts";
import { inside, type Place, self } from "./root-directory.ts";

/** What a copy or a removal has come to. */
export interface Done {
  files: number;
  bytes: number;
}

/** Told after every file, and every piece of one. */
export type Tell = (done: Done) => void | Promise<void>;

/**
 * Kernel interfaces in the shape of files, by statfs(2)'s magic (linux/magic.h): proc, sysfs, cgroup, cgroup2, debugfs,
 * tracefs, securityfs, bpf, devpts, mqueue. As root of this machine we could change it through them, which a process
 * in the container can't.
 */
const kernelFileSystems = new Set([
  ...[0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720],
  ...[0x74726163, 0x73636673, 0xcafe4a11, 0x1cd1, 0x19800202],
]);

/** PERMISSION_DENIED where nothing is written: in what is no file system on a disk or in memory. */
export function requireWritable(directory: number): void {
  if (!kernelFileSystems.has(statfsSync(self(directory)).type)) return;
  throw new AppError("PERMISSION_DENIED", "Nothing is written to interfaces of the kernel", {
    hint: "Open a terminal in the container to do this as one of its processes.",
  });
}

/** Who a new file is to belong to, and its mode. */
interface Owner {
  uid: number;
  gid: number;
  mode: number;
}

/**
 * Writes a file beside `place` and puts it there when it is whole. One that was there gives it its owner and mode,
 * else `fallback` does. EEXIST when there is something, unless `overwrite`; a directory is never replaced.
 */
export async function writeWhole(
  place: Place,
  options: { overwrite: boolean; fallback: Owner; mtime?: number },
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  requireWritable(place.fd);
  const before = statsAt(place);
  if (before && !options.overwrite) throw errno("EEXIST");
  if (before?.isDirectory()) throw errno("EISDIR");
  const part = { fd: place.fd, name: temporaryName() };
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = await open(inside(part), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    try {
      await write(file);
      const { uid, gid, mode } = before?.isFile()
        ? { uid: before.uid, gid: before.gid, mode: permissions(before) }
        : options.fallback;
      await own(file, uid, gid);
      // After the owner, whose change takes setuid away (chown(2)).
      await file.chmod(mode);
      if (options.mtime !== undefined) await file.utimes(new Date(), options.mtime / 1000);
    } finally {
      await file.close();
    }
    putInPlace(part, place, options.overwrite);
  } catch (error) {
    removeQuietly(part);
    throw error;
  }
}

/** A new file here belongs to whom its directory does, as in a home. */
export function ownerIn(directory: number, mode: number): Owner {
  const { uid, gid } = fstatSync(directory);
  return { uid, gid, mode };
}

export function makeDirectory(place: Place): void {
  requireWritable(place.fd);
  mkdirSync(inside(place), 0o755);
  const fd = openChild(place.fd, place.name);
  if (fd === undefined) throw errno("ENOENT");
  try {
    // What was made, not what may have been put in its place: that would be given away.
    if (fstatSync(fd).isDirectory()) giveTo(fd, fstatSync(place.fd));
  } finally {
    closeSync(fd);
  }
}

/** Moves what was made beside a place to it. EEXIST when there is something, unless `overwrite`. */
export function putInPlace(part: Place, place: Place, overwrite: boolean): void {
  try {
    renameat(part, place, { replace: overwrite });
  } catch (error) {
    // Some file systems can't promise to leave alone what comes there meanwhile (renameat2(2)).
    if ((error as NodeJS.ErrnoException).code !== "EINVAL" || statsAt(place)) throw error;
    renameat(part, place, { replace: true });
  }
}

/** Changes the owner of what is held, which may be a link: it is not followed. */
function giveTo(fd: number, { uid, gid }: Stats): void {
  chownSync(self(fd), uid, gid);
}

/** Removes what is at a place, and all that is in it; never what is mounted there (EBUSY). */
export async function removeAll(place: Place, tell: Tell, signal: AbortSignal): Promise<void> {
  requireWritable(place.fd);
  const done: Done = { files: 0, bytes: 0 };
  await removeTree(place, done, tell, signal);
}

async function removeTree(
  place: Place,
  done: Done,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const stats = lstatSync(inside(place));
  if (stats.isDirectory()) {
    const fd = openUnmounted(place);
    try {
      // All names first: what is removed while a directory is read may hide what is not (readdir(3)).
      for (const name of [...namesIn(fd)]) {
        try {
          await removeTree({ fd, name }, done, tell, signal);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        }
      }
    } finally {
      closeSync(fd);
    }
    rmdirSync(inside(place));
  } else {
    unlinkSync(inside(place));
  }
  done.files += 1;
  await tell(done);
}

function openUnmounted(place: Place): number {
  try {
    return openWithin(place);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "EXDEV" ? errno("EBUSY") : error;
  }
}

export interface CopyOptions {
  overwrite: boolean;
  /** Into a container: what is new belongs to the owner of the directory it is put in. Else to us. */
  ownersOf: "directory" | "us";
  tell: Tell;
  signal: AbortSignal;
}

/**
 * Copies what `from` (O_PATH) is to a place: files, directories and links, with modes and times; without setuid, whose
 * owner is another there. Devices, pipes and sockets are left out, as are directories mounted in it. EEXIST when
 * there is something, unless `overwrite`: then directories become one.
 */
export async function copyTree(from: Place, to: Place, options: CopyOptions): Promise<void> {
  requireWritable(to.fd);
  const fd = openChild(from.fd, from.name);
  if (fd === undefined) throw errno("ENOENT");
  try {
    const copy = new Copy(options, fstatSync(to.fd));
    await copy.node(from, fd, to);
    if (copy.done.files === 0) {
      throw new AppError(
        "FAILED_PRECONDITION",
        "It is a device, pipe or socket: only files are copied",
      );
    }
  } finally {
    closeSync(fd);
  }
}

class Copy {
  readonly #o: CopyOptions;
  readonly #parent: Stats;
  readonly done: Done = { files: 0, bytes: 0 };

  constructor(options: CopyOptions, parent: Stats) {
    this.#o = options;
    this.#parent = parent;
  }

  async node(from: Place, fd: number, to: Place): Promise<void> {
    this.#o.signal.throwIfAborted();
    const stats = fstatSync(fd);
    if (stats.isDirectory()) await this.#directory(fd, stats, to);
    else if (stats.isFile()) await this.#file(fd, stats, to);
    else if (stats.isSymbolicLink()) this.#link(from, stats, to);
    else return;
    this.done.files += 1;
    await this.#o.tell(this.done);
  }

  async #directory(fd: number, stats: Stats, to: Place): Promise<void> {
    const before = statsAt(to);
    if (before && (!this.#o.overwrite || !before.isDirectory())) {
      throw errno(before.isDirectory() ? "EEXIST" : "ENOTDIR");
    }
    // Ours alone until it is whole.
    if (!before) mkdirSync(inside(to), 0o700);
    const target = openChild(to.fd, to.name);
    if (target === undefined) throw errno("ENOENT");
    try {
      for (const name of namesIn(fd)) {
        const child = openChild(fd, name);
        if (child === undefined) continue;
        try {
          if (fstatSync(child).isDirectory() && isMountPoint({ fd, name })) continue;
          await this.node({ fd, name }, child, { fd: target, name });
        } finally {
          closeSync(child);
        }
      }
      if (before) return;
      if (this.#o.ownersOf === "directory") giveTo(target, this.#parent);
      chmodSync(self(target), permissions(stats) & 0o1777);
      utimesSync(self(target), stats.atime, stats.mtime);
    } finally {
      closeSync(target);
    }
  }

  async #file(fd: number, stats: Stats, to: Place): Promise<void> {
    const source = await openRegular(fd);
    const { overwrite, tell, signal } = this.#o;
    const mode = permissions(stats) & 0o777;
    const us = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    const { uid, gid } = this.#o.ownersOf === "directory" ? this.#parent : us;
    const options = { overwrite, fallback: { uid, gid, mode }, mtime: stats.mtimeMs };
    try {
      await writeWhole(to, options, async (file) => {
        for await (const chunk of contents(source, sizeOf(stats), signal)) {
          await writeAll(file, chunk);
          this.done.bytes += chunk.length;
          await tell(this.done);
        }
      });
    } finally {
      await source.close();
    }
  }

  #link(from: Place, stats: Stats, to: Place): void {
    const target = linkTarget(from.fd, from.name);
    if (!target) return;
    const before = statsAt(to);
    if (before && !this.#o.overwrite) throw errno("EEXIST");
    if (before?.isDirectory()) throw errno("EISDIR");
    const part = { fd: to.fd, name: temporaryName() };
    symlinkSync(target, inside(part));
    try {
      const made = openChild(part.fd, part.name);
      if (made === undefined) throw errno("ENOENT");
      try {
        const own = fstatSync(made).isSymbolicLink() && this.#o.ownersOf === "directory";
        if (own) giveTo(made, this.#parent);
      } finally {
        closeSync(made);
      }
      lutimesSync(inside(part), stats.atime, stats.mtime);
      putInPlace(part, to, this.#o.overwrite);
    } catch (error) {
      removeQuietly(part);
      throw error;
    }
  }
}

/** Writes all of it: one write(2) may take less. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, null)).bytesWritten;
  }
}

async function own(file: FileHandle, uid: number, gid: number): Promise<void> {
  const stats = await file.stat();
  if (stats.uid !== uid || stats.gid !== gid) await file.chown(uid, gid);
}

function statsAt(place: Place): Stats | undefined {
  try {
    return lstatSync(inside(place));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const temporaryName = (): Buffer => Buffer.from(`.shimyard-${randomBytes(8).toString("hex")}`);

function removeQuietly(place: Place): void {
  try {
    unlinkSync(inside(place));
  } catch {
    // It has gone, or became what it was to become.
  }
}

function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
