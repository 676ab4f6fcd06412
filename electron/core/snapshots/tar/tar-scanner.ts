import { Directory, FileTree, type Leaf, tooMuch } from "./file-tree.ts";
import type { TarLimits } from "./limits.ts";
import { entryPath, linkPath } from "./names.ts";
import { Hole, storedSize } from "./sparse.ts";
import { refuse, type TarEntry } from "./tar-entry.ts";
import { TarReader } from "./tar-reader.ts";
import { archiveEnd, encodeHeader, encodeSparseHeader, zerosAfter } from "./tar-writer.ts";

export interface ScanOptions {
  limits: TarLimits;
  /** The attribute by which overlayfs knows a directory that hides those below it. */
  opaque: "trusted.overlay.opaque" | "user.overlay.opaque";
  /** Write sparse files as such, for who makes holes of their holes; else with zeros. */
  keepHoles: boolean;
  /** Names that say what a layer hides of those below it (image-spec, layer.md); else they are names as others. */
  whiteouts: boolean;
  /** Leave devices out and count them, where they can't be made. */
  skipDevices: boolean;
  /** Files whose content is wanted, by path: small ones. */
  capture: readonly string[];
}

/** Content of a file at a path; `hidden`: lower layers' is not seen; `other`: it has to be looked at in place. */
export type Captured = Buffer | "hidden" | "other";

/** A captured file beyond this is `other`; bytes. */
const maxCaptured = 4 * 1024 * 1024;
/** The last number of 32 bits means "unchanged" to chown(2). */
const maxId = 0xfffffffe;
/** What Linux's dev_t holds: 12 and 20 bits. */
const [maxMajor, maxMinor] = [0xfff, 0xfffff];

const whiteout = ".wh.";
const opaqueMarker = ".wh..wh..opq";
/** Of aufs's own; no image means them. */
const aufsPrefix = ".wh..wh.";

/** Kinds of attributes that a file of an image may have. */
const keptXattrs = /^(user\.|trusted\.|security\.|system\.posix_acl_(access|default)$)/;
/** With these an image would pretend to be part of an overlay. */
const overlayXattrs = /^(trusted|user)\.overlay\./;
/** The kernel's XATTR_NAME_MAX and XATTR_SIZE_MAX. */
const [maxXattrName, maxXattrValue] = [255, 65536];

/**
 * Checks a layer's archive and writes it anew, as it comes: every path relative, without `..`, and leading through
 * directories only; every hard link to a file that is there; nothing that tools read differently. Whiteouts become
 * overlayfs's. Directories come last, once each, as what is said of one may come at any time. What this writes can be
 * unpacked by a tool that trusts it.
 */
export class TarScanner {
  readonly #options: ScanOptions;
  readonly #reader: TarReader;
  readonly #tree: FileTree;
  readonly #captured = new Map<string, Buffer[] | "other">();
  #capturing: Buffer[] | undefined;
  /** Bytes of the current file that are still to come; its end is filled up to a block. */
  #left = 0;
  #written = 0;
  #dropping = false;
  #total = 0;
  #content = 0;
  #skipped = 0;
  #sparse = false;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#reader = new TarReader(options.limits);
    this.#tree = new FileTree(options.limits);
  }

  /** Files, directories, links and whiteouts. */
  get files(): number {
    return this.#tree.count;
  }

  get skippedDevices(): number {
    return this.#skipped;
  }

  /** Whether there were sparse files in it. */
  get sparse(): boolean {
    return this.#sparse;
  }

  /**
   * Takes the next bytes and answers what is to be written; to be read to its end. Parts of it are parts of `chunk`, of
   * which nothing is needed afterwards. Throws what is wrong with it.
   */
  *scan(chunk: Uint8Array): Generator<Uint8Array> {
    this.#total += chunk.length;
    const { total } = this.#options.limits;
    if (this.#total > total) throw tooMuch(`It has more than ${total} bytes`);
    for (const part of this.#reader.read(chunk)) {
      if (part instanceof Hole) yield* this.#hole(part);
      else if (part instanceof Uint8Array) yield* this.#data(part);
      else yield* this.#entry(part);
    }
  }

  /** After the last bytes. */
  *end(): Generator<Uint8Array> {
    this.#reader.end();
    yield* this.#directories();
    yield archiveEnd;
  }

  /** What the layer says of a file that was to be captured; undefined: nothing. After the end. */
  captured(path: string): Captured | undefined {
    let node: Directory | Leaf = this.#tree.root;
    let hidden = this.#tree.root.opaque;
    for (const part of path.split("/")) {
      if (!(node instanceof Directory)) return "other";
      const next: Directory | Leaf | undefined = node.children.get(part);
      if (next === undefined) return hidden ? "hidden" : undefined;
      if (next === "whiteout") return "hidden";
      if (next instanceof Directory) hidden ||= next.opaque;
      node = next;
    }
    const found = this.#captured.get(path);
    return node === "file" && Array.isArray(found) ? Buffer.concat(found) : "other";
  }

  /** See FileTree. After the end. */
  impliedDirectories(): string[] {
    return this.#tree.implied();
  }

  *#data(part: Uint8Array): Generator<Uint8Array> {
    this.#left -= part.length;
    this.#capturing?.push(Buffer.from(part));
    if (this.#dropping) return;
    yield part;
    if (this.#left === 0) yield zerosAfter(this.#written);
  }

  *#hole(hole: Hole): Generator<Uint8Array> {
    if (this.#capturing || !this.#options.keepHoles) {
      for (const part of hole.zeros()) yield* this.#data(part);
      return;
    }
    this.#left -= hole.length;
    if (this.#left === 0 && !this.#dropping) yield zerosAfter(this.#written);
  }

  *#entry(entry: TarEntry): Generator<Uint8Array> {
    this.#capturing = undefined;
    this.#dropping = true;
    this.#left = this.#written = entry.size;
    if (entry.type === "label") return;
    const name = entry.path;
    const path = entryPath(name, this.#options.limits);
    this.#check(entry);
    if (this.#options.whiteouts && path.some((part) => part.startsWith(whiteout))) {
      this.#hide(path, name);
      return;
    }
    const made = { ...entry, path: path.join("/"), xattrs: this.#xattrs(entry) };
    if (entry.type === "directory") {
      const before = this.#tree.putDirectory(path, { ...made, target: "", size: 0 }, name);
      // What is to be replaced has been written: it must be a directory before something is put into it.
      if (typeof before === "string" && before !== "whiteout") yield encodeHeader(made);
      return;
    }
    const target = entry.type === "link" ? this.#link(entry) : entry.target;
    const leaf = this.#leaf(entry);
    this.#tree.put(path, leaf, name);
    if (leaf === "skipped") {
      this.#skipped += 1;
      return;
    }
    this.#capture(made);
    this.#dropping = false;
    // Nobody can change those of a symbolic link, but a file system can say others.
    if (entry.type === "symlink") made.mode = 0o777;
    const devices = entry.type === "character" || entry.type === "block";
    const whole: TarEntry = {
      ...made,
      target: entry.type === "link" || entry.type === "symlink" ? target : "",
      major: devices ? entry.major : 0,
      minor: devices ? entry.minor : 0,
    };
    const { segments } = entry;
    if (segments) this.#sparse = true;
    // One that is captured comes with its zeros.
    if (!segments || this.#capturing || !this.#options.keepHoles) {
      yield encodeHeader(whole);
      return;
    }
    this.#written = storedSize(segments);
    yield encodeSparseHeader(whole, segments);
  }

  #check(entry: TarEntry): void {
    const { limits } = this.#options;
    const { path, uid, gid, size, major, minor } = entry;
    if (uid < 0 || uid > maxId || gid < 0 || gid > maxId) {
      throw refuse(path, "belongs to a user or group that can't be");
    }
    if (major < 0 || major > maxMajor || minor < 0 || minor > maxMinor) {
      if (entry.type === "character" || entry.type === "block") {
        throw refuse(path, "is a device that can't be");
      }
    }
    if (size > limits.file) {
      throw refuse(path, `has ${size} bytes, more than ${limits.file}`, "RESOURCE_EXHAUSTED");
    }
    this.#content += size;
    if (this.#content > limits.content)
      throw tooMuch(`Its files have more than ${limits.content} bytes`);
    if (entry.type !== "symlink") return;
    if (entry.target === "" || entry.target.includes("\0") || entry.target.length > limits.path) {
      throw refuse(path, "is a symbolic link to a name that can't be");
    }
  }

  #hide(path: string[], name: string): void {
    const marker = path.at(-1) as string;
    const parents = path.slice(0, -1);
    if (path.some((part) => part !== opaqueMarker && part.startsWith(aufsPrefix))) return;
    if (parents.some((part) => part.startsWith(whiteout))) {
      throw refuse(name, "lies in a whiteout");
    }
    if (marker === opaqueMarker) {
      this.#tree.hideAll(parents, name);
      return;
    }
    const hidden = marker.slice(whiteout.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw refuse(name, "is a whiteout of nothing");
    }
    this.#tree.hide([...parents, hidden], name);
  }

  /** The path a hard link leads to, to a file that is there already. */
  #link(entry: TarEntry): string {
    const path = linkPath(entry, this.#options.limits);
    const found = this.#tree.find(path);
    if (found === undefined || found === "whiteout" || found instanceof Directory) {
      throw refuse(entry.path, "is a hard link to something that the archive has no file for");
    }
    const own = entryPath(entry.path, this.#options.limits).join("/");
    if (path.join("/") === own) throw refuse(entry.path, "is a hard link to itself");
    return path.join("/");
  }

  #leaf(entry: TarEntry): Leaf {
    const { type } = entry;
    if (type === "link") {
      const found = this.#tree.find(linkPath(entry, this.#options.limits));
      return found as Leaf;
    }
    if (type === "file" || type === "symlink") return type;
    // A whiteout that is written as overlayfs has it.
    if (type === "character" && entry.major === 0 && entry.minor === 0) return "special";
    return this.#options.skipDevices && type !== "fifo" ? "skipped" : "special";
  }

  #xattrs({ path, xattrs }: TarEntry): Map<string, Buffer> {
    const kept = [...xattrs].filter(([name]) => keptXattrs.test(name) && !overlayXattrs.test(name));
    for (const [name, value] of kept) {
      const bad = name.includes("\0") || name.includes("=") || name.endsWith(".");
      if (bad || name.length > maxXattrName || value.length > maxXattrValue) {
        throw refuse(path, "has an extended attribute that can't be");
      }
    }
    return new Map(kept);
  }

  #capture({ path, type, size }: TarEntry): void {
    if (!this.#options.capture.includes(path)) return;
    if (type !== "file" || size > maxCaptured) {
      this.#captured.set(path, "other");
      return;
    }
    this.#capturing = [];
    this.#captured.set(path, this.#capturing);
  }

  /** Each with all that was said of it, before what is in it; and the whiteouts. */
  *#directories(): Generator<Uint8Array> {
    const todo: [string, Directory][] = [["", this.#tree.root]];
    for (let next = todo.pop(); next; next = todo.pop()) {
      const [path, directory] = next;
      yield encodeHeader(this.#directory(path, directory));
      for (const [name, child] of directory.children) {
        const inner = path === "" ? name : `${path}/${name}`;
        if (child instanceof Directory) todo.push([inner, child]);
        else if (child === "whiteout") yield encodeHeader({ ...plain, path: inner });
      }
    }
  }

  #directory(path: string, { entry, opaque }: Directory): TarEntry {
    // The root of an archive is `./`.
    const base = entry ?? { ...plain, mode: 0o755 };
    const xattrs = opaque
      ? new Map(base.xattrs).set(this.#options.opaque, Buffer.from("y"))
      : base.xattrs;
    return { ...base, type: "directory", path: path === "" ? "." : path, xattrs };
  }
}

/** A whiteout; and what a directory has that the archive says nothing of. */
const plain: TarEntry = {
  ...{ type: "character", path: "", target: "", mode: 0, uid: 0, gid: 0, size: 0 },
  mtime: { seconds: 0, nanoseconds: 0 },
  ...{ major: 0, minor: 0 },
  xattrs: new Map(),
};
