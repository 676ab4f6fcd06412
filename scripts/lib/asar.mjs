import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Packs a flat directory of files as an asar archive, Electron's format: a header in Chromium's
 * pickle encoding (sizes as 32-bit little endian), JSON, then the files one after the other.
 * @param {string} target
 * @param {string} directory
 */
export async function writeAsar(target, directory) {
  /** @type {Record<string, { size: number, offset: string }>} */
  const files = {};
  const contents = [];
  let offset = 0;
  for (const name of (await readdir(directory)).sort()) {
    const content = await readFile(join(directory, name));
    files[name] = { size: content.length, offset: String(offset) };
    offset += content.length;
    contents.push(content);
  }
  const json = Buffer.from(JSON.stringify({ files }));
  const padding = (4 - (json.length % 4)) % 4;
  const header = Buffer.alloc(16);
  const sizes = [4, json.length + padding + 8, json.length + padding + 4, json.length];
  for (const [index, size] of sizes.entries()) header.writeUInt32LE(size, 4 * index);
  await writeFile(target, Buffer.concat([header, json, Buffer.alloc(padding), ...contents]));
}
