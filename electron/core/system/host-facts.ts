import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Ability, LimitAbilities } from "#shared/contract/system";
import { cgroupHost } from "../host/cgroup.ts";
import { controllers, lackingControllers, type LackingControllers } from "../host/controllers.ts";
import { ownDelegation } from "../host/delegation.ts";
import type { Privileges } from "../host/privileges.ts";

/** What a container's spec depends on, of this machine and this user. */
export interface HostFacts {
  rootless: boolean;
  cgroup: "v1" | "hybrid" | "v2" | "none";
  /** What a container's limits can be made by here. */
  limits: LimitAbilities;
  /** Hard limit of open files, beyond which no process of ours can be given any. */
  openFiles: number;
  cpus: number;
}

/** Read once at start; none of it changes while the machine runs. */
export async function findHostFacts(privileges: Privileges, cpus: number): Promise<HostFacts> {
  const host = await cgroupHost();
  const { mounts } = host;
  // v1: only with swapaccount=1.
  const swapFile = mounts.memory
    ? join(mounts.memory, "memory.memsw.limit_in_bytes")
    : // The root of cgroup2 has no memory.swap.max; /proc/swaps exists where the kernel has swap at all.
      "/proc/swaps";
  const [limits, swapLimit] = await Promise.all([
    readFile("/proc/self/limits", "utf8").catch(() => ""),
    access(swapFile).then(
      () => true,
      () => false,
    ),
  ]);
  const delegation = privileges.rootless ? await ownDelegation() : undefined;
  return {
    rootless: privileges.rootless,
    cgroup: host.mode,
    limits: limitsOf(await lackingControllers(host, delegation), swapLimit),
    openFiles: parseOpenFiles(limits),
    cpus,
  };
}

/** All that is not lacking; swap is limited only together with memory. */
export function limitsOf(lacking: LackingControllers, countsSwap: boolean): LimitAbilities {
  const ability = (reason: string | undefined): Ability =>
    reason === undefined ? { ok: true } : { ok: false, reason };
  const noSwap = countsSwap ? undefined : "This machine's kernel does not account swap";
  const limits = Object.fromEntries(controllers.map((name) => [name, ability(lacking[name])]));
  return { ...limits, swap: ability(lacking.memory ?? noSwap) } as LimitAbilities;
}

/** The hard limit in the `Max open files` line of /proc/PID/limits. */
export function parseOpenFiles(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  const number = Number(hard);
  return Number.isFinite(number) && number > 0 ? number : 1024;
}
