import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { choosePrivileges } from "#core/host/privileges";
import type { Sample } from "#shared/contract/stats";
import type { TaskManager } from "../runtime/manager.ts";
import { makeTestRoot, type TestRoot } from "../runtime/testing.ts";
import { startContainer, startManager } from "../terminals/testing.ts";
import { ProcessService } from "./process-service.ts";
import { readCgroup } from "../runtime/readings.ts";
import { readProcessTable } from "./process-table.ts";
import { StatsService } from "./stats-service.ts";

let root: TestRoot;
let manager: TaskManager;

beforeAll(async () => {
  root = await makeTestRoot();
  manager = await startManager(root);
});

afterAll(async () => {
  for (const task of manager.list()) await task.delete({ force: true });
  manager.dispose();
  await root.close();
});

test("a busy and an idle container, in their own cgroups, with a limit", async (context) => {
  if (choosePrivileges().rootless)
    context.skip("an ordinary user's containers have no cgroup here");
  const limit = 64 * 1024 * 1024;
  const busy = await startContainer(manager, root, "busy", ["sh", "-c", "while :; do :; done"], {
    spec: (spec) => ({
      ...spec,
      linux: { ...spec.linux, resources: { ...spec.linux.resources, memory: { limit } } },
    }),
  });
  await startContainer(manager, root, "idle", ["sh", "-c", "sleep 1000 & sleep 1001; true"]);
  const cgroup = await busy.cgroup();
  const first = readCgroup(cgroup ?? {});
  const service = new StatsService({ tasks: manager, namespace: "default" });
  const controller = new AbortController();
  const seen: Record<string, Sample>[] = [];
  for await (const { samples } of service.watch(controller)) {
    if (Object.keys(samples).length > 0) seen.push(samples);
    if (seen.length === 3) break;
  }
  controller.abort();
  const last = readCgroup(cgroup ?? {});
  expect(last?.cpu).toBeGreaterThan(first?.cpu ?? Infinity);
  for (const { busy, idle } of seen) {
    expect(busy?.cpu).toBeGreaterThan(0);
    // One loop can't use two CPUs.
    expect(busy?.cpu).toBeLessThan(1.5);
    expect(busy?.cpu).toBeGreaterThan(idle?.cpu ?? Infinity);
    expect(busy?.memoryLimit).toBe(limit);
    expect(busy?.memory).toBeGreaterThan(0);
    expect(busy?.memory).toBeLessThan(limit);
    expect(busy?.pids).toBe(1);
    expect(idle?.pids).toBe(3);
    expect(idle).not.toHaveProperty("memoryLimit", expect.anything());
  }
  expect(service.history({ id: "busy" })).toEqual(seen.map((samples) => samples.busy));
  await busy.delete({ force: true });
  const after = service.watch({});
  for (;;) {
    const { value } = await after.next();
    if (value && !("busy" in value.samples) && "idle" in value.samples) break;
  }
  await after.return(undefined);
  service.dispose();
});

test("a container's processes, with its own names for its users", async () => {
  const task = await startContainer(manager, root, "table", [
    "sh",
    "-c",
    "sleep 77 & sleep 78; true",
  ]);
  const exec = await task.exec({
    id: "term-x",
    args: ["sleep", "79"],
    user: "app",
    terminal: true,
  });
  const service = new ProcessService({ tasks: manager, namespace: "default" });
  const controller = new AbortController();
  for await (const { processes } of service.watch({ id: "table" }, controller)) {
    if (processes.length < 4 || !processes.some(({ args }) => args[1] === "79")) continue;
    const init = processes.find(({ role }) => role === "init");
    expect(init).toMatchObject({ pid: task.state.pid, containerPid: 1, user: "root" });
    expect(init?.args).toEqual(["sh", "-c", "sleep 77 & sleep 78; true"]);
    const child = processes.find(({ args }) => args.join(" ") === "sleep 77");
    expect(child).toMatchObject({ ppid: init?.pid, role: undefined, threads: 1 });
    const own = processes.find(({ role }) => role === "term-x");
    expect(own).toMatchObject({ pid: exec.state.pid, user: "app", args: ["sleep", "79"] });
    expect(own?.rss).toBeGreaterThan(0);
    break;
  }
  controller.abort();
  await task.delete({ force: true });
  const gone = await service.watch({ id: "table" }, {}).next();
  expect(gone.value?.processes).toEqual([]);
});

test("a container whose /etc is a link is told no names of this machine's users", async (context) => {
  const outside = await mkdtemp(join(tmpdir(), "shimyard-etc-"));
  await writeFile(join(outside, "passwd"), "stranger:x:0:0::/:/bin/sh\n");
  const task = await startContainer(manager, root, "linked", ["sleep", "1000"]);
  const userOf = async (): Promise<string | undefined> =>
    (await readProcessTable(await task.pids(), task.state.pid))[0]?.user;
  expect(await userOf()).toBe("root");
  const { exitCode } = await task.run({
    args: ["sh", "-c", `mv /etc /old && ln -s ${outside} /etc`],
    maxOutput: 1000,
  });
  if (exitCode !== 0) context.skip("what is mounted in /etc keeps it where it is");
  expect(await userOf()).toBe("0");
  await rm(outside, { recursive: true });
});
