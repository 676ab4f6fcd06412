import type { ContainerConfig } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import type { OciBlockIo, OciResources } from "../../runtime/runtime.ts";
import type { HostFacts } from "../../system/host-facts.ts";
import type { HostSide } from "./host-side.ts";

/**
 * What is handed to a running task so that its limits become these; what is absent is lifted. INVALID_ARGUMENT when
 * they do not go with those that stay.
 */
export function updatedResources(
  { limits, moreLimits = {} }: Pick<ContainerConfig, "limits" | "moreLimits">,
  facts: HostFacts,
): OciResources {
  const all = everyLimit(limits, moreLimits, facts);
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => facts.limits[name as "memory" | "cpu" | "pids"].ok),
  );
}

function everyLimit(
  limits: ContainerConfig["limits"],
  moreLimits: NonNullable<ContainerConfig["moreLimits"]>,
  facts: HostFacts,
): OciResources {
  // -1 is "no limit" for memory only: crun 1.8 can't say it of the quota on v1, nor of pids.
  const memory = limits.memory ?? -1;
  const { swap = -1 } = memoryOf(limits.memory, moreLimits, facts, []);
  return {
    memory: { limit: memory, ...(facts.limits.swap.ok ? { swap } : {}) },
    cpu: { quota: cpuQuota(limits.cpus ?? facts.cpus), period: cpuPeriod },
    pids: { limit: limits.pids ?? maxPids },
  };
}

/** The kernel's PID_MAX_LIMIT. */
const maxPids = 4_194_304;
/** Microseconds; the kernel's default (sched-bwc). */
const cpuPeriod = 100_000;
/** The kernel takes no quota below a millisecond. */
const cpuQuota = (cpus: number): number => Math.max(1000, Math.round(cpus * cpuPeriod));

/** The limits in the kernel's terms. */
export function resources(
  { limits, moreLimits = {} }: Pick<ContainerConfig, "limits" | "moreLimits">,
  { blkioWeight: weighs, limitedDevices }: Pick<HostSide, "blkioWeight" | "limitedDevices">,
  facts: HostFacts,
  warnings: string[],
): OciResources {
  const result: OciResources = {};
  // The runtime adds what every container may use (null, zero, tty, ...).
  if (!facts.rootless) result.devices = [{ allow: false, access: "rwm" }];
  const memory = memoryOf(limits.memory, moreLimits, facts, warnings);
  const put = (controller: keyof typeof made, limit: object): void => {
    if (Object.keys(limit).length === 0) return;
    const { ok, reason } = facts.limits[controller];
    const { field, words } = made[controller];
    if (ok) Object.assign(result, { [field]: { ...result[field], ...limit } });
    else warnings.push(`${words}: ${lower(reason ?? "that can't be had here")}`);
  };
  put("memory", memory);
  const { cpuShares, cpusetCpus, cpusetMems } = moreLimits;
  const cpu = {
    ...(limits.cpus === undefined ? {} : { quota: cpuQuota(limits.cpus), period: cpuPeriod }),
    ...(cpuShares === undefined ? {} : { shares: cpuShares }),
  };
  const cpuset = {
    ...(cpusetCpus === undefined ? {} : { cpus: cpusetCpus }),
    ...(cpusetMems === undefined ? {} : { mems: cpusetMems }),
  };
  if (limits.cpus !== undefined && limits.cpus > facts.cpus) {
    warnings.push(`The CPU limit of ${limits.cpus} is above this machine's ${facts.cpus} CPUs`);
  }
  put("cpu", cpu);
  put("cpuset", cpuset);
  put("pids", limits.pids === undefined ? {} : { limit: limits.pids });
  put("io", blockIoOf(moreLimits, weighs, limitedDevices, warnings));
  return result;
}

function blockIoOf(
  limits: NonNullable<ContainerConfig["moreLimits"]>,
  weighs: boolean,
  devices: HostSide["limitedDevices"],
  warnings: string[],
): OciBlockIo {
  const { blkioWeight, blkioWeightDevice } = limits;
  const result: OciBlockIo = {};
  if (blkioWeight !== undefined && weighs) result.weight = blkioWeight;
  if (blkioWeightDevice && weighs) {
    result.weightDevice = blkioWeightDevice.flatMap(({ device, weight }) => {
      const numbers = devices.get(device);
      return numbers ? [{ ...numbers, weight }] : [];
    });
  }
  if (!weighs && (blkioWeight !== undefined || blkioWeightDevice)) {
    warnings.push("Block I/O is not weighed: this machine's I/O scheduler does not do it");
  }
  for (const [field, name] of rates) {
    const asked = limits[field]?.flatMap(({ device, rate }) => {
      const numbers = devices.get(device);
      return numbers ? [{ ...numbers, rate }] : [];
    });
    if (asked?.length) result[name] = asked;
  }
  return result;
}

/** Where in the specification a controller's limits are, and what is said of those that can't be had. */
const made = {
  memory: { field: "memory", words: "Its memory is not limited" },
  cpu: { field: "cpu", words: "Its CPUs are not limited" },
  cpuset: { field: "cpu", words: "It runs on all CPUs" },
  pids: { field: "pids", words: "Its number of processes is not limited" },
  io: { field: "blockIO", words: "Its block I/O is not limited" },
} as const;

const lower = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);

const rates = [
  ["deviceReadBps", "throttleReadBpsDevice"],
  ["deviceWriteBps", "throttleWriteBpsDevice"],
  ["deviceReadIops", "throttleReadIOPSDevice"],
  ["deviceWriteIops", "throttleWriteIOPSDevice"],
] as const;

function memoryOf(
  limit: number | undefined,
  { memorySwap, memoryReservation }: NonNullable<ContainerConfig["moreLimits"]>,
  facts: HostFacts,
  warnings: string[],
): NonNullable<OciResources["memory"]> {
  const fault = (message: string, field: string): AppError =>
    new AppError("INVALID_ARGUMENT", message, { field: `moreLimits.${field}` });
  if (memoryReservation !== undefined && limit !== undefined && memoryReservation > limit) {
    throw fault("The memory reservation is above the memory limit", "memoryReservation");
  }
  if (memorySwap !== undefined && memorySwap !== -1) {
    if (limit === undefined) {
      throw fault("Swap can be limited only together with memory", "memorySwap");
    }
    if (memorySwap < limit) throw fault("Memory and swap together are below memory", "memorySwap");
  }
  // The same for memory and swap together: a limit is then what it says, and not half of it.
  const swap = limit === undefined ? undefined : (memorySwap ?? limit);
  if (swap !== undefined && swap !== -1 && facts.limits.memory.ok && !facts.limits.swap.ok) {
    warnings.push("Swap is not limited: this kernel does not account it");
  }
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(swap === undefined || !facts.limits.swap.ok ? {} : { swap }),
    ...(memoryReservation === undefined ? {} : { reservation: memoryReservation }),
  };
}
