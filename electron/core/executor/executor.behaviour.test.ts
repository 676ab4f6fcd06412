import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Core, createCore } from "../core.ts";
import { containerDir, type Paths, resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { extensionSpec } from "../extensions/extension-spec.ts";
import type { ExitStatus } from "../runtime/runtime.ts";
import { rememberHost } from "../runtime/testing.ts";
import { chooseLayerStore } from "../snapshots/choose-layer-store.ts";
import { removeTree, Snapshotter } from "../snapshots/snapshotter.ts";
import { Executor, type ExecutorRequest } from "./executor.ts";

const namespace = "executor-test";
const privileges = choosePrivileges();
let root: string;
let paths: Paths;
let core: Core;
let executor: Executor;
let snapshots: Snapshotter;
const exits: { id: string; exit: ExitStatus }[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-executor-"));
  paths = resolvePaths({}, process.getuid?.() ?? 0, "/root", root);
  await rememberHost(paths);
  core = await createCore({ paths, version: "0.0.0", kind: "test" });
  await core.ready;
  await vi.waitFor(() => expect(core.system.info.value.probing).toBe(false), { timeout: 60_000 });
  snapshots = new Snapshotter(paths, privileges, await chooseLayerStore({ paths, privileges }));
  executor = make();
});
afterEach(async () => {
  await executor.sweep(new Set());
  expect(core.tasks.list()).toEqual([]);
  expect(await snapshots.list(namespace)).toEqual([]);
  exits.length = 0;
});
afterAll(async () => {
  executor.dispose();
  await core.close();
  await removeTree(root, privileges);
});

const make = (): Executor =>
  new Executor({
    ...{ tasks: core.tasks, snapshots, paths, namespace },
    onExit: (id, exit) => exits.push({ id, exit }),
  });

async function request(id: string, command: string[]): Promise<ExecutorRequest> {
  const image = await core.images.ensureStarter();
  const { facts } = core.system;
  const runtime = core.system.chooseRuntime(undefined);
  const spec = extensionSpec({
    manifest: {
      ...{ manifest: 1, name: id, title: id, version: "1", description: "A test's" },
      ...{ image: { kind: "starter" }, command, actions: [], permissions: [], restart: "no" },
    },
    ...{ image: image.config, facts, user: { uid: 0, gid: 0 } },
    canLimit: core.system.runtime(runtime).abilities.limits,
  });
  const logPath = join(containerDir(paths, namespace, id), "log");
  return {
    runtime,
    spec,
    lower: await snapshots.lowers(core.images.layersOf(image.id)),
    logPath,
  };
}

const loop = ["/bin/sh", "-c", "trap 'exit 4' TERM; while :; do sleep 0.1; done"];

test("a stale container of the same id is replaced, whatever it does", async () => {
  await executor.create("one", await request("one", ["/bin/sleep", "1000"]));
  const before = executor.state("one")?.pid;
  // Another executor knows nothing of it: as after a restart that restored nothing.
  const other = make();
  await other.create("one", await request("one", loop));
  expect(other.state("one")?.pid).not.toBe(before);
  expect(core.tasks.list()).toHaveLength(1);
  other.dispose();
});

test("a signal reaches it, its exit is told once, and nothing of it is left", async () => {
  await executor.create("one", await request("one", loop));
  expect(executor.isRunning("one")).toBe(true);
  const { stdout } = await executor.run("one", { args: ["/bin/echo", "in"], maxOutput: 100 });
  expect(Buffer.from(stdout).toString()).toBe("in\n");
  await executor.signal("one", 15);
  await vi.waitFor(() => expect(exits).toMatchObject([{ id: "one", exit: { code: 4 } }]));
  expect(() => executor.isRunning("one")).toThrow(/does not run/);
  expect(core.tasks.list()).toEqual([]);
  await executor.stop("one", 1000);
});

test("one that ignores SIGTERM is killed after its grace", async () => {
  await executor.create("one", await request("one", ["/bin/sleep", "1000"]));
  await executor.stop("one", 100);
  expect(exits).toMatchObject([{ exit: { code: 137 } }]);
});

test("a failed start leaves neither task nor container", async () => {
  const failing = executor.create("one", await request("one", ["/no/such/command"]));
  await expect(failing).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(core.tasks.list()).toEqual([]);
  expect(await snapshots.list(namespace)).toEqual([]);
});

test("restore says who lives, removes who does not, and what is not known", async () => {
  await executor.create("lives", await request("lives", loop));
  await executor.create("unknown", await request("unknown", loop));
  const next = make();
  expect(await next.restore("lives")).toEqual({ alive: true });
  expect(await next.restore("gone")).toEqual({ alive: false });
  await next.sweep(new Set(["lives"]));
  expect(core.tasks.list().map(({ id }) => id)).toEqual(["lives"]);
  next.dispose();
});
