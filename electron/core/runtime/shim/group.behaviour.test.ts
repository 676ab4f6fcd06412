import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "#core/host/command";
import { findMkfsErofs } from "#core/host/mkfs-erofs";
import { choosePrivileges } from "#core/host/privileges";
import { processStat } from "#core/host/proc";
import type { RuntimeInfo } from "#shared/contract/system";
import { ChildManager, taskManagerArgv } from "../child-manager.ts";
import { createOciRuntimes } from "../oci/plugin.ts";
import type { Lower, Task } from "../runtime.ts";
import { Desk, polite } from "../suite-desk.ts";
import { logText, stopProcess, until } from "../testing.ts";
import { eventsAddress } from "./events.ts";
import { findShims } from "./find-shims.ts";
import { createShimRuntimes, shimPath } from "./plugin.ts";

const runtime = "shim/io.containerd.runc.v2";
const privileges = choosePrivileges();
const usable = !privileges.rootless && (await shimPath("io.containerd.runc.v2")) !== undefined;
const newer = process.env.SHIMYARD_TEST_SHIM;

const binaries: { name: string; shim?: string }[] = [{ name: "the installed shim" }];
if (newer) binaries.push({ name: "a newer shim", shim: newer });

describe.runIf(usable).each(binaries)("several containers in $name", ({ shim: path }) => {
  // Of the runtime's description a desk only needs the name.
  const desk = new Desk({
    info: { id: runtime } as RuntimeInfo,
    runtimes: async ({ paths }) => [
      ...(await createShimRuntimes({ paths, privileges, shim: path })).runtimes,
      ...(await createOciRuntimes({ paths, privileges })).runtimes,
    ],
  });
  beforeAll(() => desk.open());
  afterEach(() => desk.clear());
  afterAll(() => desk.close());

  async function create(
    id: string,
    script: string,
    shimGroup: string | undefined,
    lower?: Lower[],
  ): Promise<Task> {
    const request = await desk.root.request(id, ["sh", "-c", script]);
    if (lower) request.rootfs.lower = lower;
    const task = await desk.manager.create(runtime, { ...request, shimGroup });
    await task.start();
    return task;
  }

  const run = (id: string, script = "sleep 99"): Promise<Task> => create(id, script, "pair");

  const shims = async (): Promise<number[]> =>
    (await findShims(eventsAddress(desk.root.paths))).map(({ pid }) => pid);

  /** All that one can ask of it. */
  async function expectWhole(task: Task): Promise<void> {
    expect((await task.refresh()).status).toBe("running");
    const ran = await task.run({ args: ["cat", "/proc/self/mountinfo"], maxOutput: 1 << 20 });
    expect(Buffer.from(ran.stdout).toString()).toContain(" / / ");
    const exec = await task.exec({
      id: "e",
      args: ["sh", "-c", "echo hi; exit 3"],
      terminal: false,
    });
    expect((await exec.wait()).code).toBe(3);
    expect(logText(await readFile(exec.logPath, "utf8"))).toBe("hi\n");
    await exec.remove();
    expect((await task.stats()).pids).toBeGreaterThan(0);
    await task.pause();
    await task.resume();
  }

  /** No mount of a bundle is in any shim. */
  async function mountedIn(pid: number): Promise<string[]> {
    const text = await readFile(`/proc/${pid}/mountinfo`, "utf8");
    return text.split("\n").filter((line) => line.includes(desk.root.dir));
  }

  it("live in one, each with files of its own; one is deleted, its bundle goes, the other goes on", async () => {
    const first = await run("first", "echo mine > /own; sleep 99");
    const second = await run("second", "sleep 98");
    const alone = await create("alone", "sleep 97", undefined);
    expect(second.shim.pid).toBe(first.shim.pid);
    expect(alone.shim.pid).not.toBe(first.shim.pid);
    expect(await shims()).toHaveLength(2);
    await expectWhole(first);
    await expectWhole(second);
    const files = await second.run({ args: ["ls", "/"], maxOutput: 1000 });
    expect(Buffer.from(files.stdout).toString()).not.toContain("own");
    const pid = second.shim.pid ?? 0;
    await first.delete({ force: true });
    await expect(stat(first.bundle)).rejects.toMatchObject({ code: "ENOENT" });
    expect(second.shim).toMatchObject({ pid, alive: true });
    expect((await mountedIn(pid)).filter((line) => line.includes("first/rootfs"))).toEqual([]);
    await expectWhole(second);
    // And another one joins, where the first bundle is gone.
    const third = await run("third", "exit 4");
    expect((await third.wait()).code).toBe(4);
    await expectWhole(second);
    await second.kill(9);
    expect((await second.wait()).code).toBe(137);
    await until(async () => !(await shims()).includes(pid));
  });

  it("are found by the next manager, also when the first is gone or has ended meanwhile", async () => {
    const first = await run("first");
    const second = await run("second", "sleep 0.3; exit 5");
    const third = await run("third");
    const pid = first.shim.pid ?? 0;
    await first.delete({ force: true });
    desk.manager.dispose();
    // Ends while nobody looks.
    await until(async () => (await processStat(second.state.pid ?? 0)) === undefined);
    await desk.open();
    expect(desk.manager.broken()).toEqual([]);
    expect((await desk.get("second").wait()).code).toBe(5);
    expect(desk.get("third").state).toMatchObject({ status: "running", pid: third.state.pid });
    // The shim, of which the first bundle is gone, was not taken for a leaked one.
    expect(desk.get("third").shim).toMatchObject({ pid, alive: true });
    await expectWhole(desk.get("third"));
    const fourth = await run("fourth");
    expect(fourth.shim.pid).toBe(pid);
    await desk.clear();
    await until(async () => (await shims()).length === 0);
  });

  it("lose it together when it is killed; stop and delete still work, and a new one takes new ones", async () => {
    const first = await run("first", polite);
    const second = await run("second");
    const bystander = await create("alone", "sleep 97", undefined);
    await until(async () => (await desk.root.log("first")).includes("ready"));
    process.kill(first.shim.pid ?? 0, "SIGKILL");
    await until(() => [first, second].every(({ state }) => state.status === "shim-lost"));
    expect(bystander.state.status).toBe("running");
    const third = await run("third");
    expect(third.shim.pid).not.toBe(first.shim.pid);
    await first.kill(15);
    expect(await first.wait()).toMatchObject({ code: undefined });
    await first.delete();
    await second.delete({ force: true });
    await expectWhole(third);
    // The two that are gone have not taken its socket along.
    await desk.reopen();
    await expectWhole(desk.get("third"));
  });

  it("are let go of one by one, also several at once", async () => {
    const ids = ["a", "b", "c", "d"];
    const tasks = await Promise.all(ids.map((id) => run(id)));
    expect(new Set(tasks.map((task) => task.shim.pid)).size).toBe(1);
    await Promise.all(tasks.map((task) => task.delete({ force: true })));
    await until(async () => (await shims()).length === 0);
    const again = await Promise.all(ids.map((id) => run(id, "exit 6")));
    for (const task of again) expect((await task.wait()).code).toBe(6);
    await until(async () => (await shims()).length === 0);
  });

  it("leave nothing mounted in it once they have ended, also where layers are files", async (context) => {
    const mkfs = await findMkfsErofs();
    if (mkfs === undefined) context.skip("there is no mkfs.erofs");
    const layer = join(desk.root.dir, "layer.erofs");
    await runCommand([mkfs ?? "", layer, desk.root.image]);
    const directory: Lower = { type: "directory", path: desk.root.image };
    const layers: Lower[] = [{ type: "erofs", path: layer }, directory];
    const first = await create("first", "sleep 99", "pair", layers);
    const second = await create("second", "exit 4", "pair", layers);
    const third = await create("third", "exit 5", "pair", [directory]);
    expect((await second.wait()).code).toBe(4);
    expect((await third.wait()).code).toBe(5);
    const ofOthers = async (): Promise<string[]> =>
      (await mountedIn(first.shim.pid ?? 0)).filter((line) => !line.includes("/first/"));
    await until(async () => (await ofOthers()).length === 0);
    await expectWhole(first);
  });

  it("that can't be made leaves the others alone", async () => {
    const first = await run("first");
    const request = await desk.root.request("bad", ["no-such-command"]);
    const bad = desk.manager.create(runtime, { ...request, shimGroup: "pair" });
    await expect(bad).rejects.toMatchObject({ code: "NOT_FOUND" });
    const gone = await desk.root.request("gone", ["true"]);
    gone.rootfs.lower = [{ type: "directory", path: join(desk.root.dir, "nowhere") }];
    await expect(
      desk.manager.create(runtime, { ...gone, shimGroup: "pair" }),
    ).rejects.toMatchObject({ details: { output: expect.stringContaining("mount") } });
    await expectWhole(first);
    const mounts = await mountedIn(first.shim.pid ?? 0);
    expect(mounts.filter((line) => !line.includes("/first/"))).toEqual([]);
    const last = await run("last");
    expect(last.shim.pid).toBe(first.shim.pid);
  });

  it("go on when a manager is killed while it makes another", async () => {
    const first = await run("first");
    const shim = first.shim.pid;
    desk.manager.dispose();
    const argv = [...taskManagerArgv(), desk.root.dir, ...(path ? [path] : [])];
    for (const delay of [10, 30, 50, 70]) {
      const manager = await ChildManager.start(argv);
      const request = { ...(await desk.root.request("half", ["sleep", "99"])), shimGroup: "pair" };
      void manager.ask({ do: "create", runtime, request }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, delay));
      await manager.kill();
      // What is under way comes to its end without the manager.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await desk.open();
      expect(desk.manager.broken()).toEqual([]);
      expect(desk.get("first").shim).toMatchObject({ pid: shim, alive: true });
      await desk.manager.get("default", "half")?.delete({ force: true });
      await expectWhole(desk.get("first"));
      const mounts = await mountedIn(shim ?? 0);
      expect(mounts.filter((line) => line.includes("half/rootfs"))).toEqual([]);
      desk.manager.dispose();
    }
    await desk.open();
  });

  it("hangs: one of them is deleted by force, and the other is there when it goes on", async () => {
    const first = await run("first");
    const second = await run("second");
    const pid = first.shim.pid ?? 0;
    await stopProcess(pid);
    try {
      expect((await first.refresh()).status).toBe("unknown");
      await first.delete({ force: true });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await second.refresh();
    await expectWhole(second);
  });

  it("is refused where a shim holds one container", async () => {
    const [oci] = (await createOciRuntimes({ paths: desk.root.paths, privileges })).runtimes;
    const request = await desk.root.request("conmon", ["true"]);
    await expect(
      desk.manager.create(oci?.id ?? "", { ...request, shimGroup: "pair" }),
    ).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
  });
});
