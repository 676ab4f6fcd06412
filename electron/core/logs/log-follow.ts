import type { LogLine, logs } from "#shared/contract/logs";
import type { ItemOf } from "#shared/rpc/define";
import { Wake, watchFile } from "./file-watch.ts";
import { LineReader, type LogFile } from "./log-file.ts";
import { toLogLine, type RawLine } from "./log-lines.ts";

type FollowItem = ItemOf<typeof logs.follow>;

/** An item's bounds: lines (the contract's) and bytes of text. */
const maxLines = 1000;
const maxBytes = 1 << 20;
/** Bytes of text in the first item: JSON makes up to six of one, and a frame has room for 16 MiB (shared/rpc/wire.ts). */
export const maxTail = 2 << 20;
/**
 * An unfinished line is shown when nothing came for so long, in ms: conmon splits lines at its
 * buffer's end, and the other half mostly follows at once.
 */
const quietTime = 100;

/**
 * The last `tail` lines of a log, as far as there is room for them, and then everything that is appended. Reads only when asked for the
 * next item, so a slow reader costs nothing and loses nothing.
 */
export async function* followLog(
  log: LogFile,
  tail: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<FollowItem> {
  const wake = new Wake();
  const watch = watchFile(log.path, () => wake.notify());
  try {
    let keep = tail;
    while (!signal?.aborted) {
      const outcome = yield* followFile(log, keep, wake, signal);
      if (outcome === "end") return;
      // Another file in its place: all of it is new.
      keep = Infinity;
    }
  } finally {
    watch.dispose();
  }
}

async function* followFile(
  log: LogFile,
  tail: number,
  wake: Wake,
  signal: AbortSignal | undefined,
): AsyncGenerator<FollowItem, "again" | "end"> {
  const opened = await log.open();
  if (!opened) {
    yield { reset: true, lines: [], total: 0 };
    while (!signal?.aborted) {
      await wake.wait({ signal });
      if (await log.exists()) return "again";
      if (!(await log.hasDirectory())) return "end";
    }
    return "end";
  }
  const { file, index, identity } = opened;
  try {
    const from = Math.max(0, index.lines - tail);
    const atStart = index.position;
    const reader = new LineReader(file, index.markFor(from));
    let reset = true;
    let lines: LogLine[] = [];
    let bytes = 0;
    let shown = "";
    const visit = (line: RawLine): void => {
      if (line.line < from) return;
      lines.push(toLogLine(line));
      bytes += line.bytes.length;
    };
    const isFull = (): boolean => lines.length >= maxLines || bytes >= maxBytes;
    function* take(): Generator<FollowItem> {
      lines.sort((a, b) => a.line - b.line);
      const all = lines;
      lines = [];
      bytes = 0;
      const total = Math.max(reader.next, index.lines);
      for (let at = 0; at < all.length || reset; at += maxLines) {
        yield { reset, lines: all.slice(at, at + maxLines), total };
        reset = false;
      }
    }
    while (!signal?.aborted) {
      // The first item holds the whole tail, which is bounded, unless a replaced file is told anew.
      const first = reset && tail !== Infinity;
      if (await reader.step(visit, first ? atStart : undefined)) {
        if (first && bytes > 2 * maxTail) ({ lines, bytes } = lastOf(lines));
        else if (!first && isFull()) yield* take();
        continue;
      }
      if (first) {
        const open = reader.open().filter((line) => line.line >= from);
        shown = reader.openKey();
        lines.push(...open);
        lines.sort((a, b) => a.line - b.line);
        yield { reset: true, lines: lastOf(lines).lines, total: index.lines };
        lines = [];
        bytes = 0;
        reset = false;
        continue;
      }
      if (lines.length > 0 || reset) yield* take();
      const changed = reader.openKey() !== shown;
      const woken = await wake.wait({ signal, timeout: changed ? quietTime : undefined });
      if (signal?.aborted) break;
      if (!woken) {
        shown = reader.openKey();
        lines = reader.open().filter((line) => line.line >= from);
        if (lines.length > 0) yield* take();
        continue;
      }
      const now = await log.isSame(identity, reader.position);
      if (now === "same") continue;
      // What was written to the old file before it went.
      while (await reader.step(visit)) if (isFull()) yield* take();
      if (lines.length > 0) yield* take();
      return now === "other" || (await log.hasDirectory()) ? "again" : "end";
    }
    return "end";
  } finally {
    await file.close();
  }
}

/** The last of them that fit into an item. */
function lastOf(lines: LogLine[]): { lines: LogLine[]; bytes: number } {
  let bytes = 0;
  let from = lines.length;
  while (from > 0) {
    const length = Buffer.byteLength(lines[from - 1]?.text ?? "");
    if (bytes + length > maxTail) break;
    bytes += length;
    from -= 1;
  }
  return { lines: lines.slice(from), bytes };
}
