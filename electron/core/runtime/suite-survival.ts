import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isAlive, processStat } from "#core/host/proc";
import { type Desk, polite } from "./suite-desk.ts";
import { logText, until } from "./testing.ts";

/** What is killed, damaged, recycled or half made; and what is put away and comes back. */
export function describeSurvival(desk: Desk): void {
  const { info } = desk;
  describe("survival", () => {
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
  });

  describe.runIf(info.abilities.checkpoint.ok)("a checkpoint", () => {
    const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
    const counting = "i=0; while :; do echo n $i; i=$((i+1)); sleep 0.02; done";

    it("is restored with its memory, its log going on", async () => {
      const task = await desk.run("count", counting);
      await until(async () => (await desk.root.log("count")).includes("n 5"));
      const path = join(desk.root.dir, "checkpoint", "image");
      await task.checkpoint({ path, leaveRunning: false, ...options });
      expect(task.state.status).toBe("exited");
      await task.delete();
      const request = await desk.root.request("count", ["sh", "-c", counting]);
      const restored = await desk.manager.create(info.id, { ...request, checkpoint: { path } });
      await restored.start();
      expect(restored.state.status).toBe("running");
      const length = logText(await desk.root.log("count")).split("\n").length;
      await until(
        async () => logText(await desk.root.log("count")).split("\n").length > length + 3,
      );
      await restored.delete({ force: true });
      const lines = logText(await desk.root.log("count"))
        .trim()
        .split("\n");
      expect(lines).toEqual(lines.map((_, index) => `n ${index}`));
    });

    it("says criu's own reason when it refuses, and leaves the container running", async () => {
      const port = await freePort();
      // On the host's network: a container's own has no loopback until someone brings it up.
      const script = `busybox nc -l -p ${port} -e cat & sleep 0.3; (echo hello; sleep 99) | busybox nc 127.0.0.1 ${port}`;
      const task = await desk.run("refuse", script, {
        spec: (spec) => {
          const namespaces = spec.linux.namespaces.filter(({ type }) => type !== "network");
          return { ...spec, linux: { ...spec.linux, namespaces } };
        },
      });
      await until(async () => (await desk.root.log("refuse")).includes("hello"));
      const path = join(desk.root.dir, "refused", "image");
      const refusal = await task
        .checkpoint({ path, leaveRunning: true, ...options })
        .catch((error: unknown) => error);
      expect(refusal).toMatchObject({
        code: "FAILED_PRECONDITION",
        message: expect.stringContaining("TCP connections"),
        details: { output: expect.stringContaining("Error"), hint: expect.any(String) },
      });
      expect((await task.refresh()).status).toBe("running");
      await expect(readdir(path)).rejects.toMatchObject({ code: "ENOENT" });
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
