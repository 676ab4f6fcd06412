import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { joinPath } from "#shared/base/file-names";
import type { FileChange, FileEntry } from "#shared/contract/files";
import { etcPaths } from "../network/etc-files.ts";
import { permissions, typeOf } from "./entries.ts";
import { nameOf } from "./name-bytes.ts";
import { extendedAttribute } from "./openat.ts";
import { namesIn } from "./read.ts";
import { inside, type RootDirectory, self } from "./root-directory.ts";

/**
 * What a container did to its image's files: what lies in the upper directory of its overlay
 * (kernel: filesystems/overlayfs.rst), beside what the image has at the same path. What was only opened for writing is
 * there too, and no change: it is told by owner, mode, size, time and target. A directory is not changed by what is
 * put into it.
 */
export class Changes {
  readonly #upper: RootDirectory;
  readonly #image: RootDirectory;
  readonly #opaque: string;

  /** In a user namespace overlayfs keeps its marks in user.* attributes. */
  constructor(upper: RootDirectory, image: RootDirectory, options: { rootless: boolean }) {
    this.#upper = upper;
    this.#image = image;
    this.#opaque = `${options.rootless ? "user" : "trusted"}.overlay.opaque`;
  }

  /** The changes among the entries of the directory at `path` (one without links), by name. */
  among(path: string): (name: string) => FileEntry["change"] {
    if (!look(this.#upper, path)?.isDirectory()) return () => undefined;
    return (name) => {
      const change = this.#changeAt(joinPath(path, name));
      return change?.change === "deleted" ? undefined : change?.change;
    };
  }

  /** All of them, a directory before what is in it. */
  *all(path = "/"): Generator<FileChange> {
    const { names, opaque } = this.#children(path);
    const hidden = opaque ? this.#imageNames(path).filter((name) => !names.includes(name)) : [];
    for (const name of [...names, ...hidden].sort()) {
      const at = joinPath(path, name);
      const change = this.#changeAt(at);
      if (change) yield change;
      if (look(this.#upper, at)?.isDirectory()) yield* this.all(at);
    }
  }

  #changeAt(path: string): FileChange | undefined {
    const now = look(this.#upper, path);
    const before = look(this.#image, path);
    if (!now || isWhiteout(now)) return before && changed(path, "deleted", before);
    if (!before) return isMountPoint(path, now) ? undefined : changed(path, "added", now);
    const same = sameFile(now, before) && (!now.isSymbolicLink() || this.#sameTarget(path));
    return same ? undefined : changed(path, "modified", now);
  }

  #sameTarget(path: string): boolean {
    const [now, before] = [this.#upper, this.#image].map((root) =>
      root.place(path, (place) => readlinkSync(inside(place), { encoding: "buffer" })),
    ) as [Buffer, Buffer];
    return now.equals(before);
  }

  #children(path: string): { names: string[]; opaque: boolean } {
    try {
      return this.#upper.directory(path, (fd) => ({
        names: allNames(fd),
        opaque: extendedAttribute(self(fd), this.#opaque) === "y",
      }));
    } catch {
      // Removed meanwhile.
      return { names: [], opaque: false };
    }
  }

  #imageNames(path: string): string[] {
    try {
      return this.#image.directory(path, allNames);
    } catch {
      return [];
    }
  }
}

const allNames = (fd: number): string[] => [...namesIn(fd)].map(nameOf);

/** What is at a path; undefined when nothing is, or a link is in the way. */
function look(root: RootDirectory, path: string): Stats | undefined {
  try {
    return path === "/"
      ? lstatSync(`${self(root.fd)}/.`)
      : root.place(path, (place) => lstatSync(inside(place)));
  } catch {
    return undefined;
  }
}

/** What the runtime made for a mount of ours to lie on is nothing that the container did. */
function isMountPoint(path: string, stats: Stats): boolean {
  return etcPaths.has(path) && stats.isFile() && stats.size === 0;
}

/** Overlayfs's mark for what was deleted: a character device 0/0. */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function sameFile(now: Stats, before: Stats): boolean {
  if (typeOf(now) !== typeOf(before) || permissions(now) !== permissions(before)) return false;
  if (now.uid !== before.uid || now.gid !== before.gid) return false;
  return now.isDirectory() || (now.size === before.size && now.mtimeMs === before.mtimeMs);
}

function changed(path: string, change: FileChange["change"], stats: Stats): FileChange {
  return { path, change, type: typeOf(stats), size: stats.isDirectory() ? 0 : stats.size };
}
