import { readFile, rename, rm, writeFile } from "node:fs/promises";
import type { IndexState } from "./log-index.ts";

/** Which file an index is of. The first bytes hold the first record's time to the nanosecond. */
export interface FileIdentity {
  device: number;
  inode: number;
  /** Hexadecimal, of the first 64 bytes. */
  head: string;
}

interface Header {
  version: 1;
  identity: FileIdentity;
  position: number;
  lines: number;
  open: [boolean, boolean];
}

/**
 * An index on disk beside its log, `LOG.index`: a JSON line, then the marks as little-endian doubles.
 * Only a cache: unreadable or foreign is the same as absent, and failing to write it hurts nobody.
 */
export async function loadIndex(
  path: string,
  identity: FileIdentity,
  size: number,
): Promise<IndexState | undefined> {
  try {
    const bytes = await readFile(`${path}.index`);
    const end = bytes.indexOf(0x0a);
    const header = JSON.parse(bytes.toString("utf8", 0, end)) as Header;
    const { device, inode, head } = header.identity;
    if (header.version !== 1 || header.position > size) return undefined;
    if (device !== identity.device || inode !== identity.inode || head !== identity.head) {
      return undefined;
    }
    // Copied, because doubles must lie at a multiple of eight.
    const marks = new Uint8Array(bytes.subarray(end + 1));
    if (marks.length % 24 !== 0) return undefined;
    return {
      position: header.position,
      lines: header.lines,
      open: header.open,
      marks: new Float64Array(marks.buffer),
    };
  } catch {
    return undefined;
  }
}

export async function saveIndex(
  path: string,
  identity: FileIdentity,
  state: IndexState,
): Promise<void> {
  const { position, lines, open, marks } = state;
  const header: Header = { version: 1, identity, position, lines, open };
  const temporary = `${path}.index.new`;
  try {
    await writeFile(temporary, [
      Buffer.from(`${JSON.stringify(header)}\n`),
      Buffer.from(marks.buffer, marks.byteOffset, marks.byteLength),
    ]);
    await rename(temporary, `${path}.index`);
  } catch {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
