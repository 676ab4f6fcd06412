import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupDirs, cgroupPids, removeCgroup } from "#core/host/cgroup";
import type { Paths } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import { endPid } from "./process-dir.ts";
import type { BundleRef, CreateRequest, OciSpec } from "./runtime.ts";

/**
 * A cgroup of the container's own, named so that two roots and two namespaces never share one. An ordinary
 * user gets none here: whether one can be made, and where, the spec says.
 */
export function cgroupsPath(
  paths: Paths,
  privileges: Privileges,
  request: CreateRequest,
): string | undefined {
  const given = request.spec.linux.cgroupsPath;
  if (given !== undefined || privileges.rootless) return given;
  const root = createHash("sha256").update(paths.data).digest("hex").slice(0, 8);
  return `/shimyard-${root}-${request.namespace}-${request.id}`;
}

/**
 * Kills what is in a bundle's cgroup and removes it: what the OCI runtime itself would have done, had it known the
 * container. Gives up after a second.
 */
export async function clearCgroup(ref: BundleRef): Promise<void> {
  let spec: OciSpec;
  try {
    spec = JSON.parse(await readFile(join(ref.path, "config.json"), "utf8")) as OciSpec;
  } catch {
    return;
  }
  const path = spec.linux?.cgroupsPath;
  if (!path?.startsWith("/")) return;
  for (let round = 0; round < 50; round++) {
    const dirs = await cgroupDirs(path);
    for (const pid of dirs ? await cgroupPids(dirs) : []) endPid(pid);
    if (await removeCgroup(path)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
