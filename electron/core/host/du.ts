import { runCommand } from "./command.ts";
import type { Privileges } from "./privileges.ts";

/** An hour, in milliseconds: a directory may have millions of files. */
const longest = 3600 * 1000;
/** Paths a process: they must fit into its arguments. */
const batch = 200;
/** Bytes of `du`'s lines, one a path. */
const maxLines = 4 * 1024 * 1024;

/**
 * Bytes on disk of these files and directories, by path, counted by `du` in child processes. What can't be read, or is
 * deleted meanwhile, is left out.
 */
export async function measurePaths(
  paths: readonly string[],
  privileges: Privileges,
  options: { signal?: AbortSignal } = {},
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (let at = 0; at < paths.length; at += batch) {
    const some = paths.slice(at, at + batch);
    const argv = ["du", "--summarize", "--block-size=1", "--", ...some];
    // It ends with 1 when one of many is gone, and has counted the others.
    const { stdout } = await runCommand(privileges.asRoot(argv), {
      ...options,
      ...{ timeout: longest, maxOutput: maxLines },
    });
    for (const line of stdout.toString("utf8").split("\n").filter(Boolean)) {
      const tab = line.indexOf("\t");
      sizes.set(line.slice(tab + 1), Number(line.slice(0, tab)));
    }
  }
  return sizes;
}
