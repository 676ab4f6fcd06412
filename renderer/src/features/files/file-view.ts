import {
  Cable,
  File,
  FileSymlink,
  FileText,
  Folder,
  FolderSymlink,
  HardDrive,
  type LucideIcon,
  Plug,
} from "lucide-react";
import type { FileChange, FileEntry, FileType } from "#shared/contract/files";

export type SortKey = "name" | "size" | "mode" | "owner" | "mtime";
export interface Sort {
  key: SortKey;
  descending: boolean;
}

/** Whether opening it shows what is in it: a directory, or a link to one. */
export function isDirectory({ type, targetType }: Pick<FileEntry, "type" | "targetType">): boolean {
  return type === "directory" || (type === "symlink" && targetType === "directory");
}

/** Whether its content can be shown or downloaded. */
export function isReadable({ type, targetType }: Pick<FileEntry, "type" | "targetType">): boolean {
  return type === "file" || (type === "symlink" && targetType === "file");
}

export function iconOf(entry: Pick<FileEntry, "type" | "targetType" | "name">): LucideIcon {
  switch (entry.type) {
    case "directory":
      return Folder;
    case "symlink":
      return isDirectory(entry) ? FolderSymlink : FileSymlink;
    case "fifo":
      return Cable;
    case "socket":
      return Plug;
    case "char":
    case "block":
      return HardDrive;
    default:
      return /\.(txt|md|conf|cfg|ini|toml|ya?ml|json|log|sh|py|js|ts|xml|html|css)$/i.test(
        entry.name,
      )
        ? FileText
        : File;
  }
}

const letters: Record<FileType, string> = {
  ...{ file: "-", directory: "d", symlink: "l", fifo: "p", socket: "s", char: "c", block: "b" },
};

export const typeNames: Record<FileType, string> = {
  ...{ file: "file", directory: "directory", symlink: "link", fifo: "named pipe" },
  ...{ socket: "socket", char: "device", block: "device" },
};

/** `drwxr-xr-x`, as ls writes it. */
export function modeText({ type, mode }: Pick<FileEntry, "type" | "mode">): string {
  let text = letters[type];
  for (const [index, special] of ["s", "s", "t"].entries()) {
    const bits = (mode >> (6 - index * 3)) & 7;
    const set = (mode & (0o4000 >> index)) !== 0;
    const execute = (bits & 1) !== 0;
    text += bits & 4 ? "r" : "-";
    text += bits & 2 ? "w" : "-";
    text += set ? (execute ? special : special.toUpperCase()) : execute ? "x" : "-";
  }
  return text;
}

/** `root:shadow`, numbers where there is no name. */
export function ownerText(entry: Pick<FileEntry, "uid" | "gid" | "user" | "group">): string {
  const user = entry.user ?? String(entry.uid);
  const group = entry.group ?? String(entry.gid);
  return user === group ? user : `${user}:${group}`;
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
/** Beyond so many entries names are told apart by their codes: a collator needs seconds for them. */
const collated = 5000;

/** Directories first, then by a column, then by name. */
export function sortEntries(entries: readonly FileEntry[], sort: Sort): FileEntry[] {
  const byName =
    entries.length > collated
      ? (a: FileEntry, b: FileEntry) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
      : (a: FileEntry, b: FileEntry) => collator.compare(a.name, b.name);
  const compare = comparison(sort.key, byName);
  const sign = sort.descending ? -1 : 1;
  return [...entries].sort(
    (a, b) =>
      Number(isDirectory(b)) - Number(isDirectory(a)) || sign * compare(a, b) || byName(a, b),
  );
}

function comparison(
  key: SortKey,
  byName: (a: FileEntry, b: FileEntry) => number,
): (a: FileEntry, b: FileEntry) => number {
  switch (key) {
    case "name":
      return byName;
    case "owner":
      return (a, b) => collator.compare(ownerText(a), ownerText(b));
    default:
      return (a, b) => a[key] - b[key];
  }
}

/** Changes under a directory, and of them how many of each sort. */
export function countChanges(changes: readonly FileChange[]): Record<FileChange["change"], number> {
  const counts = { added: 0, modified: 0, deleted: 0 };
  for (const { change } of changes) counts[change] += 1;
  return counts;
}

/** `/a/b` as the steps to it: `/`, `/a`, `/a/b`. */
export function crumbs(path: string): { name: string; path: string }[] {
  const steps = [{ name: "/", path: "/" }];
  let at = "";
  for (const name of path.split("/").filter(Boolean)) {
    at += `/${name}`;
    steps.push({ name, path: at });
  }
  return steps;
}
