import { z } from "zod";
import { fileNameProblem } from "../base/file-names.ts";
import { mutation, query, stream, duplex } from "../rpc/define.ts";
import { Bytes, Id, Nothing, Time } from "./common.ts";
import { VolumeName } from "./container-options.ts";

/**
 * Files as they are seen inside: a path is one of the container, image or volume, links in it lead no further than its
 * root, and its names are written as base/file-names.ts says. What is done to a path is done to what the path
 * names, never to what a link at its end points to; only reading follows that.
 */
export const FileSource = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("container"), id: Id }),
  z.object({ kind: z.literal("image"), id: Id }),
  z.object({ kind: z.literal("volume"), id: VolumeName }),
]);
export type FileSource = z.infer<typeof FileSource>;

/** PATH_MAX is 4096 bytes. */
const FilePath = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]*$/, "Must be an absolute path");
const HostPath = FilePath;
const FileName = z.string().refine((name) => fileNameProblem(name) === undefined, {
  error: ({ input }) => fileNameProblem(String(input)) ?? "Not a name",
});

export const FileType = z.enum(["file", "directory", "symlink", "fifo", "socket", "char", "block"]);
export type FileType = z.infer<typeof FileType>;

export const FileEntry = z.object({
  name: z.string(),
  type: FileType,
  /** Bytes; of a directory what the file system says. */
  size: z.number(),
  /** The lower twelve bits: permissions, setuid, setgid, sticky. */
  mode: z.number(),
  uid: z.number(),
  gid: z.number(),
  /** By its own /etc/passwd and /etc/group. */
  user: z.string().optional(),
  group: z.string().optional(),
  mtime: Time,
  /** Where a link points to, as it is written. */
  target: z.string().optional(),
  /** What is there; absent when the link leads nowhere. */
  targetType: FileType.optional(),
  /** What a container did to what its image has there. */
  change: z.enum(["added", "modified"]).optional(),
});
export type FileEntry = z.infer<typeof FileEntry>;

export const FileChange = z.object({
  path: z.string(),
  change: z.enum(["added", "modified", "deleted"]),
  type: FileType,
  /** Bytes now, or when it was deleted in the image. Zero of a directory. */
  size: z.number(),
});
export type FileChange = z.infer<typeof FileChange>;

export const FileText = z.object({
  text: z.string(),
  /** `binary`: it is no text, and `text` is empty. What is not UTF-8 in a text is U+FFFD. */
  encoding: z.enum(["utf-8", "utf-16le", "utf-16be", "binary"]),
  /** Bytes of the file; of what has no size (/proc), of what was read. */
  size: z.number(),
  /** Only the first `limit` bytes are in `text`. */
  cut: z.boolean(),
});
export type FileText = z.infer<typeof FileText>;

/** The inputs beside the source: the files' agent (core/files) is asked the same. */
export const fileInputs = {
  list: { path: FilePath },
  stat: { path: FilePath },
  readText: {
    path: FilePath,
    limit: z
      .number()
      .int()
      .min(1)
      .max(4 * 1024 * 1024),
  },
  download: { path: FilePath },
  upload: {
    directory: FilePath,
    name: FileName,
    /** Bytes that will come, to tell a whole file from one that was cut off. */
    size: z.number().int().min(0),
    overwrite: z.boolean(),
  },
  makeDirectory: { path: FilePath },
  rename: { path: FilePath, to: FilePath },
  delete: { path: FilePath },
  copyToHost: { path: FilePath, hostDirectory: HostPath, overwrite: z.boolean() },
  copyFromHost: { hostPath: HostPath, directory: FilePath, overwrite: z.boolean() },
};

export const FileList = z.object({
  /** The directory's own path, without links. */
  path: z.string(),
  put: z.array(FileEntry),
  /** Names. */
  removed: z.array(z.string()),
  /** Everything there is has been sent; what follows are changes. */
  complete: z.boolean(),
  /** It has more entries than are listed. */
  limited: z.boolean(),
});

const of = <T extends z.ZodRawShape>(shape: T) => z.object({ source: FileSource, ...shape });

export const files = {
  /** In pages, then what changes. Ends with UNAVAILABLE when the container starts or ends. At most 200,000 entries. */
  list: stream(of(fileInputs.list), FileList),
  stat: query(of(fileInputs.stat), FileEntry),
  readText: query(of(fileInputs.readText), FileText),
  /** A file's bytes; a directory as a tar archive (POSIX.1-2001 pax), devices, pipes and sockets left out. */
  download: stream(of(fileInputs.download), Bytes),
  /**
   * Written beside the target, which is replaced when all is there: then it has the owner and mode that the old one
   * had, or the directory's owner. ALREADY_EXISTS when there is one, unless `overwrite`. Its one item is the new file.
   */
  upload: duplex(of(fileInputs.upload), Bytes, FileEntry),
  makeDirectory: mutation(of(fileInputs.makeDirectory), Nothing),
  /** ALREADY_EXISTS when something is at `to`. */
  rename: mutation(of(fileInputs.rename), Nothing),
  /** With all that is in it. An operation. */
  delete: mutation(of(fileInputs.delete), Nothing),
  /** What a container did to its image's files, in pages, in the order of paths; at most 100,000. */
  diff: stream(of({}), z.object({ changes: z.array(FileChange), limited: z.boolean() })),
  /** A file, or a directory with all that is in it, into a directory of this machine. An operation. */
  copyToHost: mutation(of(fileInputs.copyToHost), z.object({ path: z.string() })),
  /** Into a directory of the container. An operation. */
  copyFromHost: mutation(of(fileInputs.copyFromHost), z.object({ path: z.string() })),
};
