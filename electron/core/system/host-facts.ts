import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { cgroupHost } from "../host/cgroup.ts";
import { ownDelegation } from "../host/delegation.ts";
import type { Privileges } from "../host/privileges.ts";

/** What a container's spec depends on, of this machine and this user. */
export interface HostFacts {
  rootless: boolean;
  cgroup: "v1" | "hybrid" | "v2" | "none";
  /** cgroup controllers that a container's limits can be made by here; absent: all. */
  controllers?: string[] | undefined;
  /** The kernel counts swap per cgroup (v1: swapaccount=1). */
  swapLimit: boolean;
  /** Hard limit of open files, beyond which no process of ours can be given any. */
  openFiles: number;
  cpus: number;
}

/** Read once at start; none of it changes while the machine runs. */
export async function findHostFacts(privileges: Privileges, cpus: number): Promise<HostFacts> {
  const { mode, mounts } = await cgroupHost();
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
    cgroup: mode,
    controllers: delegation instanceof AppError ? [] : delegation?.controllers,
    swapLimit,
    openFiles: parseOpenFiles(limits),
    cpus,
  };
}

/** The hard limit in the `Max open files` line of /proc/PID/limits. */
export function parseOpenFiles(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  const number = Number(hard);
  return Number.isFinite(number) && number > 0 ? number : 1024;
}
