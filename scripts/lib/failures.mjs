import { mkdir, readFile, writeFile } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { say } from "./console.mjs";
import { cache } from "./places.mjs";

/** What failed is tried again after this long, or on another kernel; milliseconds. */
const retryAfter = 24 * 3600_000;

/**
 * Makes something that Shimyard can do without. When that fails, the reason is printed, now and at each start
 * until it is tried again.
 * @template T
 * @param {string} name
 * @param {string} loss what the user has to do without, as a sentence without its full stop
 * @param {() => Promise<T>} make
 * @returns {Promise<T | undefined>}
 */
export async function unlessItFailed(name, loss, make) {
  const memory = join(cache, `${name}-failure.json`);
  const failed = await readFile(memory, "utf8").then(JSON.parse, () => undefined);
  if (failed?.kernel === release() && Date.now() - failed.at < retryAfter) {
    say(`${loss}: ${failed.reason}`);
    return undefined;
  }
  try {
    return await make();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    await mkdir(cache, { recursive: true });
    await writeFile(memory, JSON.stringify({ kernel: release(), at: Date.now(), reason }));
    say(`${loss}: ${reason}`);
    return undefined;
  }
}
