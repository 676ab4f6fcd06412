import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Container, ContainerConfig, Status } from "#shared/contract/containers";
import { type Core, createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

const run = promisify(execFile);
let root: string;
let core: Core;
let imageId: string;

const open = (): Promise<Core> =>
  createCore({ paths: resolvePaths({}, 0, "/root", root), version: "0.0.0", kind: "test" });

/** Probes write to the disk, too. */
const probed = ({ system }: Core): Promise<void> =>
  vi.waitFor(() => expect(system.info.value.probing).toBe(false), { timeout: 30_000 });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-containers-"));
  await rememberHost(resolvePaths({}, 0, "/root", root));
  core = await open();
  await core.ready;
  await probed(core);
  imageId = (await core.images.ensureStarter()).id;
});

afterEach(async () => {
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
});

afterAll(async () => {
  await core.close();
  await removeTree(root, choosePrivileges());
});

let count = 0;
function config(args: string[], more: Partial<ContainerConfig> = {}): ContainerConfig {
  count += 1;
  return {
    ...{ name: `test-${count}`, imageId, args, env: [], terminal: false },
    ...{ limits: {}, restart: { name: "no" }, labels: {} },
    ...more,
  };
}

/** A first process that has no handler yet ignores SIGTERM (pid_namespaces(7)): `ready` says that it has. */
const loop = ["sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done"];

const ready = (id: string): Promise<void> =>
  vi.waitFor(
    async () => {
      const { lines } = await core.logs.read({ id, from: 0, count: 1 });
      expect(lines).toMatchObject([{ text: "ready" }]);
    },
    { timeout: 15_000, interval: 20 },
  );

async function row(id: string): Promise<Container> {
  const found = (await core.containers.list()).find((container) => container.id === id);
  if (!found) throw new Error("it is not listed");
  return found;
}

const until = (id: string, status: Status): Promise<Container> =>
  vi.waitFor(
    async () => {
      const found = await row(id);
      expect(found.state).toMatchObject({ status });
      return found;
    },
    { timeout: 15_000, interval: 20 },
  );

/** All below a root, but for the places that may have been made ready for the next containers. */
async function filesOf(directory: string, of: Core): Promise<string[]> {
  // An ordinary user may not look into an overlay's work directory: find(1) passes over it.
  const { stdout } = await run("sh", [
    "-c",
    'find "$1" -mindepth 1 -printf "%P\\n" 2>/dev/null || :',
    "sh",
    directory,
  ]);
  const files = stdout.split("\n").filter(Boolean).sort();
  const known = (await of.containers.list()).map(({ id }) => id);
  const idOf = (path: string): string | undefined =>
    /data\/(?:containers|tasks)\/default\/\.?([0-9a-f]{64})/.exec(path)?.[1];
  const strangers = new Set(files.map(idOf).filter((id) => id && !known.includes(id)));
  const theirs = files.filter((path) => strangers.has(idOf(path)));
  // Nothing was written by a container, nor noted of one.
  expect(theirs.filter((path) => /\/(upper\/.*|state\.json|exit|starttime)$/.test(path))).toEqual(
    [],
  );
  // The directory that holds them comes with the first.
  return files.filter((path) => !strangers.has(idOf(path)) && !path.endsWith("containers/default"));
}

/** Everything under the root that bears an id. */
async function traces(id: string): Promise<string[]> {
  // An ordinary user may not look into an overlay's work directory: find says so, and goes on.
  const find = (...args: string[]) =>
    run("find", args).catch((error: { stdout: string }) => ({ stdout: error.stdout }));
  const files = await find(root, "-name", `*${id}*`);
  const cgroups = await find("/sys/fs/cgroup", "-maxdepth", "4", "-name", `*${id}*`);
  const processes = await run("pgrep", ["-f", id]).catch(() => ({ stdout: "" }));
  return [
    ...files.stdout.split("\n").filter(Boolean),
    ...cgroups.stdout.split("\n").filter(Boolean),
    ...processes.stdout.split("\n").filter(Boolean),
  ];
}

describe("a container", () => {
  test("is created, started, stopped with its own exit status, and leaves nothing when deleted", async () => {
    const { id } = await core.containers.create(config(loop), false);
    expect((await row(id)).state).toEqual({ status: "created" });
    await core.containers.lifecycle.start(id);
    const running = await row(id);
    expect(running.state).toMatchObject({ status: "running", pid: expect.any(Number) });
    await ready(id);
    await core.containers.lifecycle.stop(id, 60);
    expect(await until(id, "exited")).toMatchObject({ state: { exitCode: 7 } });
    await core.containers.delete(id, false);
    expect(await traces(id)).toEqual([]);
    const events = await core.exchange.query({ containerId: id, limit: 100 });
    expect(events.map(({ topic }) => topic).reverse()).toEqual([
      "/containers/create",
      "/tasks/create",
      "/tasks/start",
      "/tasks/exit",
      "/tasks/delete",
      "/containers/delete",
    ]);
  });

  test("that ignores SIGTERM is killed after its grace", async () => {
    const { id } = await core.containers.create(
      config(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]),
      true,
    );
    await ready(id);
    await core.containers.lifecycle.stop(id, 0.3);
    expect(await until(id, "exited")).toMatchObject({ state: { exitCode: 137 } });
  });

  test("is stopped and restarted with the grace that the settings say", async () => {
    const { id } = await core.containers.create(
      config(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]),
      true,
    );
    await ready(id);
    const { stopGrace } = core.system.settings.value;
    const details: (string | undefined)[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      for await (const { put } of core.operations.watch(abort.signal)) {
        for (const { containerId, detail } of put) if (containerId === id) details.push(detail);
      }
    })();
    await core.system.updateSettings({ stopGrace: 1 });
    try {
      const { pid } = (await row(id)).state;
      await core.containers.lifecycle.restart(id);
      expect((await row(id)).state.pid).not.toBe(pid);
      await core.containers.lifecycle.stop(id);
      expect(await until(id, "exited")).toMatchObject({ state: { exitCode: 137 } });
    } finally {
      await core.system.updateSettings({ stopGrace });
      abort.abort();
      await watching;
    }
    expect(details).toContain("SIGKILL in 1 s");
  });

  test("is not paused where that can't be done, which says why", async (context) => {
    const { pause } = core.system.info.value.abilities;
    if (pause.ok) context.skip("it can be done here");
    const { id } = await core.containers.create(config(loop), true);
    await expect(core.containers.lifecycle.pause(id)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      details: { hint: pause.reason },
    });
    expect(pause.reason).toEqual(expect.any(String));
    expect((await row(id)).state.status).toBe("running");
  });

  test("is paused, resumed, signalled and restarted, keeping its files", async (context) => {
    const { pause } = core.system.info.value.abilities;
    if (!pause.ok) context.skip(`it can't be paused here: ${pause.reason}`);
    const { id } = await core.containers.create(
      config(["sh", "-c", "echo x >> /count; exec sleep 1000"]),
      true,
    );
    const { lifecycle } = core.containers;
    await lifecycle.pause(id);
    expect((await row(id)).state.status).toBe("paused");
    await expect(core.containers.exec(id, { args: ["true"] })).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
    await lifecycle.resume(id);
    expect((await row(id)).state.status).toBe("running");
    await lifecycle.restart(id, 0);
    const counted = await vi.waitFor(async () => {
      const result = await core.containers.exec(id, { args: ["cat", "/count"] });
      expect(Buffer.from(result.stdout).toString()).toBe("x\nx\n");
      return result;
    });
    expect(counted).toMatchObject({ exitCode: 0, truncated: false });
    await lifecycle.kill(id, "SIGUSR1");
    await lifecycle.kill(id, "SIGKILL");
    expect(await until(id, "exited")).toMatchObject({ state: { exitCode: 137 } });
  });

  test.for(["oci/runc", "oci/crun"])(
    "has its name, user, environment, directory and limits, and nobody else's network, with %s",
    async (runtime, context) => {
      const info = core.system.info.value.runtimes.find(({ id }) => id === runtime);
      if (!info?.abilities.limits.ok) context.skip(`${runtime} can't do it here`);
      const { id } = await core.containers.create(
        config(["sleep", "1000"], {
          ...{ runtime, hostname: "harbour", env: ["COLOUR=blue"], cwd: "/tmp", user: "www-data" },
          networks: "none",
          limits: { memory: 64 << 20, pids: 50, cpus: 0.5 },
        }),
        true,
      );
      const say = async (script: string): Promise<string[]> => {
        const { stdout } = await core.containers.exec(id, { args: ["sh", "-c", script] });
        return Buffer.from(stdout).toString().trim().split("\n");
      };
      expect(await say("hostname; id -un; echo $COLOUR; pwd; ls /sys/class/net")).toEqual([
        ...["harbour", "www-data", "blue", "/tmp", "lo"],
      ]);
      const directories = await core.containers.lifecycle.task(id)?.cgroup();
      const limit = async (): Promise<number> => {
        const v1 = directories?.memory;
        const file = v1
          ? join(v1, "memory.limit_in_bytes")
          : join(directories?.unified as string, "memory.max");
        return Number(await readFile(file, "utf8"));
      };
      expect(await limit()).toBe(64 << 20);
      await core.containers.updateLimits(id, { memory: 32 << 20 });
      expect(await limit()).toBe(32 << 20);
      await core.containers.updateLimits(id, {});
      // v1 says a huge number, v2 "max".
      expect(await limit()).not.toBeLessThan(2 ** 40);
      expect((await row(id)).limits).toEqual({});
    },
  );
});

describe("what can't be done says why, and leaves nothing", () => {
  test("a command that the image has not", async () => {
    const before = await filesOf(root, core);
    const asked = config(["no-such-command"]);
    await expect(core.containers.create(asked, true)).rejects.toMatchObject({
      details: { output: expect.stringContaining("no-such-command") },
    });
    expect(await core.containers.list()).toEqual([]);
    expect(await filesOf(root, core)).toEqual(before);
    const { id } = await core.containers.create(asked, false);
    await expect(core.containers.lifecycle.start(id)).rejects.toThrow(asked.name);
    expect((await row(id)).state).toMatchObject({
      status: "created",
      error: { details: { output: expect.stringContaining("no-such-command") } },
    });
  });

  test("a taken name, an unknown user, an image that is gone", async () => {
    const first = config(loop);
    const { id } = await core.containers.create(first, false);
    await expect(core.containers.create(first, false)).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      details: { field: "name" },
    });
    expect(await core.containers.checkName(first.name)).toMatchObject({ ok: false });
    await expect(
      core.containers.create(config(loop, { user: "nobody-here" }), false),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { field: "user" } });
    await expect(
      core.containers.create(config(loop, { imageId: "0".repeat(64) }), false),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(core.images.delete(imageId)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining(first.name),
    });
    expect((await core.containers.list()).map((container) => container.id)).toEqual([id]);
  });

  test("a limit below what is in use", async (context) => {
    const { limits } = core.system.info.value.abilities;
    if (!limits.ok) context.skip(`it can't be limited here: ${limits.reason}`);
    // dd fills its buffer and then waits, because nobody reads what it writes.
    const script = "dd if=/dev/zero bs=20M count=1 | sleep 1000";
    const { id } = await core.containers.create(config(["sh", "-c", script]), true);
    const directories = await core.containers.lifecycle.task(id)?.cgroup();
    const memory = directories?.memory ?? directories?.unified;
    if (memory === undefined) throw new Error("it has no cgroup");
    await vi.waitFor(
      async () => {
        const text = await readFile(join(memory, "memory.stat"), "utf8");
        const used = /^(?:total_rss|anon) (\d+)$/m.exec(text)?.[1];
        expect(Number(used)).toBeGreaterThan(16 << 20);
      },
      { timeout: 20_000 },
    );
    await expect(
      core.containers.updateLimits(id, { memory: 8 * 1024 * 1024 }),
    ).rejects.toMatchObject({ code: "FAILED_PRECONDITION", details: { field: "limits.memory" } });
    expect((await row(id)).state.status).toBe("running");
  });
});

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)(isRoot ? "a full disk" : "a full disk (only root can mount one)", () => {
  let disk: string;
  let full: Core;

  beforeAll(async () => {
    disk = await mkdtemp(join(tmpdir(), "shimyard-full-"));
    await run("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]);
    const paths = resolvePaths({}, 0, "/root", disk);
    await rememberHost(paths);
    full = await createCore({ paths, version: "0.0.0", kind: "test" });
    await full.ready;
    await probed(full);
  });
  afterAll(async () => {
    await full.close();
    // What waited for a next container was killed, and takes a moment to end.
    await vi.waitFor(() => run("umount", [disk]), { timeout: 10_000 });
    await rm(disk, { recursive: true });
  });

  test("is said, leaves nothing behind and what runs running", async () => {
    const image = await full.images.ensureStarter();
    const mine = (more: Partial<ContainerConfig>) => config(loop, { imageId: image.id, ...more });
    const { id } = await full.containers.create(mine({}), true);
    await writeFile(join(disk, "ballast"), Buffer.alloc(64 << 20)).catch(() => undefined);
    const before = await filesOf(disk, full);
    for (let i = 0; i < 3; i += 1) {
      await expect(full.containers.create(mine({}), true)).rejects.toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        details: { hint: expect.any(String) },
      });
    }
    await expect(
      full.images.importDirectory({ path: "/usr/lib/locale", name: "test:full" }),
    ).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect(await filesOf(disk, full)).toEqual(before);
    expect(await full.containers.list()).toMatchObject([{ id, state: { status: "running" } }]);
    await rm(join(disk, "ballast"));
    const later = await full.containers.create(mine({}), true);
    for (const one of [id, later.id]) await full.containers.delete(one, true);
  });
});

describe("restart policies", () => {
  test("on-failure tries again as often as it says", async () => {
    const { id } = await core.containers.create(
      config(["sh", "-c", "exit 3"], { restart: { name: "on-failure", maximumRetries: 2 } }),
      true,
    );
    await vi.waitFor(async () => expect((await row(id)).restartCount).toBe(2), { timeout: 10_000 });
    expect(await until(id, "exited")).toMatchObject({ state: { exitCode: 3 } });
  });

  test("unless-stopped comes back after a kill from outside, and stays away once stopped", async () => {
    const { id } = await core.containers.create(
      config(loop, { restart: { name: "unless-stopped" } }),
      true,
    );
    const { pid } = (await row(id)).state;
    process.kill(pid as number, "SIGKILL");
    await vi.waitFor(async () => expect((await row(id)).restartCount).toBe(1), { timeout: 10_000 });
    await until(id, "running");
    await core.containers.lifecycle.stop(id, 5);
    await until(id, "exited");
    await core.close();
    core = await open();
    await core.ready;
    expect((await row(id)).state.status).toBe("exited");
  });
});

describe("a manager that comes back", () => {
  test("finds what runs, and what ended meanwhile with its true status and time", async () => {
    const stays = await core.containers.create(config(loop), true);
    const ends = await core.containers.create(config(["sh", "-c", "sleep 1; exit 42"]), true);
    const before = await row(stays.id);
    await core.close();
    const closedAt = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const openedAt = Date.now();
    core = await open();
    expect((await row(stays.id)).state).toEqual(before.state);
    const { state } = await row(ends.id);
    expect(state).toMatchObject({ status: "exited", exitCode: 42 });
    expect(state.exitedAt).toBeGreaterThan(closedAt);
    expect(state.exitedAt).toBeLessThan(openedAt);
  });

  test("shows a corrupted state file as what it is, and the others as they are", async () => {
    const good = await core.containers.create(config(loop), true);
    const bad = await core.containers.create(config(loop), true);
    const { bundle } = await core.containers.get(bad.id);
    await core.close();
    await writeFile(join(bundle as string, "state.json"), "{ torn");
    core = await open();
    await core.ready;
    expect((await row(good.id)).state.status).toBe("running");
    expect((await row(bad.id)).state).toMatchObject({
      status: "unknown",
      error: { code: "DATA_LOSS" },
    });
    await expect(core.containers.delete(bad.id, false)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
    await core.containers.delete(bad.id, true);
    expect(await traces(bad.id)).toEqual([]);
  });

  test("removes what a killed one left half-made", async () => {
    const paths = resolvePaths({}, 0, "/root", root);
    await core.close();
    const leaked = [
      join(paths.data, "containers/default", "f".repeat(64), "upper"),
      join(paths.data, "images", `${"e".repeat(64)}.0123`, "rootfs"),
      join(paths.data, "checkpoints", "d".repeat(64), "image"),
    ];
    for (const path of leaked) await mkdir(path, { recursive: true });
    core = await open();
    await core.close();
    for (const path of leaked) {
      await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
    }
    core = await open();
    await core.ready;
  });
});
