import { chmod, cp, mkdir, readFile, readdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { workerUrl } from "#core/base/worker";
import { mustRun } from "#core/host/command";
import { cgroupHost } from "#core/host/cgroup";
import { controllers } from "#core/host/controllers";
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
    const ids = ["a", "b", "c"];
    for (const id of ids) {
      const request = await root.request(id, ["sh", "-c", counting]);
      const state = await manager.ask({ do: "create", runtime, request });
      before.set(id, (state as Listed["state"]).pid);
    }
    const begun = Date.now();
    const waiting = "trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done";
    const ends = await root.request("ends", ["sh", "-c", waiting]);
    const { pid } = (await manager.ask({
      do: "create",
      runtime,
      request: ends,
    })) as Listed["state"];
    await until(async () => (await root.log("ends")).includes("ready"));
    await expect(ChildManager.start([process.execPath, program, root.dir])).rejects.toThrow(
      /already manages/,
    );
    await manager.kill();
    process.kill(pid as number, "SIGTERM");
    const exit = join(root.paths.data, "tasks/default/ends/processes/init/exit");
    await until(async () => (await stat(exit).catch(() => undefined)) !== undefined);
    const ended = Date.now();
    const lengths = await Promise.all(ids.map(async (id) => (await root.log(id)).length));
    for (const [at, id] of ids.entries()) {
      await until(async () => (await root.log(id)).length > (lengths[at] ?? 0) + 1000);
    }
    await start();
    const listed = (await manager.ask({ do: "list" })) as Listed[];
    for (const id of ids) {
      const found = listed.find((task) => task.id === id);
      expect(found).toMatchObject({
        state: { status: "running", pid: before.get(id) },
        shim: { alive: true },
      });
    }
    const end = listed.find(({ id }) => id === "ends")?.state;
    expect(end).toMatchObject({ status: "exited", exit: { code: 42 } });
    // Its own time, not that of who found it.
    expect(end?.exit?.exitedAt).toBeGreaterThan(begun);
    expect(end?.exit?.exitedAt).toBeLessThan(ended + 1);
    for (const id of [...ids, "ends"]) await manager.ask({ do: "delete", id });
    for (const id of ids) {
      const lines = logText(await root.log(id))
        .trim()
        .split("\n");
      expect(lines).toEqual(lines.map((_, index) => `n ${index}`));
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

const { unified } = (await cgroupHost()).mounts;

/** Owned by the user, as whoever delegates a cgroup makes it. */
class DelegatedCgroup {
  readonly #directory = join(unified ?? "", `shimyard-delegated-${process.pid}`);

  async make(owner: string): Promise<void> {
    await mkdir(this.#directory);
    const files = ["", "cgroup.procs", "cgroup.subtree_control"];
    await mustRun(["chown", `${owner}:`, ...files.map((name) => join(this.#directory, name))]);
  }

  /** argv that runs `argv` in it, where cgroup v2 is all there is. */
  enter(argv: string[]): string[] {
    const script =
      'echo $$ >"$1/cgroup.procs" && umount --recursive /sys/fs/cgroup && ' +
      'mount -t cgroup2 cgroup2 /sys/fs/cgroup && shift && exec "$@"';
    const isolated = ["unshare", "--mount", "--propagation", "private"];
    return [...isolated, "sh", "-c", script, "sh", this.#directory, ...argv];
  }

  /** The processes of each container that has a cgroup in it. */
  async containers(): Promise<number[][]> {
    const names = await readdir(this.#directory);
    const own = names.filter((name) => /^shimyard-[0-9a-f]{8}-default-/.test(name));
    const texts = own.map((name) => readFile(join(this.#directory, name, "cgroup.procs"), "utf8"));
    return (await Promise.all(texts)).map((text) => text.split("\n").filter(Boolean).map(Number));
  }

  async controllers(): Promise<string[]> {
    const text = await readFile(join(this.#directory, "cgroup.controllers"), "utf8");
    return text.split(/\s+/).filter(Boolean);
  }

  /** A cgroup is removed when nothing is in it: those that have ended take a moment. */
  async remove(): Promise<void> {
    for (const path of [join(this.#directory, "shimyard-manager"), this.#directory]) {
      await until(() =>
        rmdir(path).then(
          () => true,
          (error) => error.code === "ENOENT",
        ),
      );
    }
  }
}

const users = [
  { name: "an ordinary user", cgroup: undefined },
  ...(unified
    ? [{ name: "an ordinary user with a cgroup v2", cgroup: new DelegatedCgroup() }]
    : []),
];

describe.runIf(isRoot).each(users)(isRoot ? "$name" : "$name (root makes one)", ({ cgroup }) => {
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
    await cgroup?.make("shimyard-test");
    const own = user.as([process.execPath, main, root.dir]);
    command = cgroup?.enter(own) ?? own;
    manager = await ChildManager.start(command, user.env);
  }, 60_000);

  afterAll(async () => {
    // It may not have come that far.
    await (manager as ChildManager | undefined)?.kill();
    await root.close();
    await cgroup?.remove();
    await user.remove();
  });

  it.runIf(cgroup)("may limit what was delegated, and pause", async () => {
    const usable = manager.infos.filter((info) => info.usable.ok);
    const able = (await cgroup?.controllers())?.some((name) =>
      controllers.some((one) => one === name),
    );
    for (const { abilities, id } of usable) {
      if (id === "oci/runsc") continue;
      expect(abilities.pause).toEqual({ ok: true });
      const reason = "This user may make cgroups, but none that limit anything";
      expect(abilities.limits).toEqual(able ? { ok: true } : { ok: false, reason });
    }
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
      if (cgroup)
        expect((await cgroup.containers()).map((pids) => pids.length > 0)).toEqual([true]);
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
      if (cgroup) expect(await cgroup.containers()).toEqual([]);
    }
  });
});

async function nodeModules(): Promise<string> {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const path = join(dir, "node_modules");
    if (await stat(path).catch(() => undefined)) return path;
  }
}
