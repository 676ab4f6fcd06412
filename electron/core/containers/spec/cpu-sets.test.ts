import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { firstOutside, requireCpuSets } from "./cpu-sets.ts";

test.each<[wanted: string, online: string, missing: number | undefined]>([
  ["0-3,8", "0-8", undefined],
  ["0-3,8", "0-3,8-15", undefined],
  ["0-3", "0-1,2-3", undefined],
  ["0-3", "0-1,3", 2],
  ["1,9", "0-3", 9],
  ["0-999999999999", "0-1", 2],
])("of %s a machine with %s lacks %s", (wanted, online, missing) => {
  expect(firstOutside(wanted, online)).toBe(missing);
});

test("CPUs and memory nodes that are not there are told by their field", async () => {
  const online = (await readFile("/sys/devices/system/cpu/online", "utf8")).trim();
  await requireCpuSets({ cpusetCpus: online, cpusetMems: "0" });
  await requireCpuSets({});
  await expect(requireCpuSets({ cpusetCpus: "0,9999" })).rejects.toMatchObject({
    ...{ code: "INVALID_ARGUMENT", message: "This machine has no CPU 9999" },
    details: { field: "moreLimits.cpusetCpus", hint: expect.stringContaining(online) as string },
  });
  await expect(requireCpuSets({ cpusetMems: "9999" })).rejects.toMatchObject({
    details: { field: "moreLimits.cpusetMems" },
  });
});
