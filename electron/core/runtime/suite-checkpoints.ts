import { mkdir, readdir } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Desk, feature } from "./suite-desk.ts";
import { logText, until } from "./testing.ts";

/** Checkpoints, their list, and what starts from one. */
export function describeCheckpoints(desk: Desk): void {
  const { info } = desk;
  feature(desk, "checkpoints: create, list, start from, delete", "checkpoint", () => {
    const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
    // A dump ends the sleep that it finds: busybox 1.37 exits then.
    const lasting = "while :; do sleep 99; done";
    const counting = "i=0; while :; do echo n $i; i=$((i+1)); sleep 0.02; done";

    it("is restored with its memory, its log going on", async () => {
      const directory = join(desk.root.dir, "checkpoints");
      const task = await desk.run("count", counting);
      await until(async () => (await desk.root.log("count")).includes("n 5"));
      await desk.reopen();
      const path = join(directory, "first", "image");
      await desk.get("count").checkpoint({ path, leaveRunning: false, ...options });
      expect(desk.get("count").state.status).toBe("exited");
      const [found] = await desk.get("count").checkpoints(directory);
      expect(found).toMatchObject({
        ...{ name: "first", runtime: info.id, image: { path } },
        options: { leaveRunning: false, ...options },
      });
      await desk.get("count").delete();
      const request = await desk.root.request("count", ["sh", "-c", counting]);
      const restored = await desk.manager.create(info.id, {
        ...request,
        checkpoint: found?.image,
      });
      await restored.start();
      expect(restored.state.status).toBe("running");
      await desk.reopen();
      expect(desk.get("count").state).toMatchObject({
        ...{ status: "running", pid: restored.state.pid },
      });
      const length = logText(await desk.root.log("count")).split("\n").length;
      await until(
        async () => logText(await desk.root.log("count")).split("\n").length > length + 3,
      );
      const exec = await desk.get("count").run({ args: ["echo", "in"], maxOutput: 10 });
      expect(Buffer.from(exec.stdout).toString()).toBe("in\n");
      await desk.get("count").delete({ force: true });
      const lines = logText(await desk.root.log("count"))
        .trim()
        .split("\n");
      expect(lines).toEqual(lines.map((_, index) => `n ${index}`));
      expect(task.id).toBe("count");
    });

    it("is listed for its own container, and deleted", async () => {
      const directory = join(desk.root.dir, "library");
      const task = await desk.run("kept", lasting);
      const other = await desk.run("other", "sleep 99");
      for (const name of ["b", "a"]) {
        const path = join(directory, name, "image");
        await task.checkpoint({ path, leaveRunning: true, ...options });
      }
      await mkdir(join(directory, "half", "image"), { recursive: true });
      await desk.reopen();
      const names = async (): Promise<string[]> =>
        (await desk.get("kept").checkpoints(directory)).map(({ name }) => name);
      expect(await names()).toEqual(["b", "a"]);
      expect(await other.checkpoints(directory)).toEqual([]);
      for (const [id, name] of [
        ["other", "a"],
        ["kept", "half"],
        ["kept", ".."],
      ] as const) {
        await expect(desk.get(id).deleteCheckpoint(directory, name)).rejects.toMatchObject({
          code: "NOT_FOUND",
        });
      }
      await desk.get("kept").deleteCheckpoint(directory, "b");
      expect(await names()).toEqual(["a"]);
      expect(await readdir(directory)).toEqual(["a", "half"]);
      expect((await desk.get("kept").refresh()).status).toBe("running");
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
