import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { AppError } from "#shared/errors";
import { compressionOf, openFile } from "./layer-file.ts";

/** A file in an archive, as a part of the archive's own. */
export interface Part {
  offset: number;
  /** Bytes. */
  length: number;
}

/** Archives of images have some files a layer; what has more is none, and is not looked through to its end. */
const maxEntries = 100_000;
/** Bytes of one extended header. */
const maxHeader = 1024 * 1024;
/** Links followed for one name: docker links a layer to the same one of another image, once. */
const maxLinks = 8;
const block = 512;

/**
 * Where the files in a plain tar lie, by normalised name. Nothing is unpacked, so that no name in it leads anywhere:
 * a link is another name of a file in the same archive, or of nothing.
 */
export class ArchiveIndex {
  readonly path: string;
  readonly #files = new Map<string, Part>();
  readonly #links = new Map<string, string>();

  private constructor(path: string) {
    this.path = path;
  }

  /** INVALID_ARGUMENT for what is no tar, DATA_LOSS for one that was cut off. */
  static async read(path: string, options: { signal?: AbortSignal } = {}): Promise<ArchiveIndex> {
    const index = new ArchiveIndex(path);
    const file = await openFile(path);
    try {
      await index.#scan(file, (await file.stat()).size, options.signal);
    } finally {
      await file.close();
    }
    return index;
  }

  find(name: string): Part | undefined {
    let at = normalize(name);
    for (let links = 0; links <= maxLinks && at !== undefined; links += 1) {
      const found = this.#files.get(at);
      if (found) return found;
      const target = this.#links.get(at);
      at = target === undefined ? undefined : normalize(target);
    }
    return undefined;
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  async #scan(file: FileHandle, size: number, signal: AbortSignal | undefined): Promise<void> {
    const header = Buffer.alloc(block);
    let long: { name?: string; link?: string; size?: number } = {};
    let entries = 0;
    for (let at = 0; at < size;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(header, 0, block, at);
      if (bytesRead < block) throw at === 0 ? notImages(this.path) : cutOff(this.path);
      if (header.every((byte) => byte === 0)) return;
      requireChecksum(header, this.path);
      entries += 1;
      if (entries > maxEntries) throw notImages(this.path);
      const type = String.fromCharCode(header[156] ?? 0);
      const length = long.size ?? numberIn(header.subarray(124, 136));
      const offset = at + block;
      at = offset + Math.ceil(length / block) * block;
      // Also for lengths that are no numbers.
      if (!(offset + length <= size)) throw cutOff(this.path);
      if (type === "L" || type === "K" || type === "x" || type === "g") {
        if (length > maxHeader) throw notImages(this.path);
        const bytes = Buffer.alloc(length);
        await file.read(bytes, 0, length, offset);
        if (type === "L") long.name = textIn(bytes);
        if (type === "K") long.link = textIn(bytes);
        if (type === "x") long = { ...long, ...paxFields(bytes) };
        continue;
      }
      const prefix =
        header.toString("latin1", 257, 262) === "ustar" ? header.subarray(345, 500) : "";
      const short = [textIn(prefix), textIn(header.subarray(0, 100))].filter(Boolean).join("/");
      const name = normalize(long.name ?? short);
      const link = long.link ?? textIn(header.subarray(157, 257));
      long = {};
      if (name === undefined) continue;
      // The last of a name counts, as when it is unpacked.
      this.#files.delete(name);
      this.#links.delete(name);
      if (type === "0" || type === "\0" || type === "7") this.#files.set(name, { offset, length });
      if (type === "1") this.#links.set(name, link);
      if (type === "2") this.#links.set(name, posix.join(posix.dirname(name), link));
    }
  }
}

/** Refuses an archive of images where a root file system is wanted; a compressed one is not looked into. */
export async function requireRootfs(path: string): Promise<void> {
  const file = await openFile(path);
  try {
    if (await compressionOf(file)) return;
  } finally {
    await file.close();
  }
  // What is no tar is told by who unpacks it, and a root file system may have any number of files.
  const index = await ArchiveIndex.read(path).catch(() => undefined);
  if (!index?.find("manifest.json") && !index?.find("oci-layout")) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `${path} is an archive of images, not a root file system`,
    {
      field: "path",
      hint: "Load it as images instead.",
    },
  );
}

/** Without `./` and a leading `/`; undefined for what leads out. */
function normalize(name: string): string | undefined {
  const path = posix.normalize(`/${name}`).slice(1).replace(/\/$/, "");
  return posix.normalize(name).startsWith("..") || path === "" ? undefined : path;
}

/** pax records: `LENGTH KEY=VALUE\n` (POSIX.1-2001, pax). */
function paxFields(bytes: Buffer): { name?: string; link?: string; size?: number } {
  const fields: { name?: string; link?: string; size?: number } = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString("latin1", at, space));
    if (space < 0 || !Number.isInteger(length) || length <= 0) break;
    const record = bytes.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    const value = record.slice(equals + 1);
    if (record.startsWith("path=")) fields.name = value;
    if (record.startsWith("linkpath=")) fields.link = value;
    if (record.startsWith("size=")) fields.size = Number(value);
    at += length;
  }
  return fields;
}

/** Octal digits, or base 256 for what they can't hold (GNU). */
function numberIn(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) === 0) return Number.parseInt(textIn(field).trim() || "0", 8);
  return Number(BigInt(`0x${field.toString("hex")}`) & ((1n << 88n) - 1n));
}

function textIn(field: Buffer | string): string {
  if (typeof field === "string") return field;
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? field.length : end);
}

function requireChecksum(header: Buffer, path: string): void {
  const said = Number.parseInt(textIn(header.subarray(148, 156)).trim(), 8);
  let sum = 0;
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  if (sum !== said) throw notImages(path);
}

const cutOff = (path: string): AppError =>
  new AppError("DATA_LOSS", `The archive ${path} was cut off`, { field: "path" });

const notImages = (path: string): AppError =>
  new AppError("INVALID_ARGUMENT", `${path} is not an archive of images`, {
    field: "path",
    hint: "Choose what `docker save`, `podman save` or `skopeo copy` wrote.",
  });
