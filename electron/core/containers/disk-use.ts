import { join } from "node:path";
import type { DiskUse } from "#shared/contract/containers";
import { runCommand } from "../host/command.ts";
import { containerDir, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";

/** An hour, in milliseconds: a container may have written millions of files. */
const longest = 3600 * 1000;
/** Containers a process: their paths must fit into its arguments. */
const batch = 200;
/** Bytes of `du`'s lines, of two a container. */
const maxLines = 4 * 1024 * 1024;

/**
 * Bytes on disk of what these containers wrote and logged, counted by `du` in child processes. What can't be
 * read, or is deleted meanwhile, is left out.
 */
export async function measureContainers(
  paths: Paths,
  privileges: Privileges,
  namespace: string,
  ids: readonly string[],
  options: { signal?: AbortSignal } = {},
): Promise<DiskUse[]> {
  const found: DiskUse[] = [];
  for (let at = 0; at < ids.length; at += batch) {
    const some = ids.slice(at, at + batch);
    const files = some.map((id) => join(containerDir(paths, namespace, id), "upper"));
    const logs = some.map((id) => join(containerDir(paths, namespace, id), "log"));
    const argv = ["du", "--summarize", "--block-size=1", "--", ...files, ...logs];
    // It ends with 1 when one of many is gone, and has counted the others.
    const { stdout } = await runCommand(privileges.asRoot(argv), {
      ...options,
      ...{ timeout: longest, maxOutput: maxLines },
    });
    const sizes = parseDu(stdout.toString("utf8"));
    for (const [index, id] of some.entries()) {
      const size = sizes.get(files[index] as string);
      // One that never ran has no log.
      if (size !== undefined)
        found.push({ id, files: size, log: sizes.get(logs[index] as string) ?? 0 });
    }
  }
  return found;
}

/** `SIZE<tab>PATH` lines by path. */
function parseDu(text: string): Map<string, number> {
  const lines = text.split("\n").filter(Boolean);
  return new Map(
    lines.map((line) => {
      const tab = line.indexOf("\t");
      return [line.slice(tab + 1), Number(line.slice(0, tab))];
    }),
  );
}
