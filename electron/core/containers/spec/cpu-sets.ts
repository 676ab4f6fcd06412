import { readFile } from "node:fs/promises";
import type { MoreLimits } from "#shared/contract/container-options";
import { AppError } from "#shared/errors";

/** INVALID_ARGUMENT for CPUs and memory nodes that this machine has not: the kernel only says "out of range". */
export async function requireCpuSets({ cpusetCpus, cpusetMems }: MoreLimits): Promise<void> {
  await Promise.all([
    requireOnline("cpusetCpus", cpusetCpus, "cpu", "CPU"),
    requireOnline("cpusetMems", cpusetMems, "node", "memory node"),
  ]);
}

async function requireOnline(
  field: "cpusetCpus" | "cpusetMems",
  wanted: string | undefined,
  kind: "cpu" | "node",
  word: string,
): Promise<void> {
  if (wanted === undefined) return;
  const path = `/sys/devices/system/${kind}/online`;
  const online = (await readFile(path, "utf8").catch(() => "")).trim();
  const missing = online === "" ? undefined : firstOutside(wanted, online);
  if (missing === undefined) return;
  throw new AppError("INVALID_ARGUMENT", `This machine has no ${word} ${missing}`, {
    ...{ field: `moreLimits.${field}`, hint: `It has ${online}.` },
  });
}

/** The first of a list that another has not, both as the kernel writes them (`0-3,8`). */
export function firstOutside(wanted: string, online: string): number | undefined {
  const there = ranges(online);
  for (const [first, last] of ranges(wanted)) {
    for (let one = first; one <= last;) {
      const found = there.find(([from, to]) => from <= one && one <= to);
      if (!found) return one;
      one = found[1] + 1;
    }
  }
  return undefined;
}

const ranges = (list: string): [first: number, last: number][] =>
  list.split(",").map((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return [first, last];
  });
