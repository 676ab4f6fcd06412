import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { parseCgroupMounts } from "./cgroup.ts";
import { ProcessWatch, isAlive, parseStat, processStat, startTimeToEpoch } from "./proc.ts";

test("a command name may hold brackets and spaces", () => {
  const fields = Array.from({ length: 40 }, (_, index) => String(index + 4)).join(" ");
  expect(parseStat(`12 (a) b (c)) S ${fields}`)).toEqual({
    ...{ state: "S", ppid: 4, startTime: 22 },
    // The flags are 9: not 4.
    exiting: false,
  });
});

test("a process is alive only with its own start time, and its start time is a date", async () => {
  const child = spawn("sleep", ["60"]);
  const pid = child.pid ?? 0;
  try {
    const found = await processStat(pid);
    expect(found?.ppid).toBe(process.pid);
    const startTime = found?.startTime ?? 0;
    expect(await isAlive({ pid, startTime })).toBe(true);
    expect(await isAlive({ pid, startTime: startTime - 1 })).toBe(false);
    expect(Math.abs((await startTimeToEpoch(startTime)) - Date.now())).toBeLessThan(60_000);
  } finally {
    child.kill("SIGKILL");
  }
});

test("the end of a process that is not our child is noticed", async () => {
  const shell = spawn("sh", ["-c", "sleep 0.2 >/dev/null & echo $!"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [chunk] = await once(shell.stdout, "data");
  const pid = Number(String(chunk));
  const startTime = (await processStat(pid))?.startTime ?? 0;
  const watch = new ProcessWatch();
  await new Promise<void>((resolve) => watch.add({ pid, startTime }, resolve));
  expect(await isAlive({ pid, startTime })).toBe(false);
  watch.dispose();
}, 30_000);

const line = (point: string, type: string, options: string): string =>
  `30 24 0:26 / ${point} rw,nosuid shared:9 - ${type} ${type} ${options}`;

test("the cgroup hierarchies of a host", () => {
  const v1 = [
    line("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
    line("/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd"),
  ];
  const unified = line("/sys/fs/cgroup/unified", "cgroup2", "rw,nsdelegate");
  const mounts = {
    cpu: "/sys/fs/cgroup/cpu,cpuacct",
    cpuacct: "/sys/fs/cgroup/cpu,cpuacct",
    "name=systemd": "/sys/fs/cgroup/systemd",
  };
  expect(parseCgroupMounts(v1.join("\n"))).toEqual({ mode: "v1", mounts });
  expect(parseCgroupMounts([...v1, unified].join("\n"))).toEqual({
    mode: "hybrid",
    mounts: { ...mounts, unified: "/sys/fs/cgroup/unified" },
  });
  expect(parseCgroupMounts(line("/sys/fs/cgroup", "cgroup2", "rw"))).toEqual({
    mode: "v2",
    mounts: { unified: "/sys/fs/cgroup" },
  });
  expect(parseCgroupMounts("")).toEqual({ mode: "none", mounts: {} });
});
