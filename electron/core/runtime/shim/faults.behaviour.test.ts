import { link, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { type Server, type Socket, createConnection, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { workerUrl } from "#core/base/worker";
import { choosePrivileges } from "#core/host/privileges";
import { processStat } from "#core/host/proc";
import type { RuntimeInfo } from "#shared/contract/system";
import { ChildManager } from "../child-manager.ts";
import type { Task } from "../runtime.ts";
import { Desk } from "../suite-desk.ts";
import { type TestRoot, logText, makeTestRoot, stopProcess, until } from "../testing.ts";
import { findShims } from "./find-shims.ts";
import { eventsAddress } from "./events.ts";
import { createShimRuntimes, shimPath } from "./plugin.ts";

const runtime = "shim/io.containerd.runc.v2";
/** Installed, and there is root, which it needs. */
const usable =
  !choosePrivileges().rootless && (await shimPath("io.containerd.runc.v2")) !== undefined;

/** A shim that is not what it should be. What it says is up to the test. */
class StandInShim {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
  }

  static async listen(path: string, talk: (socket: Socket) => void): Promise<StandInShim> {
    const server = createServer();
    const shim = new StandInShim(path, server);
    server.on("connection", (socket) => {
      shim.#sockets.add(socket);
      socket.on("error", () => {});
      talk(socket);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return shim;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe.runIf(usable)("a shim that fails", () => {
  // Of the runtime's description a desk only needs the name.
  const info = { id: runtime } as RuntimeInfo;
  /** Another binary than the installed one, for the managers from now on. */
  let shim: string | undefined;
  const desk = new Desk({
    info,
    runtimes: async ({ paths }) =>
      (await createShimRuntimes({ paths, privileges: choosePrivileges(), shim })).runtimes,
  });
  const standIns: StandInShim[] = [];
  beforeAll(() => desk.open());
  afterEach(async () => {
    for (const standIn of standIns.splice(0)) standIn.close();
    await desk.clear();
    shim = undefined;
  });
  afterAll(() => desk.close());

  /** Puts the manager away and lets a task's shim be looked for at `path` when it comes back. */
  async function reopenWith(task: Task, path: string): Promise<void> {
    desk.manager.dispose();
    const bootstrap = join(task.bundle, "bootstrap.json");
    // The real shim's socket, of which the manager knows no more.
    const { socket } = JSON.parse(await readFile(bootstrap, "utf8")) as { socket: string };
    await rm(socket);
    await writeFile(bootstrap, JSON.stringify({ socket: path, version: 2 }));
    await desk.open();
  }

  /** Nothing of the root's shims is left once everything is deleted. */
  async function expectNothingLeft(): Promise<void> {
    await desk.clear();
    await until(async () => (await findShims(eventsAddress(desk.root.paths))).length === 0);
  }

  it("hangs: it is shown as unknown, others load, and it is found again when it goes on", async () => {
    const bystander = await desk.run("by", "sleep 99");
    const task = await desk.run("hung", "sleep 99");
    const pid = task.shim.pid ?? 0;
    await stopProcess(pid);
    await desk.reopen();
    expect(desk.manager.broken()).toEqual([]);
    expect(desk.get("hung").state).toMatchObject({
      status: "unknown",
      pid: task.state.pid,
      error: { code: "DEADLINE_EXCEEDED", message: expect.stringContaining("does not answer") },
    });
    expect(desk.get("by").state).toMatchObject({ status: "running", pid: bystander.state.pid });
    await expect(desk.get("hung").pause()).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    process.kill(pid, "SIGCONT");
    expect(await desk.get("hung").refresh()).toMatchObject({ status: "running" });
    await desk.get("hung").kill(9);
    expect((await desk.get("hung").wait()).code).toBe(137);
    await expectNothingLeft();
  });

  it("hangs, and is deleted by force", async () => {
    const task = await desk.run("hung", "sleep 99");
    await stopProcess(task.shim.pid ?? 0);
    await desk.reopen();
    await desk.get("hung").delete({ force: true });
    await expectNothingLeft();
  });

  it.each<[string, (socket: Socket) => void]>([
    ["garbage", (socket) => socket.write(Buffer.alloc(4096, 0xa5))],
    [
      "an answer that is none",
      (socket) => socket.write(Buffer.from("00000004000000010200ffffffff", "hex")),
    ],
    ["nothing, and closes", (socket) => socket.once("data", () => socket.end())],
  ])("says %s: what the kernel knows is told, stop and delete work", async (_name, talk) => {
    const task = await desk.run("odd", "sleep 99");
    const path = join(desk.root.dir, "odd.sock");
    standIns.push(await StandInShim.listen(path, talk));
    await reopenWith(task, path);
    const { status, pid, error } = desk.get("odd").state;
    expect(status).toBe("unknown");
    expect(pid).toBe(task.state.pid);
    expect(error?.message).toContain("does not answer");
    await desk.get("odd").kill(9);
    // The real shim, which the stand-in is in the way of, may still tell of the exit.
    expect([undefined, 137]).toContain((await desk.get("odd").wait()).code);
    await expectNothingLeft();
  });

  it("hangs while it is used: that call ends, others go on, and so does it later", async () => {
    const bystander = await desk.run("by", "sleep 99");
    const task = await desk.run("hung", "sleep 99");
    const pid = task.shim.pid ?? 0;
    await stopProcess(pid);
    const asked = expect(task.stats()).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect((await bystander.run({ args: ["true"], maxOutput: 1 })).exitCode).toBe(0);
    expect((await bystander.stats()).pids).toBe(1);
    await asked;
    process.kill(pid, "SIGCONT");
    expect((await task.stats()).pids).toBe(1);
    expect(await task.refresh()).toMatchObject({ status: "running" });
    await desk.clear();
    await expectNothingLeft();
  });

  it("is killed in the middle of a call: that says so at once, stop and delete work", async () => {
    const task = await desk.run("mid", "sleep 99");
    const pid = task.shim.pid ?? 0;
    await stopProcess(pid);
    const paused = expect(task.pause()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const exec = task.exec({ id: "e", args: ["true"], terminal: false });
    const executed = expect(exec).rejects.toMatchObject({ code: "UNAVAILABLE" });
    process.kill(pid, "SIGKILL");
    await Promise.all([paused, executed]);
    await until(() => task.state.status === "shim-lost");
    expect(task.processes()).toHaveLength(1);
    await task.kill(9);
    expect(await task.wait()).toMatchObject({ code: undefined });
    await expectNothingLeft();
  });

  it.each<[string, (client: Socket) => void]>([
    ["closes", (client) => client.destroy()],
    ["answers garbage and closes", (client) => client.end(Buffer.alloc(4096, 0xa5))],
  ])(
    "%s in the middle of a call: what it does is known when it is asked again",
    async (_name, act) => {
      const bystander = await desk.run("by", "sleep 99");
      const task = await desk.run("cut", "sleep 99");
      const path = join(desk.root.dir, "cut.sock");
      const { socket } = JSON.parse(
        await readFile(join(task.bundle, "bootstrap.json"), "utf8"),
      ) as {
        socket: string;
      };
      const aside = `${socket}.aside`;
      await link(socket, aside);
      let cut = true;
      // Between the manager and the real shim: it carries everything but the answer to a Pause.
      const between = await StandInShim.listen(path, (client) => {
        const real = createConnection(aside).on("error", () => {});
        client.on("close", () => real.end());
        client.on("data", (chunk: Buffer) => {
          real.write(chunk);
          if (cut && chunk.includes("Pause")) {
            real.removeAllListeners("data");
            act(client);
          }
        });
        real.on("data", (chunk: Buffer) => client.write(chunk));
      });
      standIns.push(between);
      try {
        await reopenWith(task, path);
        expect(desk.get("cut").state.status).toBe("running");
        await expect(desk.get("cut").pause()).rejects.toMatchObject({ code: "UNAVAILABLE" });
        // The shim did it all the same, or not: whichever, that is what is told.
        expect(["running", "paused"]).toContain((await desk.get("cut").refresh()).status);
        expect(desk.get("by").state).toMatchObject({ status: "running", pid: bystander.state.pid });
        cut = false;
        // The shim may still be at the call that was cut, which it gives up or not.
        await until(async () => {
          const { status } = await desk.get("cut").refresh();
          if (status === "running") {
            await desk
              .get("cut")
              .pause()
              .catch(() => {});
          }
          return status === "paused";
        });
        await desk.get("cut").resume();
        await desk.get("cut").kill(9);
        expect((await desk.get("cut").wait()).code).toBe(137);
        await expectNothingLeft();
      } finally {
        await rm(aside, { force: true });
      }
    },
  );

  it.runIf(process.env.SHIMYARD_TEST_SHIM)(
    "is replaced by another version: what runs goes on under the old one, what is new has the new",
    async () => {
      const old = await desk.run("old", "sleep 99", { stdin: true });
      shim = process.env.SHIMYARD_TEST_SHIM;
      await desk.reopen();
      const task = desk.get("old");
      expect(task.state).toMatchObject({ status: "running", pid: old.state.pid });
      const next = await desk.run("next", "sleep 99");
      expect(next.shim.pid).not.toBe(task.shim.pid);
      for (const one of [task, next]) {
        const exec = await one.exec({ id: "e", args: ["sh", "-c", "exit 3"], terminal: false });
        expect((await exec.wait()).code).toBe(3);
        expect((await one.stats()).pids).toBe(1);
        await one.pause();
        await one.resume();
        await one.update({ pids: { limit: 40 } });
      }
      // And back again.
      shim = undefined;
      await desk.reopen();
      for (const id of ["old", "next"]) {
        expect(desk.get(id).state.status).toBe("running");
        await desk.get(id).kill(9);
        expect((await desk.get(id).wait()).code).toBe(137);
      }
      await expectNothingLeft();
    },
  );

  it("says a version that it does not have: v2 is spoken with it", async () => {
    const task = await desk.run("version", "sleep 99");
    const bootstrap = join(task.bundle, "bootstrap.json");
    const { socket } = JSON.parse(await readFile(bootstrap, "utf8")) as { socket: string };
    desk.manager.dispose();
    await writeFile(bootstrap, JSON.stringify({ socket, version: 3 }));
    await desk.open();
    expect(desk.get("version").state).toMatchObject({ status: "running", pid: task.state.pid });
    await desk.get("version").kill(9);
    expect((await desk.get("version").wait()).code).toBe(137);
  });

  it("left a socket that nobody listens at", async () => {
    const task = await desk.run("stale", "sleep 99");
    const bootstrap = await readFile(join(task.bundle, "bootstrap.json"), "utf8");
    const { socket } = JSON.parse(bootstrap) as { socket: string };
    process.kill(task.shim.pid ?? 0, "SIGKILL");
    await until(() => task.state.status === "shim-lost");
    expect((await stat(socket)).isSocket()).toBe(true);
    await desk.reopen();
    expect(desk.get("stale").state.status).toBe("shim-lost");
    await desk.get("stale").delete({ force: true });
    await expect(stat(socket)).rejects.toMatchObject({ code: "ENOENT" });
    await expectNothingLeft();
  });

  it("is let go of when its container has ended, the status kept", async () => {
    const task = await desk.run("ended", "exit 4");
    expect((await task.wait()).code).toBe(4);
    await until(async () => (await findShims(eventsAddress(desk.root.paths))).length === 0);
    await desk.reopen();
    expect(desk.get("ended").state.exit).toMatchObject({ code: 4 });
  });

  it("that no bundle belongs to is ended at the next start", async () => {
    const task = await desk.run("leaked", "sleep 99");
    const { pid } = task.state;
    desk.manager.dispose();
    const aside = join(desk.root.dir, "aside");
    await rename(task.bundle, aside);
    await rm(aside, { recursive: true });
    await desk.open();
    expect(desk.manager.list()).toEqual([]);
    await until(async () => (await findShims(eventsAddress(desk.root.paths))).length === 0);
    await until(async () => (await processStat(pid ?? 0)) === undefined);
  });
});

describe.runIf(usable)("a manager that is killed, with containerd's shim", () => {
  const program = fileURLToPath(
    workerUrl("task-manager.test", new URL("..", import.meta.url).href + "x.ts"),
  );
  let root: TestRoot;
  let manager: ChildManager;
  const start = async (): Promise<void> => {
    manager = await ChildManager.start([process.execPath, program, root.dir]);
  };
  beforeAll(async () => {
    root = await makeTestRoot();
    await start();
  });
  afterAll(async () => {
    await manager.kill();
    await root.close();
  });

  it("loses no container, line or exit status", async () => {
    const counting = "i=0; while :; do echo n $i; i=$((i+1)); sleep 0.01; done";
    const counter = await root.request("counts", ["sh", "-c", counting]);
    const { pid } = (await manager.ask({ do: "create", runtime, request: counter })) as {
      pid: number;
    };
    const ends = await root.request("ends", ["sh", "-c", "sleep 0.5; echo bye; exit 42"]);
    await manager.ask({ do: "create", runtime, request: ends });
    await manager.kill();
    const killedAt = Date.now();
    await until(async () => (await root.log("ends")).includes("bye"));
    await start();
    const listed = (await manager.ask({ do: "list" })) as {
      id: string;
      state: { status: string; pid?: number; exit?: { code?: number; exitedAt: number } };
    }[];
    const found = (id: string) => listed.find((task) => task.id === id)?.state;
    expect(found("counts")).toMatchObject({ status: "running", pid });
    const exit = ((await manager.ask({ do: "wait", id: "ends" })) ?? {}) as {
      code: number;
      exitedAt: number;
    };
    expect(exit.code).toBe(42);
    expect(Math.abs(exit.exitedAt - killedAt)).toBeLessThan(5000);
    for (const id of ["counts", "ends"]) await manager.ask({ do: "delete", id });
    const lines = logText(await root.log("counts"))
      .trim()
      .split("\n");
    expect(lines).toEqual(lines.map((_, index) => `n ${index}`));
    expect(lines.length).toBeGreaterThan(20);
  });

  it("in the middle of a creation leaves nothing behind", async () => {
    for (const delay of [5, 20, 40, 60]) {
      const request = await root.request("half", ["sleep", "99"]);
      void manager.ask({ do: "create", runtime, request }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, delay));
      await manager.kill();
      // What is under way comes to its end without the manager.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await start();
      const listed = (await manager.ask({ do: "list" })) as { id: string }[];
      for (const { id } of listed) await manager.ask({ do: "delete", id });
    }
  });
});
