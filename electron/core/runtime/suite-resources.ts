import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { AppError } from "#shared/errors";
import type { OciResources, Task } from "./runtime.ts";
import { type Desk, feature } from "./suite-desk.ts";
import { until } from "./testing.ts";

const MiB = 1024 ** 2;

/** A limit, the file that shows it (by v1 controller), its name in the unified hierarchy, and what they then say. */
const limits: [string, OciResources, string, string | undefined, string][] = [
  ["CPU shares", { cpu: { shares: 512 } }, "cpu/cpu.shares", undefined, "512"],
  [
    "CPU quota",
    { cpu: { quota: 30_000, period: 90_000 } },
    "cpu/cpu.cfs_quota_us",
    "cpu.max",
    "30000",
  ],
  [
    "CPU period",
    { cpu: { quota: 30_000, period: 80_000 } },
    "cpu/cpu.cfs_period_us",
    undefined,
    "80000",
  ],
  ["CPUs", { cpu: { cpus: "0" } }, "cpuset/cpuset.cpus", "cpuset.cpus", "0"],
  ["memory nodes", { cpu: { mems: "0" } }, "cpuset/cpuset.mems", "cpuset.mems", "0"],
  [
    "memory",
    { memory: { limit: 64 * MiB, swap: 64 * MiB } },
    "memory/memory.limit_in_bytes",
    "memory.max",
    `${64 * MiB}`,
  ],
  [
    "memory reservation",
    { memory: { reservation: 16 * MiB } },
    "memory/memory.soft_limit_in_bytes",
    "memory.low",
    `${16 * MiB}`,
  ],
  [
    "swap",
    { memory: { limit: 48 * MiB, swap: 80 * MiB } },
    "memory/memory.memsw.limit_in_bytes",
    "memory.swap.max",
    `${80 * MiB}`,
  ],
  ["processes", { pids: { limit: 32 } }, "pids/pids.max", "pids.max", "32"],
  ["block I/O weight", { blockIO: { weight: 300 } }, "blkio/blkio.bfq.weight", undefined, "300"],
];

/** undefined where this kernel has no such file. */
async function shown(task: Task, v1: string, v2: string | undefined): Promise<string | undefined> {
  const dirs = (await task.cgroup()) ?? {};
  const [controller = "", name = ""] = v1.split("/");
  const dir = dirs[controller];
  const file = dir ? join(dir, name) : v2 && dirs.unified && join(dirs.unified, v2);
  if (!file) return undefined;
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text?.trim().split(" ")[0];
}

/** What stops it, limits it, and tells what it uses. */
export function describeResources(desk: Desk): void {
  feature(desk, "pause and resume", "pause", () => {
    it("pauses, resumes, and is stopped while paused", async () => {
      const task = await desk.run("pause", "while :; do echo x; sleep 0.02; done");
      await until(async () => (await desk.root.log("pause")).includes("x"));
      await task.pause();
      expect(task.state.status).toBe("paused");
      await desk.reopen();
      expect(desk.get("pause").state.status).toBe("paused");
      // What it wrote before may still be on its way; then nothing comes, and otherwise this never ends.
      let before = "";
      await until(async () => {
        before = await desk.root.log("pause");
        await new Promise((resolve) => setTimeout(resolve, 300));
        return (await desk.root.log("pause")) === before;
      });
      await desk.get("pause").resume();
      await until(async () => (await desk.root.log("pause")) !== before);
      await desk.get("pause").pause();
      await desk.get("pause").kill(9);
      expect((await desk.get("pause").wait()).code).toBe(137);
    });
  });

  feature(desk, "stats", "stats", () => {
    it("tells what it uses, also after a restart", async () => {
      const task = await desk.run("stats", "sleep 98 & while :; do :; done");
      const first = await task.stats();
      expect(Math.abs(Date.now() - first.time)).toBeLessThan(60_000);
      await desk.reopen();
      const again = desk.get("stats");
      await until(async () => (await again.stats()).cpu > first.cpu);
      const second = await again.stats();
      expect(second.clock).toBeGreaterThan(first.clock);
      expect(second.memory).toBeGreaterThan(0);
      expect(second.memory).toBeLessThan(1024 * MiB);
      expect(second.pids).toBeGreaterThan(0);
      await again.kill(9, { all: true });
      await again.wait();
      await expect(again.stats()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    });
  });

  feature(desk, "change limits while it runs", "limits", () => {
    it.for(limits)("%s", async ([_name, resources, v1, v2, expected], context) => {
      const task = await desk.run("limit", "sleep 99");
      const before = await shown(task, v1, v2);
      await desk.reopen();
      if (before === undefined) {
        // The kernel has no such controller: refused or without effect, and the container goes on.
        await desk
          .get("limit")
          .update(resources)
          .catch(() => undefined);
      } else {
        const refusal = await desk
          .get("limit")
          .update(resources)
          .catch((error: unknown) => AppError.from(error));
        const words = refusal?.details.output ?? "";
        if (words.includes("blkio.weight")) {
          context.skip("it does not know the name that the kernel has for it now");
        }
        if (refusal) throw refusal;
        expect(await shown(task, v1, v2)).toBe(expected);
      }
      expect((await desk.get("limit").refresh()).status).toBe("running");
    });

    it("refuses nothing at all, and the impossible", async () => {
      const task = await desk.run("limits", "sleep 99");
      for (const nothing of [{}, { memory: {} }, { cpu: { shares: undefined } }]) {
        await expect(task.update(nothing)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      }
      await expect(task.update({ cpu: { quota: 5, period: 1 } })).rejects.toMatchObject({
        details: { output: expect.any(String) },
      });
      expect((await task.refresh()).status).toBe("running");
    });
  });

  feature(desk, "notice of memory that ran out", "oom", () => {
    it("tells when it ran out of memory", async () => {
      const task = await desk.run("oom", "exec dd if=/dev/zero of=/dev/null bs=200M count=3", {
        spec: (spec) => ({
          ...spec,
          linux: {
            ...spec.linux,
            resources: { memory: { limit: 16 * 1024 ** 2, swap: 16 * 1024 ** 2 } },
          },
        }),
      });
      expect(await task.wait()).toMatchObject({ code: 137, oomKilled: true });
      expect(desk.eventsOf("oom", "oom")).toHaveLength(1);
      await desk.reopen();
      expect(desk.get("oom").state.exit).toMatchObject({ oomKilled: true });
    });
  });
}
