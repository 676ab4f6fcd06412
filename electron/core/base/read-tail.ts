import { open } from "node:fs/promises";

/**
 * The last `length` bytes of a text file, from the start of a line; undefined for one that is empty or not there.
 */
export async function readTail(
  path: string,
  length: number,
): Promise<{ text: string; truncated: boolean } | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return undefined;
  try {
    const { size } = await file.stat();
    if (size === 0) return undefined;
    const start = Math.max(0, size - length);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    const text = buffer.subarray(0, bytesRead).toString("utf8");
    const truncated = start > 0;
    // Not from the middle of a line.
    return { text: truncated ? text.slice(text.indexOf("\n") + 1) : text, truncated };
  } finally {
    await file.close();
  }
}
