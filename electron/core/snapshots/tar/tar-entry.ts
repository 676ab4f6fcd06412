import { AppError } from "#shared/errors";
import type { Segment } from "./sparse.ts";

export type TarType =
  | "file"
  | "link"
  | "symlink"
  | "character"
  | "block"
  | "directory"
  | "fifo"
  /** Says something about the archive, not about a file. */
  | "label";

/** One member of an archive. Names are bytes, and so are strings of `latin1` here: a character for each byte. */
export interface TarEntry {
  type: TarType;
  path: string;
  /** Of a symbolic link: as it is. Of a hard link: the path of another member. */
  target: string;
  /** Permissions, setuid and setgid and sticky bits; no file type. */
  mode: number;
  uid: number;
  gid: number;
  mtime: TarTime;
  /** Bytes of the file itself, its holes included. */
  size: number;
  /** Of a sparse file: where in it there are bytes, in order. */
  segments?: readonly Segment[];
  major: number;
  minor: number;
  /** By their whole names: `security.capability`. */
  xattrs: Map<string, Buffer>;
}

export interface TarTime {
  /** Since the epoch; negative before it. */
  seconds: number;
  /** 0..999,999,999, counted forwards. */
  nanoseconds: number;
}

/** A name as it is shown: readable, on one line, and not endless. */
export function shownName(name: string): string {
  const text = Buffer.from(name, "latin1").toString("utf8");
  const short = text.length > 200 ? `${text.slice(0, 200)}...` : text;
  // oxlint-disable-next-line no-control-regex
  return short.replace(/[\u0000-\u001f\u007f]/g, (character) =>
    JSON.stringify(character).slice(1, -1),
  );
}

/** An entry that is not taken: INVALID_ARGUMENT unless another code says it better. */
export function refuse(
  path: string,
  why: string,
  code: "INVALID_ARGUMENT" | "RESOURCE_EXHAUSTED" = "INVALID_ARGUMENT",
): AppError {
  const name = shownName(path);
  return new AppError(code, `The archive's entry "${name}" ${why}`, {
    subject: `entry "${name}"`,
    hint: "Nothing of this archive was kept. Get it anew from someone you trust.",
  });
}

export function notATar(at: number, why: string): AppError {
  return new AppError("INVALID_ARGUMENT", `This is no tar archive, or a damaged one: ${why}`, {
    subject: `byte ${at} of the archive`,
  });
}
