import { createHash } from "node:crypto";
import { cgroupDirs, cgroupPids, removeCgroup } from "#core/host/cgroup";
import type { Delegation } from "#core/host/delegation";
import type { Paths } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import { readConfig } from "./bundle-place.ts";
import { endPid } from "./process-dir.ts";
import type { BundleRef, CreateRequest, OciSpec } from "./runtime.ts";

/**
 * A cgroup of the container's own, named so that two roots and two namespaces never share one. An ordinary user has
 * them where some are delegated.
 */
export function cgroupsPath(
  paths: Paths,
  privileges: Privileges,
  request: CreateRequest,
  delegation: Delegation | undefined,
): string | undefined {
  const given = request.spec.linux.cgroupsPath;
  if (given !== undefined || (privileges.rootless && !delegation)) return given;
  const root = createHash("sha256").update(paths.data).digest("hex").slice(0, 8);
  const name = `${root}-${request.namespace}-${request.id}`;
  // systemd puts the prefix before the name by itself.
  if (delegation?.systemd) return delegation.cgroupsPath(name);
  return delegation?.cgroupsPath(`shimyard-${name}`) ?? `/shimyard-${name}`;
}

/**
 * Kills what is in a bundle's cgroup and removes it: what the OCI runtime itself would have done, had it known the
 * container. Gives up after a second.
 */
export async function clearCgroup(ref: BundleRef): Promise<void> {
  let spec: OciSpec;
  try {
    spec = JSON.parse(await readConfig(ref.path)) as OciSpec;
  } catch {
    return;
  }
  const path = spec.linux?.cgroupsPath;
  if (path === undefined) return;
  for (let round = 0; round < 50; round++) {
    const dirs = await cgroupDirs(path);
    for (const pid of dirs ? await cgroupPids(dirs) : []) endPid(pid);
    if (await removeCgroup(path)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
