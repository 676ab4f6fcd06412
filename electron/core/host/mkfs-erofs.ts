import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { execute, firstExecutable } from "./prerequisites-tools.ts";
import { thisHost } from "./this-host.ts";

/**
 * Path of a mkfs.erofs that makes file systems of archives (erofs-utils 1.7): that of the environment's
 * SHIMYARD_MKFS_EROFS, the distribution's, or one that scripts/lib/erofs.mjs has built. undefined where there is none.
 */
export async function findMkfsErofs(): Promise<string | undefined> {
  const { SHIMYARD_MKFS_EROFS, XDG_CACHE_HOME } = process.env;
  const own = await firstExecutable(["mkfs.erofs"], thisHost());
  const cache = join(XDG_CACHE_HOME || join(homedir(), ".cache"), "shimyard");
  const names = (await readdir(cache).catch(() => [])).filter((name) => /^erofs-\d/.test(name));
  const built = names
    .sort()
    .reverse()
    .map((name) => join(cache, name, "mkfs.erofs"));
  for (const path of [SHIMYARD_MKFS_EROFS, own, ...built]) {
    if (path && (await execute([path, "--help"])).output.includes("--tar")) return path;
  }
  return undefined;
}
