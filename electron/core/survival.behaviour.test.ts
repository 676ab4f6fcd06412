import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { workerUrl } from "./base/worker.ts";
import { type Core, createCore } from "./core.ts";
import { resolvePaths } from "./host/paths.ts";
import { choosePrivileges } from "./host/privileges.ts";
import { tarEntry } from "./images/testing.ts";
import { mark } from "./network/addresses.ts";
import { networkTraces } from "./network/testing.ts";
import { rememberHost } from "./runtime/testing.ts";
import { removeTree } from "./snapshots/snapshotter.ts";

const run = promisify(execFile);
let root: string;
const paths = () => resolvePaths({}, 0, "/root", root);
const cores: Core[] = [];
const open = async (): Promise<Core> => {
  const core = await createCore({ paths: paths(), version: "0.0.0", kind: "test" });
  cores.push(core);
  return core;
};

interface Kept {
  id: string;
  pid: number;
  ends: boolean;
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-survival-"));
  await rememberHost(paths());
});
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.kill();
  for (const core of cores.splice(0)) await core.close();
  // What a failed test has left.
  if ((await readdir(join(paths().data, "tasks/default")).catch(() => [])).length > 0) {
    const core = await open();
    for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
    await core.close();
  }
  await removeTree(root, choosePrivileges());
});

interface Manager {
  pid: number;
  kept: Kept[];
  kill(): Promise<void>;
}

const managers: Pick<Manager, "kill">[] = [];

/** Starts a manager in a process of its own; resolves when its containers run. */
async function startManager(keep: number, ...more: string[]): Promise<Manager> {
  const program = fileURLToPath(
    workerUrl("manager.test", new URL("base/x.ts", import.meta.url).href),
  );
  const child = fork(program, [root, String(keep), ...more], { execArgv: [] });
  const ended = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  managers.push({ kill });
  const [message] = (await Promise.race([
    once(child, "message"),
    ended.then(() => Promise.reject(new Error("the manager ended before it was killed"))),
  ])) as [{ kept: Kept[] }];
  return { pid: child.pid as number, kept: message.kept, kill };
}

/** Those of a process's children that hold network namespaces for containers to come, see held-namespace.ts. */
async function holders(manager: number): Promise<number[]> {
  const { stdout } = await run("pgrep", ["-P", String(manager), "-f", held]).catch(() => ({
    stdout: "",
  }));
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** Of their command lines, once they are what they are to be, and before. */
const held = "ip -batch -$";

/** A pid may be another's by now. */
const holds = async (pid: number): Promise<boolean> =>
  (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).includes("-batch");

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The numbers a container wrote, in order. */
async function numbers(core: Core, id: string): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const { lines, total } = await core.logs.read({ id, from: found.length, count: 5000 });
    found.push(...lines.map(({ text }) => Number(text.replace("line ", ""))));
    if (lines.length === 0 || found.length >= total) return found;
  }
}

/** What is on this machine of our root: processes, mounts, cgroups of these ids, networks. */
async function leftovers(ids: string[]): Promise<string[]> {
  const [networks, processes, mounts, cgroups] = await Promise.all([
    networkTraces(root, mark(paths().data, 6)),
    run("pgrep", ["-af", root]).catch(() => ({ stdout: "" })),
    run("cat", ["/proc/self/mounts"]),
    run("find", ["/sys/fs/cgroup", "-maxdepth", "4", "-type", "d"]),
  ]);
  return [
    ...networks,
    ...processes.stdout.split("\n").filter(Boolean),
    ...mounts.stdout.split("\n").filter((line) => line.includes(root)),
    ...cgroups.stdout.split("\n").filter((line) => ids.some((id) => line.includes(id))),
  ];
}

test("kill -9 of the manager in the middle of a health check leaves no check behind", async () => {
  const manager = await startManager(0, "health");
  await manager.kill();
  const [hangs] = manager.kept as [Kept];
  expect(lives(hangs.pid)).toBe(true);
  const core = await open();
  await core.ready;
  await vi.waitFor(() => expect(lives(hangs.pid)).toBe(false), { timeout: 15_000 });
  expect(await core.containers.list()).toMatchObject([{ state: { status: "running" } }]);
  await core.containers.delete(hangs.id, true);
});

test("kill -9 of the manager loses no container, log line or exit status", async () => {
  const manager = await startManager(20);
  await manager.kill();
  const ending = manager.kept.filter(({ ends }) => ends);
  await vi.waitFor(() => expect(ending.some(({ pid }) => lives(pid))).toBe(false), {
    timeout: 30_000,
  });
  // So that the time of their end and that of our coming back can't be taken for each other.
  await delay(500);
  const openedAt = Date.now();
  const core = await open();
  try {
    const rows = new Map((await core.containers.list()).map((row) => [row.id, row]));
    for (const { id, pid, ends } of manager.kept) {
      const row = rows.get(id);
      expect(row?.restartCount).toBe(0);
      if (ends) {
        expect(row?.state).toMatchObject({ status: "exited", exitCode: 9 });
        expect(row?.state.exitedAt).toBeLessThan(openedAt);
        expect(await numbers(core, id)).toEqual(Array.from({ length: 40 }, (_, i) => i));
      } else {
        expect(row?.state).toMatchObject({ status: "running", pid });
        const written = await numbers(core, id);
        expect(written.length).toBeGreaterThan(20);
        expect(written).toEqual(written.map((_, i) => i));
      }
    }
  } finally {
    for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
    await core.close();
  }
});

test.each([0, 30, 70, 110, 170])(
  "killed %i ms into creating and deleting, it leaves nothing that the next one can't remove",
  async (wait) => {
    const manager = await startManager(1);
    await delay(wait);
    const shims = (await run("pgrep", ["-af", root]).catch(() => ({ stdout: "" }))).stdout;
    const namespaces = await holders(manager.pid);
    await manager.kill();
    const core = await open();
    await core.ready;
    for (const pid of namespaces) {
      await vi.waitFor(async () => expect(await holds(pid)).toBe(false), { timeout: 5000 });
    }
    const rows = await core.containers.list();
    expect(rows.map(({ id }) => id)).toContain(manager.kept[0]?.id);
    for (const { state } of rows) expect(["created", "running", "exited"]).toContain(state.status);
    const directories = await readdir(join(paths().data, "containers/default"));
    expect(directories.sort()).toEqual(rows.map(({ id }) => id).sort());
    for (const { id } of rows) await core.containers.delete(id, true);
    expect(await readdir(join(paths().data, "containers/default"))).toEqual([]);
    expect(await readdir(join(paths().data, "tasks/default")).catch(() => [])).toEqual([]);
    await core.close();
    const ids = [...new Set([...shims.matchAll(/[0-9a-f]{64}/g)].map(([id]) => id))];
    // A shim of a task that was just deleted ends by itself.
    await vi.waitFor(async () => expect(await leftovers(ids)).toEqual([]), { timeout: 5000 });
  },
);

test("killed while a container waits to be asked for, it leaves nothing of that one, and the others run", async () => {
  const manager = await startManager(0, "waits");
  const [kept, next] = manager.kept as [Kept, Kept];
  const { stdout } = await run("pgrep", ["-f", next.id]);
  const waiting = stdout.split("\n").filter(Boolean).map(Number);
  expect(waiting).not.toEqual([]);
  const namespaces = await holders(manager.pid);
  await manager.kill();
  const core = await open();
  await core.ready;
  for (const pid of waiting) {
    await vi.waitFor(() => expect(lives(pid)).toBe(false), { timeout: 5000 });
  }
  for (const pid of namespaces) {
    await vi.waitFor(async () => expect(await holds(pid)).toBe(false), { timeout: 5000 });
  }
  expect(await core.containers.list()).toMatchObject([
    { id: kept.id, state: { status: "running", pid: kept.pid } },
  ]);
  for (const name of ["containers/default", "tasks/default"]) {
    expect(await readdir(join(paths().data, name))).toEqual([kept.id]);
  }
  await core.containers.delete(kept.id, true);
  await core.close();
  const gone = async () => expect(await leftovers([kept.id, next.id])).toEqual([]);
  await vi.waitFor(gone, { timeout: 5000 });
});

test("killed between a container's network and its record, it leaves nothing of either", async () => {
  const manager = await startManager(0, "connects");
  const [{ id }] = manager.kept as [Kept];
  // Addresses and ports were written down; what they need on this machine follows.
  const made = async () => expect(await networkTraces(root, mark(paths().data, 6))).not.toEqual([]);
  await vi.waitFor(made, { timeout: 15_000 });
  await manager.kill();
  const core = await open();
  await core.ready;
  expect(await core.containers.list()).toEqual([]);
  expect((await core.networks.list()).flatMap(({ members }) => members)).toEqual([]);
  for (const name of ["containers/default", "tasks/default"]) {
    expect(await readdir(join(paths().data, name)).catch(() => [])).toEqual([]);
  }
  await core.close();
  await vi.waitFor(async () => expect(await leftovers([id])).toEqual([]), { timeout: 5000 });
});

test("killed while it imports an image, it leaves no part of it and nothing at work", async () => {
  const archive = join(root, "big.tar");
  const size = 4 * 2 ** 30;
  await writeFile(archive, tarEntry({ name: "big", size }));
  // Without blocks of its own on the disk, and zeros to who reads it.
  await truncate(archive, size + 4 * 512);
  const manager = await startManager(0, archive);
  await manager.kill();
  const core = await open();
  await core.ready;
  expect(core.images.list()).toEqual([]);
  // Its tidying is waited for.
  await core.close();
  const { data } = paths();
  const listed = [
    "content/blobs/sha256",
    "content/ingest",
    "work",
    "layers/erofs",
    "layers/directory",
  ];
  for (const name of listed) {
    expect(await readdir(join(data, name)).catch(() => [])).toEqual([]);
  }
  await vi.waitFor(async () => expect(await leftovers([])).toEqual([]), { timeout: 5000 });
});

test("a shim that is killed is shown as lost; stop and delete still work, others are untouched", async () => {
  const manager = await startManager(2);
  await manager.kill();
  const core = await open();
  await core.ready;
  const [lost, other] = manager.kept as [Kept, Kept];
  const { shim } = await core.containers.get(lost.id);
  process.kill(shim?.pid as number, "SIGKILL");
  const state = async (id: string) =>
    (await core.containers.list()).find((row) => row.id === id)?.state;
  await vi.waitFor(
    async () => expect(await state(lost.id)).toMatchObject({ status: "shim-lost" }),
    {
      timeout: 10_000,
    },
  );
  expect(await state(other.id)).toMatchObject({ status: "running" });
  await core.containers.lifecycle.stop(lost.id, 0.2);
  expect(await state(lost.id)).toMatchObject({ status: "exited" });
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
  await core.close();
  await vi.waitFor(async () => expect(await leftovers([lost.id, other.id])).toEqual([]), {
    timeout: 5000,
  });
});

test("a second manager of the same root is refused, and says who has it", async () => {
  const core = await open();
  await expect(open()).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining(String(process.pid)),
  });
  await core.close();
  const next = await open();
  await next.close();
});
