import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
import { joinPath } from "#shared/base/file-names";
import type { FileEntry, FileType } from "#shared/contract/files";
import { nameOf } from "./name-bytes.ts";
import { inside, type Place, type RootDirectory, self } from "./root-directory.ts";

/** Beyond this an /etc/passwd is none. */
const maxOwners = 4 * 1024 * 1024;

/** Names of users and groups, as the files of a root have them. */
export interface Owners {
  users: ReadonlyMap<number, string>;
  groups: ReadonlyMap<number, string>;
}

export function readOwners(root: RootDirectory): Owners {
  return { users: idsIn(root, "/etc/passwd"), groups: idsIn(root, "/etc/group") };
}

/** `name:password:id:` a line (passwd(5), group(5)); the first of an id counts. */
function idsIn(root: RootDirectory, path: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of readSmall(root, path).split("\n")) {
    const [name, , id] = line.split(":");
    if (name && id && /^\d+$/.test(id) && !names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}

function readSmall(root: RootDirectory, path: string): string {
  try {
    return root.at(path, (fd) => {
      const { size } = fstatSync(fd);
      if (!fstatSync(fd).isFile() || size > maxOwners) return "";
      const file = openSync(self(fd), constants.O_RDONLY);
      try {
        const bytes = Buffer.alloc(size);
        return bytes.toString("utf8", 0, readSync(file, bytes, 0, size, 0));
      } finally {
        closeSync(file);
      }
    });
  } catch {
    return "";
  }
}

export function typeOf(stats: Stats): FileType {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isFIFO()) return "fifo";
  if (stats.isSocket()) return "socket";
  return stats.isBlockDevice() ? "block" : "char";
}

/** The lower twelve bits of a mode. */
export const permissions = (stats: Stats): number => stats.mode & 0o7777;

/** An entry of the directory at `directory`, a path of `root`. Throws ENOENT when it has gone. */
export function entryOf(
  root: RootDirectory,
  directory: string,
  place: Place,
  owners: Owners,
): FileEntry {
  const stats = lstatSync(inside(place));
  const name = nameOf(place.name);
  const user = owners.users.get(stats.uid);
  const group = owners.groups.get(stats.gid);
  return {
    ...{ name, type: typeOf(stats), size: stats.size, mode: permissions(stats) },
    ...{ uid: stats.uid, gid: stats.gid, mtime: stats.mtimeMs },
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
    ...(stats.isSymbolicLink() ? link(root, directory, place) : {}),
  };
}

/** Where a link points to, and what is there as seen from inside. */
function link(
  root: RootDirectory,
  directory: string,
  place: Place,
): Pick<FileEntry, "target" | "targetType"> {
  const target = nameOf(readlinkSync(inside(place), { encoding: "buffer" }));
  try {
    const path = joinPath(directory, nameOf(place.name));
    return { target, targetType: root.at(path, (fd) => typeOf(fstatSync(fd))) };
  } catch {
    return { target };
  }
}
