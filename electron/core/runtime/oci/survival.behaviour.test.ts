import { cp, chmod, mkdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { workerUrl } from "#core/base/worker";
import { mustRun } from "#core/host/command";
import { makeTestUser, type TestUser } from "#core/host/testing";
import { ChildManager } from "../child-manager.ts";
import { type TestRoot, logText, makeTestRoot, rememberHost, until } from "../testing.ts";

const program = fileURLToPath(
  workerUrl("task-manager.test", new URL("..", import.meta.url).href + "x.ts"),
);

interface Listed {
  id: string;
  state: { status: string; pid?: number; exit?: { code?: number; exitedAt: number } };
  shim: { alive: boolean };
}

describe("a manager that is killed", () => {
  let root: TestRoot;
  let manager: ChildManager;
  beforeAll(async () => {
    root = await makeTestRoot();
    await rememberHost(root.paths);
  });
  afterAll(async () => {
    await manager.kill();
    await root.close();
  });

  const start = async (): Promise<void> => {
    manager = await ChildManager.start([process.execPath, program, root.dir]);
  };

  it("loses no container, line or exit status, and a second one is refused meanwhile", async () => {
    await start();
    const runtime = manager.infos.find(({ preferred }) => preferred)?.id ?? "";
    const counting = "i=0; while :; do echo n $i; i=$((i+1)); sleep 0.01; done";
    const before = new Map<string, unknown>();
    for (const id of ["a", "b", "c"]) {
      const request = await root.request(id, ["sh", "-c", counting]);
      const state = await manager.ask({ do: "create", runtime, request });
      before.set(id, (state as Listed["state"]).pid);
    }
    const ends = await root.request("ends", ["sh", "-c", "sleep 0.5; exit 42"]);
    await manager.ask({ do: "create", runtime, request: ends });
    await expect(ChildManager.start([process.execPath, program, root.dir])).rejects.toThrow(
      /already manages/,
    );
    await manager.kill();
    const killedAt = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await start();
    const listed = (await manager.ask({ do: "list" })) as Listed[];
    for (const id of ["a", "b", "c"]) {
      const found = listed.find((task) => task.id === id);
      expect(found).toMatchObject({
        state: { status: "running", pid: before.get(id) },
        shim: { alive: true },
      });
    }
    const ended = listed.find(({ id }) => id === "ends")?.state;
    expect(ended).toMatchObject({ status: "exited", exit: { code: 42 } });
    expect(Math.abs((ended?.exit?.exitedAt ?? 0) - killedAt)).toBeLessThan(1000);
    for (const id of ["a", "b", "c", "ends"]) await manager.ask({ do: "delete", id });
    for (const id of ["a", "b", "c"]) {
      const lines = logText(await root.log(id))
        .trim()
        .split("\n");
      expect(lines).toEqual(lines.map((_, index) => `n ${index}`));
      expect(lines.length).toBeGreaterThan(30);
    }
  });

  it("in the middle of a creation leaves nothing behind", async () => {
    const runtime = manager.infos.find(({ preferred }) => preferred)?.id ?? "";
    for (const delay of [5, 20, 40]) {
      const request = await root.request("half", ["sleep", "99"]);
      void manager.ask({ do: "create", runtime, request }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, delay));
      await manager.kill();
      // What is under way comes to its end without the manager.
      await new Promise((resolve) => setTimeout(resolve, 500));
      await start();
      const listed = (await manager.ask({ do: "list" })) as Listed[];
      // Either all of it was there, or none.
      for (const { id } of listed) await manager.ask({ do: "delete", id });
    }
  });
});

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)(isRoot ? "an ordinary user" : "an ordinary user (root makes one)", () => {
  let user: TestUser;
  let root: TestRoot;
  let manager: ChildManager;
  let command: string[];

  beforeAll(async () => {
    user = await makeTestUser("shimyard-test", 300_000);
    const { home } = user;
    root = await makeTestRoot(home);
    // The checkout may lie where only its owner may look.
    const app = join(root.dir, "app");
    await cp(dirname(dirname(program)), join(app, "dist/test"), { recursive: true });
    const modules = await nodeModules();
    await mkdir(join(app, "node_modules"));
    for (const name of ["koffi", "@koromix/koffi-linux-x64", "@koromix/koffi-linux-arm64"]) {
      const from = join(modules, name);
      if (await stat(from).catch(() => undefined)) {
        await cp(from, join(app, "node_modules", name), { recursive: true, dereference: true });
      }
    }
    await mustRun(["chown", "-R", "shimyard-test:", root.dir]);
    await chmod(root.dir, 0o755);
    const main = join(app, "dist/test/workers/task-manager.test.mjs");
    command = user.as([process.execPath, main, root.dir]);
    manager = await ChildManager.start(command, user.env);
  }, 60_000);

  afterAll(async () => {
    await manager.kill();
    await root.close();
    await user.remove();
  });

  it("has a usable runtime, and is told what needs root", () => {
    const usable = manager.infos.filter((info) => info.usable.ok);
    expect(usable.map(({ id }) => id)).toContain("oci/runc");
    expect(usable[0]?.abilities.exec).toEqual({ ok: true });
    expect(usable[0]?.abilities.checkpoint).toMatchObject({
      ok: false,
      reason: expect.any(String),
    });
  });

  it("lives through a whole life, a killed manager and a killed shim", async () => {
    for (const { id: runtime } of manager.infos.filter((info) => info.usable.ok)) {
      const script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done";
      const request = await root.request("c", ["sh", "-c", script], { rootless: true });
      await mustRun(["chown", "-R", "shimyard-test:", join(root.paths.data, "containers")]);
      await rm(request.logPath, { force: true });
      await manager.ask({ do: "create", runtime, request });
      await until(async () => (await root.log("c")).includes("ready"));
      expect(
        await manager.ask({ do: "run", id: "c", args: ["id", "-u"], user: "app" }),
      ).toMatchObject({
        exitCode: 0,
        stdout: "1000\n",
      });
      const exec = await manager.ask({
        do: "exec",
        id: "c",
        process: "t",
        args: ["sh"],
        input: "stty size; exit 4\r",
      });
      expect(exec).toMatchObject({ exit: { code: 4 } });
      expect(logText(await readFile((exec as { log: string }).log, "utf8"))).toContain("24 80");
      await manager.kill();
      manager = await ChildManager.start(command, user.env);
      expect(await manager.ask({ do: "list" })).toMatchObject([
        { id: "c", state: { status: "running" } },
      ]);
      await manager.ask({ do: "kill", id: "c", signal: 15 });
      expect(await manager.ask({ do: "wait", id: "c" })).toMatchObject({ code: 7 });
      await manager.ask({ do: "delete", id: "c" });

      await manager.ask({ do: "create", runtime, request });
      await manager.ask({ do: "killShim", id: "c" });
      await until(async () => {
        const [task] = (await manager.ask({ do: "list" })) as Listed[];
        return task?.state.status === "shim-lost";
      });
      expect(await manager.ask({ do: "run", id: "c", args: ["id", "-u"] })).toMatchObject({
        stdout: "0\n",
      });
      await manager.ask({ do: "delete", id: "c" });
      expect(await manager.ask({ do: "list" })).toEqual([]);
    }
  });
});

async function nodeModules(): Promise<string> {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const path = join(dir, "node_modules");
    if (await stat(path).catch(() => undefined)) return path;
  }
}
