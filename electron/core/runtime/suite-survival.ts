import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runCommand } from "#core/host/command";
import { isAlive, processStat } from "#core/host/proc";
import { type Desk, exists, feature, polite } from "./suite-desk.ts";
import { logText, until } from "./testing.ts";

/** What is killed, damaged, recycled or half made; and what is put away and comes back. */
export function describeSurvival(desk: Desk): void {
  const { info } = desk;
  feature(desk, "the manager is killed", "reload", () => {
    it("leaves everything to the next, which does all of it too", async () => {
      const script = "echo ready; while read line; do echo got $line; done; exit 5";
      let pid: unknown;
      await desk.inKilledManager(async (manager) => {
        const request = await desk.root.request("all", ["sh", "-c", script], { stdin: true });
        const state = (await manager.ask({ do: "create", runtime: info.id, request })) as {
          pid: number;
        };
        ({ pid } = state);
        await manager.ask({ do: "write", id: "all", process: "init", input: "one\n" });
        for (const [name, args] of [
          ["short", ["sh", "-c", "sleep 0.5; exit 8"]],
          ["long", ["sh", "-c", "read a; echo had $a"]],
        ] as const) {
          await manager.ask({
            ...{ do: "spawn", id: "all", process: name, args },
            terminal: name === "long",
          });
        }
        const ends = await desk.root.request("ends", ["sh", "-c", "sleep 0.5; exit 42"]);
        await manager.ask({ do: "create", runtime: info.id, request: ends });
        const begun = await desk.root.request("begun", ["sleep", "99"]);
        // Killed while it is made: whole or not at all.
        void manager.ask({ do: "create", runtime: info.id, request: begun }).catch(() => {});
      });
      expect(desk.manager.broken()).toEqual([]);
      const task = desk.get("all");
      expect(task.state).toMatchObject({ status: "running", pid });
      expect((await task.refresh()).pid).toBe(pid);
      expect((await desk.get("ends").wait()).code).toBe(42);
      expect((await task.process("short")?.wait())?.code).toBe(8);
      const long = task.process("long");
      await long?.resize({ cols: 50, rows: 10 });
      const typed = await long?.openInput();
      await typed?.write(Buffer.from("it\r"));
      expect((await long?.wait())?.code).toBe(0);
      expect(logText(await readFile(long?.logPath ?? "", "utf8"))).toContain("had it\r\n");
      await long?.remove();
      const ran = await task.run({ args: ["echo", "in"], maxOutput: 10 });
      expect(Buffer.from(ran.stdout).toString()).toBe("in\n");
      const exec = await task.exec({ id: "new", args: ["true"], terminal: false });
      expect((await exec.wait()).code).toBe(0);
      if (desk.lacks("pause") === undefined) {
        await task.pause();
        await task.resume();
      }
      if (desk.lacks("limits") === undefined) await task.update({ pids: { limit: 64 } });
      if (desk.lacks("stats") === undefined) expect((await task.stats()).pids).toBeGreaterThan(0);
      const input = await task.process("init")?.openInput();
      await input?.write(Buffer.from("two\n"));
      await task.process("init")?.closeInput();
      input?.dispose();
      expect((await task.wait()).code).toBe(5);
      expect(logText(await desk.root.log("all"))).toBe("ready\ngot one\ngot two\n");
      expect(await task.delete()).toMatchObject({ code: 5 });
    });
  });

  feature(desk, "its shim is killed", "shim-loss", () => {
    it("says shim lost when a shim is killed, and still stops and deletes", async () => {
      const bystander = await desk.run("by", "sleep 99");
      const task = await desk.run("lost", polite);
      await until(async () => (await desk.root.log("lost")).includes("ready"));
      process.kill(task.shim.pid ?? 0, "SIGKILL");
      await until(() => task.state.status === "shim-lost");
      expect(task.state).toMatchObject({ error: { code: "UNAVAILABLE" }, exit: undefined });
      expect(desk.eventsOf("lost", "shim-lost")).toHaveLength(1);
      await desk.reopen();
      expect(desk.get("lost").state.status).toBe("shim-lost");
      expect(desk.get("lost").shim.alive).toBe(false);
      await expect(
        desk.get("lost").process("init")?.resize({ cols: 1, rows: 1 }),
      ).rejects.toMatchObject({
        code: "UNAVAILABLE",
      });
      await desk.get("lost").kill(15);
      expect(await desk.get("lost").wait()).toMatchObject({ code: undefined });
      await desk.get("lost").delete();
      expect(desk.get("by").state).toMatchObject({ status: "running", pid: bystander.state.pid });
    });

    it("deletes by force what lost its shim", async () => {
      const task = await desk.run("force", "sleep 99");
      process.kill(task.shim.pid ?? 0, "SIGKILL");
      await until(() => task.state.status === "shim-lost");
      await task.delete({ force: true });
      expect(desk.manager.list()).toEqual([]);
    });
  });

  feature(desk, "damaged, recycled and half-made bundles", "reload", () => {
    it("never takes a recycled pid for its own", async () => {
      const task = await desk.run("pid", "sleep 99");
      const dir = task.process("init")?.directory ?? "";
      const { pid } = task.state;
      await task.kill(9);
      await task.wait();
      desk.manager.dispose();
      await writeFile(join(dir, "pid"), String(process.pid));
      await writeFile(join(dir, "shim.pid"), String(process.pid));
      for (const name of ["exit", "exit-told"])
        await writeFile(join(dir, name), "").catch(() => {});
      await desk.open();
      expect(desk.get("pid").state).toMatchObject({ status: "exited", pid: undefined });
      await expect(desk.get("pid").kill(9)).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await processStat(pid ?? 0)).toBeUndefined();
    });

    it("shows a damaged bundle as broken, loads the others, and discards it", async () => {
      const good = await desk.run("good", "sleep 99");
      const bad = await desk.run("bad", "sleep 99");
      const identity = { pid: bad.state.pid ?? 0, startTime: 0 };
      identity.startTime = (await processStat(identity.pid))?.startTime ?? 0;
      await writeFile(join(bad.bundle, "state.json"), '{"version":1,');
      await desk.reopen();
      expect(desk.get("good").state.pid).toBe(good.state.pid);
      expect(desk.manager.broken()).toMatchObject([
        {
          bundle: { id: "bad" },
          error: { code: "DATA_LOSS", message: expect.stringContaining("state.json") },
        },
      ]);
      expect(await isAlive(identity)).toBe(true);
      await desk.manager.discard("default", "bad");
      expect(desk.manager.broken()).toEqual([]);
      expect(await isAlive(identity)).toBe(false);
    });

    it("removes what a killed manager had only begun", async () => {
      const task = await desk.create("begun", "sleep 99");
      const dir = task.process("init")?.directory ?? "";
      desk.manager.dispose();
      await rm(join(dir, "starttime"));
      const tasks = join(desk.root.paths.data, "tasks", "default");
      await mkdir(join(tasks, "empty"));
      await mkdir(join(tasks, ".half-removed", "processes"), { recursive: true });
      await desk.open();
      expect(desk.manager.list()).toEqual([]);
      expect(desk.manager.broken()).toEqual([]);
      expect(await readdir(tasks)).toEqual([]);
    });

    it("ends what a killed manager had begun before there was a spec", async () => {
      const request = await desk.root.request("early", ["sleep", "99"]);
      const tasks = join(desk.root.paths.data, "tasks", "default");
      await mkdir(tasks, { recursive: true });
      const runtimes = async (): Promise<string> =>
        (
          await runCommand(["pgrep", "-f", `create --bundle ${join(tasks, "early")}`])
        ).stdout.toString();
      const expected = await desk.manager.expect(info.id, request);
      try {
        const begins = (await readdir(tasks)).includes("early");
        if (begins) await until(async () => (await runtimes()) !== "");
        expected?.begin(request.rootfs);
        desk.manager.dispose();
        await desk.open();
        expect(desk.manager.broken()).toEqual([]);
        expect(await readdir(tasks)).toEqual([]);
        expect(await runtimes()).toBe("");
      } finally {
        await expected?.drop();
      }
    });

    it("has nothing wait for a container once its manager was killed", async () => {
      const request = await desk.root.request("ready", ["sleep", "99"]);
      const directory = join(desk.root.paths.data, "tasks", "default", "ready");
      const processes = async (line: string): Promise<string> =>
        (await runCommand(["pgrep", "-f", line])).stdout.toString();
      await desk.inKilledManager(
        async (manager) => {
          await manager.ask({ do: "expect", runtime: info.id, request });
          if (!(await exists(directory))) return;
          await until(async () => (await processes(`create --bundle ${directory}`)) !== "");
        },
        () => until(async () => (await processes(directory)) === ""),
      );
      expect(await exists(directory)).toBe(false);
    });
  });
}
