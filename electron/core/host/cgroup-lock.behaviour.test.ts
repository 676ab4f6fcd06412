import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readyCgroupLock } from "./cgroup-lock.ts";

test("readying the kernel's cgroup lock leaves us where we are", async () => {
  const before = await readFile("/proc/self/cgroup", "utf8");
  readyCgroupLock();
  readyCgroupLock();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await readFile("/proc/self/cgroup", "utf8")).toBe(before);
});
