import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { choosePrivileges } from "#core/host/privileges";
import { processStat } from "#core/host/proc";
import type { Runtime } from "../runtime.ts";
import { Desk } from "../suite-desk.ts";
import { describeTasks } from "../suite.ts";
import { type TestRoot, stopProcess, until } from "../testing.ts";
import { windowsInfo, windowsLacks } from "./plugin.ts";
import { WindowsRuntime } from "./runtime.ts";
import { standInFor } from "./stand-in/install.stand-in.ts";
import { shimId } from "./transport.ts";
import { WithoutRestore } from "./without-restore.ts";

const info = windowsInfo("containerd-shim-runhcs-v1.exe", "");

async function runtimes(root: TestRoot): Promise<Runtime[]> {
  const shared = await standInFor(root);
  return [new WithoutRestore(new WindowsRuntime(shared), shared)];
}

const subject = {
  info,
  title: "stand-in for Windows",
  runtimes,
  lacks: {
    ...windowsLacks,
    oom: "Windows' shim does not tell of memory that ran out",
    pids: "what runs in a Windows container may have no pid of its host",
    reload: "Windows containers end with the manager's next start",
    "shim-loss": "a Windows container ends with its shim",
  },
};

// The stand-in mounts layers.
if (choosePrivileges().rootless) describe.skip("Windows", () => it("has a stand-in for root only"));
else describeTasks(subject);

describe.skipIf(choosePrivileges().rootless)("Windows' shim, by its stand-in", () => {
  const desk = new Desk(subject);
  beforeAll(() => desk.open());
  afterEach(() => desk.clear());
  afterAll(() => desk.close());

  /** Another manager finds the root. */
  async function restart(): Promise<void> {
    desk.manager.dispose();
    await desk.open();
  }

  const gone = (pid: number | undefined): Promise<void> =>
    until(async () => (await processStat(pid ?? 0)) === undefined);

  it("has a pid of its own only once it runs", async () => {
    const task = await desk.create("pid", "sleep 99");
    expect(task.state.pid).toBeGreaterThan(4_194_304);
    await task.start();
    const { pid } = task.state;
    await until(async () => (await processStat(pid ?? 0))?.state === "S");
    expect(await task.pids()).toContainEqual({ pid, process: "init" });
  });

  it("is terminated by the next manager, and its exit told with status 255", async () => {
    const task = await desk.run("left", "sleep 99");
    const exec = await task.exec({ id: "e", args: ["sleep", "99"], terminal: false });
    await desk.run("by", "exit 3");
    await until(() => desk.eventsOf("by", "exit").length === 1);
    const pids = [task.state.pid, exec.state.pid, task.shim.pid];
    await restart();
    await until(() => desk.manager.list().length === 0);
    expect(desk.eventsOf("left", "exit")).toMatchObject([
      { processId: "init", exit: { code: 255 } },
    ]);
    // One that ended in its own time is told once, by the manager of that time.
    expect(desk.eventsOf("by", "exit")).toMatchObject([{ exit: { code: 3 } }]);
    expect(desk.manager.broken()).toEqual([]);
    await expect(stat(task.bundle)).rejects.toMatchObject({ code: "ENOENT" });
    for (const pid of pids) await gone(pid);
  });

  it("of which the bundle is lost is ended too", async () => {
    const task = await desk.run("leaked", "sleep 99");
    const pids = [task.state.pid, task.shim.pid];
    desk.manager.dispose();
    await rm(task.bundle, { recursive: true });
    await desk.open();
    for (const pid of pids) await gone(pid);
  });

  it("takes its container along when it is killed", async () => {
    const task = await desk.run("killed", "sleep 99");
    const exec = await task.exec({ id: "e", args: ["sleep", "99"], terminal: false });
    const pids = [task.state.pid, exec.state.pid];
    process.kill(task.shim.pid ?? 0, "SIGKILL");
    expect((await task.wait()).code).toBe(255);
    expect((await exec.wait()).code).toBe(255);
    expect(task.shim.alive).toBe(false);
    await expect(task.kill(9)).rejects.toMatchObject({ code: "NOT_FOUND" });
    for (const pid of pids) await gone(pid);
    expect(await task.delete()).toMatchObject({ code: 255 });
  });

  it("hangs: that is said, others go on, and it can be deleted by force", async () => {
    const bystander = await desk.run("by", "sleep 99");
    const task = await desk.run("hung", "sleep 99");
    const pid = task.shim.pid ?? 0;
    await stopProcess(pid);
    expect(await task.refresh()).toMatchObject({
      ...{ status: "unknown", pid: task.state.pid },
      error: { code: "DEADLINE_EXCEEDED", message: expect.stringContaining("does not answer") },
    });
    expect((await bystander.refresh()).status).toBe("running");
    process.kill(pid, "SIGCONT");
    expect((await task.refresh()).status).toBe("running");
    await stopProcess(pid);
    await task.refresh();
    await task.delete({ force: true });
    await gone(pid);
  });

  it("keeps its own log in the bundle", async () => {
    const task = await desk.run("logs", "sleep 99");
    await task.refresh();
    await until(async () =>
      (await readFile(join(task.bundle, "log"), "utf8").catch(() => "")).includes("State"),
    );
  });

  it("is called by a name that no other root's container has", async () => {
    const { paths } = desk.root;
    const ref = { namespace: "default", id: "web" };
    expect(shimId(paths, ref)).toMatch(/^web\.[0-9a-f]{12}$/);
    expect(shimId({ ...paths, data: "/elsewhere" }, ref)).not.toBe(shimId(paths, ref));
    expect(shimId(paths, { ...ref, namespace: "other" })).not.toBe(shimId(paths, ref));
  });
});
