import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HostSampler } from "./host-sampler.ts";
import { ProcessService } from "./process-service.ts";
import { ProcessSum, readCgroup } from "../runtime/readings.ts";
import type { TaskStats } from "../runtime/runtime.ts";
import { SampleRing } from "./sample-ring.ts";
import { StatsService, toSample } from "./stats-service.ts";
import { StandInTasks } from "./tasks.stand-in.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "shimyard-stats-"));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function files(directory: string, content: Record<string, string>): string {
  const path = join(root, directory);
  mkdirSync(path, { recursive: true });
  for (const [name, text] of Object.entries(content)) writeFileSync(join(path, name), text);
  return path;
}

/** A version 2 cgroup's files. */
const unified = (usec: number, limit = "max"): string =>
  files("unified", {
    "cpu.stat": `usage_usec ${usec}\nuser_usec 1\nsystem_usec 2\n`,
    "memory.current": "5000000\n",
    "memory.stat": "anon 1\nfile 2\nactive_file 9\ninactive_file 1000000\n",
    "memory.max": `${limit}\n`,
    "pids.current": "3\n",
    "io.stat": "8:0 rbytes=100 wbytes=7 rios=1\n8:16 rbytes=20 wbytes=1 rios=1\n",
  });

test("reads version 2 cgroups", () => {
  expect(readCgroup({ unified: unified(2_500_000) })).toMatchObject({
    cpu: 2.5,
    memory: 4_000_000,
    pids: 3,
    read: 120,
    written: 8,
  });
  expect(readCgroup({ unified: unified(1) })).not.toHaveProperty("memoryLimit");
  expect(readCgroup({ unified: unified(1, "8000000") })).toMatchObject({ memoryLimit: 8_000_000 });
  expect(readCgroup({ unified: join(root, "none") })).toBeUndefined();
});

test("reads version 1 cgroups, and says nothing of controllers that are not there", () => {
  const cpuacct = files("cpuacct", { "cpuacct.usage": "1500000000\n" });
  const memory = files("memory", {
    "memory.usage_in_bytes": "3000\n",
    "memory.stat": "inactive_file 7\ntotal_cache 1\ntotal_inactive_file 1000\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
  });
  const pids = files("pids", { "pids.current": "2\n" });
  const reading = readCgroup({ cpuacct, memory, pids });
  expect(reading).toMatchObject({ cpu: 1.5, memory: 2000, pids: 2 });
  expect(reading).not.toHaveProperty("memoryLimit");
  expect(reading).not.toHaveProperty("read");
  const blkio = files("blkio", {
    "blkio.throttle.io_service_bytes":
      "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n8:1 Read 5\nTotal 35\n",
  });
  expect(readCgroup({ cpuacct, memory, pids, blkio })).toMatchObject({ read: 15, written: 20 });
  expect(readCgroup({ cpuacct, pids })).toBeUndefined();
});

test("rates are differences; counters that began anew give no sample", () => {
  const base: TaskStats = { time: 1000, clock: 0, cpu: 10, memory: 5, pids: 1, read: 100 };
  const after: TaskStats = { time: 3000, clock: 2000, cpu: 13, memory: 6, pids: 2, read: 300 };
  expect(toSample(base, after)).toEqual({
    time: 3000,
    cpu: 1.5,
    memory: 6,
    memoryLimit: undefined,
    pids: 2,
    readRate: 100,
    writeRate: undefined,
  });
  expect(toSample(base, { ...after, cpu: 1 })).toBeUndefined();
});

test("without a cgroup, processes are summed, and what ended ones used stays counted", async () => {
  const sum = new ProcessSum();
  const first = await sum.read([process.pid, 1]);
  for (const end = performance.now() + 60; performance.now() < end;);
  const second = await sum.read([process.pid, 1, 2 ** 22 + 1]);
  expect(first).toMatchObject({ cpu: 0, pids: 2 });
  expect(second?.cpu).toBeGreaterThan(0);
  expect(second?.memory).toBeGreaterThan(1_000_000);
  const third = await sum.read([1]);
  expect(third?.cpu).toBeGreaterThanOrEqual(second?.cpu ?? Infinity);
  expect(await sum.read([])).toBeUndefined();
});

test("the ring keeps the newest samples of its span, in order", () => {
  const ring = new SampleRing(600, 600_000);
  for (let at = 0; at < 1500; at += 1) {
    ring.push({
      time: at * 1000,
      cpu: at,
      memory: 2 ** 40 + at,
      pids: 1,
      readRate: at % 2 || undefined,
    });
  }
  const all = ring.list(1_499_000);
  expect(all).toHaveLength(600);
  expect(all.map(({ cpu }) => cpu)).toEqual(Array.from({ length: 600 }, (_none, at) => 900 + at));
  expect(all[0]).toEqual({
    time: 900_000,
    cpu: 900,
    memory: 2 ** 40 + 900,
    memoryLimit: undefined,
    pids: 1,
    readRate: undefined,
    writeRate: undefined,
  });
  expect(ring.list(1_499_000 + 590_000)).toHaveLength(11);
});

test("samples whoever runs, from the second reading on, and keeps a history with gaps", async () => {
  const stand = new StandInTasks();
  const { state } = stand.add("a", { unified: unified(1_000_000) });
  stand.add("summed", undefined, [process.pid]);
  const service = new StatsService({ tasks: stand.tasks, namespace: "default" });
  const controller = new AbortController();
  try {
    const items = service.watch(controller);
    expect((await items.next()).value?.samples).toEqual({});
    unified(1_500_000);
    const second = (await items.next()).value;
    expect(Object.keys(second?.samples ?? {}).sort()).toEqual(["a", "summed"]);
    const { cpu, readRate } = second?.samples.a ?? {};
    expect(cpu).toBeGreaterThan(0);
    expect(cpu).toBeLessThanOrEqual(0.5 / 0.9);
    expect(readRate).toBe(0);
    expect(second?.samples.summed).not.toHaveProperty("readRate", 0);
    state.status = "exited";
    expect(Object.keys((await items.next()).value?.samples ?? {})).toEqual(["summed"]);
    expect(service.history({ id: "a" })).toEqual([second?.samples.a]);
    expect(service.history({ id: "other" })).toEqual([]);
    controller.abort();
    expect((await items.next()).done).toBe(true);
  } finally {
    service.dispose();
  }
}, 20_000);

test("this machine", async () => {
  const controller = new AbortController();
  const items = new HostSampler().watch(controller);
  const { value } = await items.next();
  controller.abort();
  expect((await items.next()).done).toBe(true);
  expect(value?.cpu).toBeGreaterThanOrEqual(0);
  expect(value?.cpus).toBeGreaterThan(0);
  expect(value?.memoryUsed).toBeGreaterThan(0);
  expect(value?.memoryUsed).toBeLessThan(value?.memoryTotal ?? 0);
});

test("a process table, of those who are still there", async () => {
  const stand = new StandInTasks();
  stand.add("a", undefined, [process.pid, 2 ** 22 + 1]);
  const service = new ProcessService({ tasks: stand.tasks, namespace: "default" });
  const controller = new AbortController();
  const items = service.watch({ id: "a" }, controller);
  const { value } = await items.next();
  controller.abort();
  expect((await items.next()).done).toBe(true);
  expect(value?.processes).toHaveLength(1);
  const [row] = value?.processes ?? [];
  expect(row).toMatchObject({ pid: process.pid, ppid: process.ppid, role: "init" });
  expect(row?.args.length).toBeGreaterThan(0);
  expect(row?.rss).toBeGreaterThan(1_000_000);
  expect(Math.abs((row?.startedAt ?? 0) - (Date.now() - process.uptime() * 1000))).toBeLessThan(
    60_000,
  );
  const none = service.watch({ id: "other" }, controller);
  expect((await none.next()).done).toBe(true);
});
