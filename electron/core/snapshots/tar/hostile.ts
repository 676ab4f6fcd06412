import type { ErrorCode } from "#shared/errors";
import type { TarLimits } from "./limits.ts";
import { encodeRecord } from "./pax.ts";
import type { TarEntry } from "./tar-entry.ts";
import { archiveEnd, encodeHeader, zerosAfter } from "./tar-writer.ts";

/** An archive that must not be unpacked, for tests. */
export interface Hostile {
  what: string;
  tar: Buffer;
  code: ErrorCode;
  limits?: Partial<TarLimits>;
}

/** A member as tests write it: a file unless it says otherwise. `content` follows it, whatever its kind. */
export function member(entry: Partial<TarEntry> & { content?: string }): Buffer {
  const content = Buffer.from(entry.content ?? "");
  const whole: TarEntry = {
    ...{ type: "file", path: "file", target: "", mode: 0o644, uid: 0, gid: 0, major: 0, minor: 0 },
    mtime: { seconds: 1_000_000_000, nanoseconds: 0 },
    size: content.length,
    xattrs: new Map(),
    ...entry,
  };
  return Buffer.concat([encodeHeader(whole), content, zerosAfter(content.length)]);
}

export const archive = (...members: Buffer[]): Buffer => Buffer.concat([...members, archiveEnd]);

/** An extended header with records of our own, before a file called `name`. */
export function extended(records: Record<string, string>, name = "file", flag = "0"): Buffer {
  const body = Buffer.concat(
    Object.entries(records).map(([key, value]) => encodeRecord(key, Buffer.from(value, "latin1"))),
  );
  return Buffer.concat([
    flagged(member({ path: "pax", content: body.toString("latin1") }), "x"),
    flagged(member({ path: name }), flag),
  ]);
}

/** The same member with bytes of its header changed, and the checksum made to fit. */
export function patched(original: Buffer, at: number, bytes: string | Buffer): Buffer {
  const copy = Buffer.from(original);
  Buffer.from(bytes as string, "latin1").copy(copy, at);
  copy.fill(0x20, 148, 156);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return copy;
}

/** The same member as of another kind. */
export const flagged = (original: Buffer, flag: string): Buffer => patched(original, 156, flag);

const link = (path: string, target: string): Buffer => member({ type: "link", path, target });
const symlink = (path: string, target: string): Buffer => member({ type: "symlink", path, target });
const directory = (path: string): Buffer => member({ type: "directory", path });
const gnuLong = (flag: "L" | "K", name: string): Buffer =>
  flagged(member({ path: "././@LongLink", content: `${name}\0` }), flag);
/** A header alone, that says it has so many bytes (octal digits). */
const claims = (size: string): Buffer => patched(member({}), 124, `${size.padStart(11, "0")}\0`);

const bad = "INVALID_ARGUMENT";
const tooMuch = "RESOURCE_EXHAUSTED";

const files = (count: number): Buffer =>
  archive(...Array.from({ length: count }, (_, index) => member({ path: `f${index}` })));

export const hostile: Hostile[] = [
  { what: "a path that leads up", tar: archive(member({ path: "../evil" })), code: bad },
  { what: "one that leads up later", tar: archive(member({ path: "a/../../evil" })), code: bad },
  { what: "an absolute one that leads up", tar: archive(member({ path: "/../evil" })), code: bad },
  { what: "a directory that leads up", tar: archive(directory("a/..")), code: bad },
  { what: "a pax path that leads up", tar: archive(extended({ path: "../evil" })), code: bad },
  {
    what: "a GNU name that leads up",
    tar: archive(gnuLong("L", "../evil"), member({})),
    code: bad,
  },
  {
    what: "a prefix that leads up",
    tar: archive(patched(member({ path: "evil" }), 345, "../..")),
    code: bad,
  },
  {
    what: "a file behind a symbolic link",
    tar: archive(symlink("a", "/etc"), member({ path: "a/passwd" })),
    code: bad,
  },
  {
    what: "a file behind a link in the tree",
    tar: archive(directory("d"), symlink("a", "d"), member({ path: "a/x" })),
    code: bad,
  },
  {
    what: "a directory behind a symbolic link",
    tar: archive(symlink("a", ".."), directory("a/b")),
    code: bad,
  },
  {
    what: "a whiteout behind a symbolic link",
    tar: archive(symlink("a", "/"), member({ path: "a/.wh.etc" })),
    code: bad,
  },
  {
    what: "an opaque mark behind a symbolic link",
    tar: archive(symlink("a", "/"), member({ path: "a/.wh..wh..opq" })),
    code: bad,
  },
  {
    what: "a hard link behind a symbolic link",
    tar: archive(member({ path: "f" }), symlink("a", "/"), link("a/l", "f")),
    code: bad,
  },
  {
    what: "a directory that became a link",
    tar: archive(directory("a"), member({ path: "a/x" }), symlink("a", "/etc")),
    code: bad,
  },
  {
    what: "a file below a file",
    tar: archive(member({ path: "a" }), member({ path: "a/b" })),
    code: bad,
  },
  {
    what: "a file below a device",
    tar: archive(member({ type: "fifo", path: "a" }), member({ path: "a/b" })),
    code: bad,
  },
  { what: "a hard link that leads up", tar: archive(link("l", "../../etc/shadow")), code: bad },
  { what: "a hard link to what is not there", tar: archive(link("l", "/etc/shadow")), code: bad },
  {
    what: "a hard link through a symbolic link",
    tar: archive(symlink("a", "/etc"), link("l", "a/shadow")),
    code: bad,
  },
  { what: "a hard link to a directory", tar: archive(directory("a"), link("l", "a")), code: bad },
  { what: "a hard link to the root", tar: archive(link("l", "/")), code: bad },
  {
    what: "a hard link to a whiteout",
    tar: archive(member({ path: ".wh.a" }), link("l", "a")),
    code: bad,
  },
  {
    what: "a hard link to itself",
    tar: archive(member({ path: "a" }), link("a", "./a")),
    code: bad,
  },
  { what: "a hard link to nothing", tar: archive(link("l", "")), code: bad },
  {
    what: "a hard link with a NUL",
    tar: archive(member({ path: "a" }), extended({ linkpath: "a\0b" }, "l", "1")),
    code: bad,
  },
  { what: "a symbolic link to nothing", tar: archive(symlink("l", "")), code: bad },
  {
    what: "a symbolic link to a very long name",
    tar: archive(symlink("l", "x".repeat(5000))),
    code: bad,
  },
  { what: "a file in place of the root", tar: archive(member({ path: "./" })), code: bad },
  { what: "a link in place of the root", tar: archive(symlink(".", "/etc")), code: bad },
  { what: "a whiteout of the root", tar: archive(member({ path: ".wh." })), code: bad },
  { what: "a whiteout of .", tar: archive(member({ path: "a/.wh.." })), code: bad },
  { what: "a whiteout of ..", tar: archive(member({ path: "a/.wh..." })), code: bad },
  { what: "a file in a whiteout", tar: archive(member({ path: ".wh.a/b" })), code: bad },
  { what: "a name with a NUL", tar: archive(extended({ path: "a\0b" })), code: bad },
  { what: "a name with a line break", tar: archive(member({ path: "a\nb" })), code: bad },
  { what: "no name", tar: archive(patched(member({ path: "x" }), 0, "\0")), code: bad },
  { what: "a name that is too long", tar: archive(member({ path: "n".repeat(256) })), code: bad },
  {
    what: "a path that is too long",
    tar: archive(member({ path: `${"n/".repeat(2100)}n` })),
    code: bad,
  },
  { what: "an owner that can't be", tar: archive(extended({ uid: "4294967295" })), code: bad },
  {
    what: "an owner below zero",
    tar: archive(patched(member({}), 108, Buffer.alloc(8, 0xff))),
    code: bad,
  },
  {
    what: "a device that can't be",
    tar: archive(extended({ "SCHILY.devmajor": "99999" }, "dev", "3")),
    code: bad,
  },
  {
    what: "an attribute without a name",
    tar: archive(extended({ "SCHILY.xattr.user.": "x" })),
    code: bad,
  },
  {
    what: "an attribute that is too big",
    tar: archive(extended({ "SCHILY.xattr.user.a": "x".repeat(70_000) })),
    code: bad,
  },
  { what: "an unknown kind", tar: archive(flagged(member({}), "Z")), code: bad },
  {
    what: "a wrong checksum",
    tar: Buffer.concat([Buffer.from(member({})).fill(0x31, 148, 154), archiveEnd]),
    code: bad,
  },
  { what: "no archive at all", tar: Buffer.alloc(4096, "no tar"), code: bad },
  { what: "nothing", tar: Buffer.alloc(0), code: bad },
  {
    what: "a number that is none",
    tar: archive(patched(member({}), 124, "00000000x0\0")),
    code: bad,
  },
  {
    what: "a size below zero",
    tar: archive(patched(member({}), 124, Buffer.alloc(12, 0xff))),
    code: bad,
  },
  {
    what: "a size beyond all bounds",
    tar: archive(
      patched(member({}), 124, Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 0xff)])),
    ),
    code: bad,
  },
  {
    what: "an extended header without length",
    tar: archive(flagged(member({ path: "pax", content: "x path=a\n" }), "x"), member({})),
    code: bad,
  },
  {
    what: "an extended header with a length that lies",
    tar: archive(flagged(member({ path: "pax", content: "99 path=a\n" }), "x"), member({})),
    code: bad,
  },
  {
    what: "an extended header with a bad time",
    tar: archive(extended({ mtime: "now" })),
    code: bad,
  },
  {
    what: "something after the end",
    tar: Buffer.concat([member({}), Buffer.alloc(512), member({ path: "evil" }), archiveEnd]),
    code: bad,
  },
  { what: "an end in the middle of a file", tar: claims("10000"), code: "DATA_LOSS" },
  { what: "an end in the middle of a header", tar: member({}).subarray(0, 100), code: "DATA_LOSS" },
  {
    what: "a sparse map that runs backwards",
    tar: archive(extended({ "GNU.sparse.size": "100", "GNU.sparse.map": "50,0,10,0" })),
    code: bad,
  },
  {
    what: "a sparse map beyond its file",
    tar: archive(extended({ "GNU.sparse.size": "10", "GNU.sparse.map": "50,0" })),
    code: bad,
  },
  {
    what: "a sparse map of other bytes",
    tar: archive(extended({ "GNU.sparse.size": "100", "GNU.sparse.map": "0,50" })),
    code: bad,
  },
  {
    what: "an old sparse map that is damaged",
    tar: archive(patched(flagged(member({}), "S"), 386, "zzzzzzzzzzzz")),
    code: bad,
  },
  { what: "a huge extended header", tar: claims("77777777777").fill("x", 156, 157), code: bad },
  {
    what: "a huge extended header, well summed",
    tar: flagged(claims("77777777777"), "x"),
    code: tooMuch,
  },
  { what: "a huge GNU name", tar: flagged(claims("77777777777"), "L"), code: tooMuch },
  { what: "a huge file", tar: archive(extended({ size: "9000000000000000" })), code: tooMuch },
  {
    what: "a sparse bomb",
    tar: archive(
      extended({ "GNU.sparse.size": "9000000000000000", "GNU.sparse.map": "9000000000000000,0" }),
    ),
    code: tooMuch,
  },
  {
    what: "many sparse files",
    tar: archive(
      ...Array.from({ length: 20 }, (_, at) =>
        extended({ "GNU.sparse.size": "1000", "GNU.sparse.map": "1000,0" }, `f${at}`),
      ),
    ),
    code: tooMuch,
    limits: { content: 10_000 },
  },
  { what: "too many files", tar: files(101), code: tooMuch, limits: { entries: 100 } },
  {
    what: "too many directories that only a path names",
    tar: archive(member({ path: "a/".repeat(200) + "f" })),
    code: tooMuch,
    limits: { entries: 100 },
  },
  { what: "too much to remember", tar: files(100), code: tooMuch, limits: { metadata: 1000 } },
  {
    what: "attributes of directories beyond memory",
    tar: archive(
      ...Array.from({ length: 50 }, (_, at) =>
        member({
          type: "directory",
          path: `d${at}`,
          xattrs: new Map([["user.a", Buffer.alloc(1000)]]),
        }),
      ),
    ),
    code: tooMuch,
    limits: { metadata: 10_000 },
  },
  { what: "too many bytes", tar: files(100), code: tooMuch, limits: { total: 10_000 } },
];
