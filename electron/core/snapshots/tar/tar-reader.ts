import { AppError } from "#shared/errors";
import type { TarLimits } from "./limits.ts";
import { decodePercent, parseCount, parseRecords, parseTime } from "./pax.ts";
import { checkSegments, Hole, oldSegments, pairs, parseMap, type Segment } from "./sparse.ts";
import { notATar, refuse, type TarEntry, type TarType } from "./tar-entry.ts";
import { BadHeader, blockSize, isZero, number, parseHeader, type TarHeader } from "./tar-header.ts";

/** What an archive comes out as: a member, and then what is in its file. */
export type Part = TarEntry | Uint8Array | Hole;

/** What extended headers say of the member that follows them. */
interface Extension {
  records: [key: string, value: Buffer][];
  longName?: string;
  longLink?: string;
}

/** A member whose bytes are being read. */
interface Sparse {
  entry: TarEntry;
  segments: Segment[];
  /** Bytes in the archive. */
  stored: number;
}

const types: Record<string, TarType> = {
  ...{ "0": "file", "\0": "file", "7": "file", S: "file" },
  ...{ "1": "link", "2": "symlink", "3": "character", "4": "block", "5": "directory", "6": "fifo" },
  // GNU: a directory with a list of what was in it, the name of a volume.
  ...{ D: "directory", V: "label", g: "label" },
};

/** The map of a sparse file may take this much: some 40,000 pieces. Bytes. */
const maxMap = 1024 * 1024;

/**
 * Reads an archive as it comes: ustar, pax, GNU's, star's, and sparse files in all of GNU's formats. Where readers differ it reads as Go's archive/tar does, which made and unpacked most images. Nothing is
 * checked that can be checked without knowing what the archive is for.
 */
export class TarReader {
  readonly #limits: TarLimits;
  /** Bytes read until now. */
  #at = 0;
  /** What is being collected, until `#wanted` bytes of it are there. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #wanted = blockSize;
  /** Who gets it; undefined: it is a header. */
  #take: ((block: Buffer) => Generator<Part>) | undefined;
  /** Bytes of the current member to be handed on, and to be dropped after them. */
  #data = 0;
  #skip = 0;
  #extension: Extension = { records: [] };
  #sparse: Sparse | undefined;
  /** Where in the sparse file the archive's next byte belongs. */
  #segment = 0;
  #position = 0;
  #zeroBlocks = 0;
  #ended = false;

  constructor(limits: TarLimits) {
    this.#limits = limits;
  }

  /**
   * Takes the next bytes; answers members, each followed by its bytes, which are parts of `chunk`, and its holes. To be
   * read to its end before the next call.
   */
  *read(chunk: Uint8Array): Generator<Part> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#ended) {
        this.#at += rest.length;
        return;
      }
      let used: number;
      if (this.#data > 0) {
        used = Math.min(this.#data, rest.length);
        this.#data -= used;
        const part = rest.subarray(0, used);
        if (this.#sparse) yield* this.#spread(this.#sparse, part);
        else yield part;
        if (this.#data === 0 && this.#sparse) yield* this.#endSparse(this.#sparse);
      } else if (this.#skip > 0) {
        used = Math.min(this.#skip, rest.length);
        this.#skip -= used;
      } else {
        used = Math.min(this.#wanted - this.#heldBytes, rest.length);
        this.#heldBytes += used;
        const part = rest.subarray(0, used);
        const whole = this.#heldBytes === this.#wanted;
        // What is kept must not be of a chunk that is the caller's again.
        this.#held.push(whole ? part : Buffer.from(part));
        if (whole) yield* this.#collected();
      }
      this.#at += used;
      rest = rest.subarray(used);
    }
  }

  /** Says that no more bytes come. DATA_LOSS in the middle of a member. */
  end(): void {
    const between = this.#take === undefined && this.#heldBytes === 0;
    if (this.#ended || (between && this.#data === 0 && this.#skip === 0)) {
      if (this.#at === 0) throw notATar(0, "it is empty");
      return;
    }
    throw new AppError("DATA_LOSS", "The archive ends in the middle of an entry", {
      subject: `byte ${this.#at} of the archive`,
      hint: "It was cut off on its way. Get it again.",
    });
  }

  *#collected(): Generator<Part> {
    const [first] = this.#held;
    // Of a header nothing is kept, so that most need not be copied. (What is extended by is.)
    const whole = this.#held.length === 1 && !this.#take ? first : undefined;
    const block = whole
      ? Buffer.from(whole.buffer, whole.byteOffset, whole.length)
      : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    try {
      yield* this.#take ? this.#take(block) : this.#header(block);
    } catch (error) {
      if (error instanceof BadHeader) throw notATar(this.#at, error.message);
      throw error;
    }
  }

  *#header(block: Buffer): Generator<Part> {
    if (isZero(block)) {
      this.#zeroBlocks += 1;
      this.#ended = this.#zeroBlocks === 2;
      return;
    }
    if (this.#zeroBlocks > 0) throw new BadHeader("something follows its end");
    const header = parseHeader(block);
    const { flag } = header;
    if (flag === "x" || flag === "X" || flag === "L" || flag === "K") {
      this.#collect(header.size, "an extended header", (data) => this.#extend(flag, data));
      return;
    }
    const entry = this.#entry(header);
    const stored = this.#storedSize(header, entry.type);
    if (entry.type === "file") {
      if (flag === "S") {
        entry.size = number(block, 483, 12);
        const segments = oldSegments(block, 386, 4);
        if (block[482] !== 0) this.#moreSegments(entry, segments, stored);
        else yield* this.#beginSparse({ entry, segments, stored });
        return;
      }
      const sparse = this.#paxSparse(entry, stored);
      if (sparse) {
        yield* sparse;
        return;
      }
    }
    this.#extension = { records: [] };
    entry.size = entry.type === "file" ? stored : 0;
    const isFile = entry.type === "file";
    this.#data = isFile ? stored : 0;
    this.#skip = isFile ? padding(stored) : stored + padding(stored);
    yield entry;
  }

  /** Has `then` called with the next `size` bytes; what pads them is dropped. */
  #collect(size: number, what: string, then: (data: Buffer) => Generator<Part>) {
    if (size < 0) throw new BadHeader("an extended header has no size");
    if (size > this.#limits.header) {
      throw new AppError("RESOURCE_EXHAUSTED", `The archive has ${what} of ${size} bytes`, {
        subject: `byte ${this.#at} of the archive`,
        hint: `At most ${this.#limits.header} are taken.`,
      });
    }
    this.#wanted = Math.max(size, 1) + padding(Math.max(size, 1));
    this.#take = (padded) => {
      this.#wanted = blockSize;
      this.#take = undefined;
      return then(padded.subarray(0, size));
    };
    // Nothing is said in no bytes.
    if (size === 0) {
      this.#wanted = blockSize;
      this.#take = undefined;
    }
  }

  // oxlint-disable-next-line require-yield
  *#extend(flag: string, data: Buffer): Generator<Part> {
    if (flag === "L") this.#extension.longName = upToNul(data);
    else if (flag === "K") this.#extension.longLink = upToNul(data);
    else this.#extension.records = parseRecords(data);
  }

  #entry(header: TarHeader): TarEntry {
    const { flag } = header;
    const type = types[flag];
    const entry: TarEntry = {
      type: type ?? "label",
      path: header.name,
      target: header.linkName,
      mode: header.mode & 0o7777,
      uid: header.uid,
      gid: header.gid,
      mtime: { seconds: header.mtime, nanoseconds: 0 },
      size: header.size,
      major: header.major,
      minor: header.minor,
      xattrs: new Map(),
    };
    // For what describes the archive no header says more.
    if (entry.type !== "label") this.#extendEntry(entry);
    if (type === undefined) throw refuse(entry.path, `is of a kind that is not known: "${flag}"`);
    // Before POSIX a directory was a file whose name ends so.
    if (flag === "\0" && entry.path.endsWith("/")) {
      if (entry.size > 0) throw refuse(entry.path, "is a directory that has bytes");
      entry.type = "directory";
    }
    return entry;
  }

  #extendEntry(entry: TarEntry): void {
    const { records, longName, longLink } = this.#extension;
    for (const [key, value] of records) {
      // Says that the header itself is right.
      if (value.length === 0 && !key.includes(".xattr.")) continue;
      if (key === "path") entry.path = value.toString("latin1");
      else if (key === "linkpath") entry.target = value.toString("latin1");
      else if (key === "uid") entry.uid = parseCount(value);
      else if (key === "gid") entry.gid = parseCount(value);
      else if (key === "size") entry.size = parseCount(value);
      else if (key === "mtime") entry.mtime = parseTime(value);
      else if (key === "SCHILY.devmajor") entry.major = parseCount(value);
      else if (key === "SCHILY.devminor") entry.minor = parseCount(value);
      else if (key.startsWith("SCHILY.xattr.")) entry.xattrs.set(key.slice(13), value);
      else if (key.startsWith("LIBARCHIVE.xattr.")) {
        const name = decodePercent(key.slice(17));
        const bytes = Buffer.from(value.toString("latin1"), "base64");
        if (!entry.xattrs.has(name)) entry.xattrs.set(name, bytes);
      }
    }
    if (longName !== undefined) entry.path = longName;
    if (longLink !== undefined) entry.target = longLink;
  }

  /** Bytes that follow the header. Those kinds that have none in pax may say a size nevertheless. */
  #storedSize(header: TarHeader, type: TarType): number {
    const record = this.#extension.records.findLast(([key]) => key === "size")?.[1];
    const size = type !== "label" && record?.length ? parseCount(record) : header.size;
    if (!Number.isSafeInteger(size) || size < 0) throw new BadHeader("an entry's size is none");
    return type === "file" || type === "label" || header.flag === "D" ? size : 0;
  }

  /** What GNU's pax headers say of a sparse file; undefined for any other. */
  #paxSparse(entry: TarEntry, stored: number): Generator<Part> | undefined {
    const { records } = this.#extension;
    const last = (key: string): Buffer | undefined =>
      records.findLast(([name]) => name === `GNU.sparse.${key}`)?.[1];
    const name = last("name");
    const size = last("realsize") ?? last("size");
    const major = last("major")?.toString("latin1");
    const map = last("map");
    if (size === undefined) return undefined;
    if (name) entry.path = name.toString("latin1");
    entry.size = parseCount(size);
    if (major === "1") return this.#mapBefore(entry, stored);
    const numbers = map
      ? map
          .toString("latin1")
          .split(",")
          .filter(Boolean)
          .map((text) => parseCount(Buffer.from(text)))
      : records
          .filter(([key]) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes")
          .map(([, value]) => parseCount(value));
    return this.#beginSparse({ entry, segments: pairs(numbers), stored });
  }

  /** Format 1.0: the map comes first, block by block. */
  // oxlint-disable-next-line require-yield
  *#mapBefore(entry: TarEntry, stored: number): Generator<Part> {
    let map = Buffer.alloc(0);
    this.#take = (block) => {
      map = Buffer.concat([map, block]);
      const parsed = parseMap(map);
      if (!parsed) {
        if (map.length >= Math.min(stored, maxMap)) {
          throw new BadHeader("a sparse file's map has no end");
        }
        return nothing();
      }
      const { segments, bytes } = parsed;
      return this.#beginSparse({ entry, segments, stored: stored - bytes });
    };
  }

  /** GNU's old format: blocks of 21 more pieces each follow the header. */
  #moreSegments(entry: TarEntry, segments: Segment[], stored: number): void {
    this.#take = (block) => {
      segments.push(...oldSegments(block, 0, 21));
      if (segments.length * 24 > maxMap) throw new BadHeader("a sparse file's map has no end");
      if (block[504] !== 0) return nothing();
      return this.#beginSparse({ entry, segments, stored });
    };
  }

  *#beginSparse(sparse: Sparse): Generator<Part> {
    const { entry, segments, stored } = sparse;
    checkSegments(segments, entry.size, stored);
    entry.segments = segments;
    this.#take = undefined;
    this.#extension = { records: [] };
    this.#sparse = sparse;
    this.#segment = 0;
    this.#position = 0;
    this.#data = stored;
    this.#skip = padding(stored);
    yield entry;
    if (stored === 0) yield* this.#endSparse(sparse);
  }

  *#spread({ segments }: Sparse, bytes: Uint8Array): Generator<Uint8Array | Hole> {
    let rest = bytes;
    while (rest.length > 0) {
      const segment = segments[this.#segment] as Segment;
      const end = segment.offset + segment.length;
      yield* this.#holeUpTo(segment.offset);
      const part = rest.subarray(0, end - this.#position);
      if (part.length > 0) yield part;
      this.#position += part.length;
      rest = rest.subarray(part.length);
      if (this.#position === end) this.#segment += 1;
    }
  }

  *#endSparse({ entry }: Sparse): Generator<Hole> {
    this.#sparse = undefined;
    yield* this.#holeUpTo(entry.size);
  }

  *#holeUpTo(end: number): Generator<Hole> {
    if (this.#position >= end) return;
    yield new Hole(end - this.#position);
    this.#position = end;
  }
}

// oxlint-disable-next-line require-yield
function* nothing(): Generator<never> {}

/** What fills the last block. */
export function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

function upToNul(data: Buffer): string {
  const end = data.indexOf(0);
  return data.toString("latin1", 0, end < 0 ? data.length : end);
}
