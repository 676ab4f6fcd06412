import { join } from "node:path";
import type { DiskUse } from "#shared/contract/containers";
import { measurePaths } from "../host/du.ts";
import { containerDir, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";

/** Bytes on disk of what these containers wrote and logged. One that is deleted meanwhile is left out. */
export async function measureContainers(
  paths: Paths,
  privileges: Privileges,
  namespace: string,
  ids: readonly string[],
  options: { signal?: AbortSignal } = {},
): Promise<DiskUse[]> {
  const places = ids.map((id) => {
    const directory = containerDir(paths, namespace, id);
    return { id, files: join(directory, "upper"), log: join(directory, "log") };
  });
  const all = places.flatMap(({ files, log }) => [files, log]);
  const sizes = await measurePaths(all, privileges, options);
  return places.flatMap(({ id, files, log }) => {
    const size = sizes.get(files);
    // One that never ran has no log.
    return size === undefined ? [] : [{ id, files: size, log: sizes.get(log) ?? 0 }];
  });
}
