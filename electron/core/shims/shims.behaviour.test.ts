import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Shim } from "#shared/contract/shims";
import { type Core, createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

let root: string;
let core: Core;

const open = async (): Promise<Core> => {
  const opened = await createCore({
    paths: resolvePaths({}, process.getuid?.() ?? 0, "/root", root),
    ...{ version: "0.0.0", kind: "test" },
  });
  await opened.ready;
  await vi.waitFor(() => expect(opened.system.info.value.probing).toBe(false), { timeout: 60_000 });
  return opened;
};

async function start(name: string, runtime?: string, shimGroup?: string): Promise<string> {
  const image = await core.images.ensureStarter();
  const { id } = await core.containers.create(
    {
      ...{ name, imageId: image.id, args: ["sleep", "1000"], env: [], terminal: false },
      ...{ limits: {}, restart: { name: "no" }, labels: {} },
      ...{ runtime, shimGroup },
    },
    true,
  );
  return id;
}

/** All shims as a watcher is first told of them. */
async function list(): Promise<Shim[]> {
  const abort = new AbortController();
  for await (const { put } of core.shims.watch(abort.signal)) {
    abort.abort();
    return put;
  }
  return [];
}

const shimOf = async (id: string): Promise<Shim> => {
  const found = (await list()).find((shim) => shim.containerId === id);
  if (!found) throw new Error(`no shim of ${id}`);
  return found;
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-shims-"));
  await rememberHost(resolvePaths({}, process.getuid?.() ?? 0, "/root", root));
  core = await open();
});
afterEach(async () => {
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
});
afterAll(async () => {
  await core.close();
  await removeTree(root, choosePrivileges());
});

describe("shims", () => {
  test("each is told with its pid, its sessions' and their memory, and goes with its container", async () => {
    const id = await start("one");
    const shim = await vi.waitFor(() => shimOf(id));
    expect(shim).toMatchObject({
      status: "alive",
      kind: "conmon",
      runtimeId: expect.stringMatching(/^oci/),
    });
    expect(shim.startedAt).toBeGreaterThan(Date.now() - 60_000);
    const [first] = shim.processes;
    const line = await readFile(`/proc/${first?.pid}/cmdline`, "utf8");
    expect(line).toContain("conmon");
    const task = core.tasks.get("default", id);
    const exec = await task?.exec({ id: "e1", args: ["sleep", "100"], terminal: true });
    await vi.waitFor(async () =>
      expect((await shimOf(id)).processes.map(({ role }) => role)).toEqual(["shim", "exec"]),
    );
    const abort = new AbortController();
    for await (const memory of core.shims.watchMemory(abort.signal)) {
      const { processes } = await shimOf(id);
      for (const { pid } of processes) expect(memory[pid]?.pss).toBeGreaterThan(50_000);
      abort.abort();
    }
    await exec?.remove();
    await vi.waitFor(async () => expect((await shimOf(id)).processes).toHaveLength(1));
    await core.containers.delete(id, true);
    await vi.waitFor(async () => expect(await list()).toEqual([]));
  });

  test("one that is terminated is lost, its container runs on, the others' do not care", async () => {
    const [id, other] = [await start("one"), await start("two")];
    await vi.waitFor(async () => expect(await list()).toHaveLength(2));
    const { id: shimId } = await shimOf(id);
    await core.shims.terminate(shimId);
    await vi.waitFor(async () => expect((await shimOf(id)).status).toBe("lost"));
    expect((await shimOf(id)).processes).toEqual([]);
    await expect(core.shims.terminate(shimId)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
    const { container } = await core.containers.get(id);
    expect(container.state.status).toBe("shim-lost");
    expect((await shimOf(other)).status).toBe("alive");
    await core.containers.delete(id, true);
    await vi.waitFor(async () => expect(await list()).toHaveLength(1));
  });

  test("are found again by the next manager, a broken bundle among them, which can be removed", async () => {
    const [good, bad] = [await start("good"), await start("bad")];
    const before = await vi.waitFor(() => shimOf(good));
    const { bundle, id } = await vi.waitFor(() => shimOf(bad));
    await core.close();
    const record = join(bundle, "state.json");
    const text = await readFile(record, "utf8");
    await writeFile(record, text.slice(0, 40));
    core = await open();
    expect(await shimOf(good)).toEqual(before);
    expect(await shimOf(bad)).toMatchObject({ status: "broken", error: { code: "DATA_LOSS" } });
    // What was damaged may be mended by hand.
    await writeFile(record, text);
    await core.shims.reconnect(id);
    expect((await shimOf(bad)).status).toBe("alive");
    await core.close();
    await writeFile(record, text.slice(0, 40));
    core = await open();
    await core.shims.discard(id);
    expect((await list()).map(({ containerId }) => containerId)).toEqual([good]);
  });

  test("a broken one that is asked again takes nothing from what is made meanwhile, and is taken up once", async () => {
    const { bundle, id, containerId } = await start("bad").then((bad) =>
      vi.waitFor(() => shimOf(bad)),
    );
    await core.close();
    const record = join(bundle, "state.json");
    const text = await readFile(record, "utf8");
    await writeFile(record, text.slice(0, 40));
    core = await open();
    let making = true;
    const made = Promise.all(["one", "two", "three", "four"].map((name) => start(name)));
    const ended = made.catch(() => undefined).finally(() => (making = false));
    while (making) await core.shims.reconnect(id);
    await ended;
    await made;
    expect((await shimOf(containerId)).status).toBe("broken");
    await writeFile(record, text);
    await Promise.all([core.shims.reconnect(id), core.shims.reconnect(id)]);
    expect((await shimOf(containerId)).status).toBe("alive");
    await core.containers.lifecycle.stop(containerId, 0);
    const told = await core.exchange.query({ containerId, limit: 100 });
    expect(told.filter(({ topic }) => topic === "/tasks/exit")).toHaveLength(1);
  });

  test("a containerd shim has a socket, a log of its own and one that keeps its output", async (context) => {
    const runtime = core.system.info.value.runtimes.find(
      ({ id, usable }) => id === "shim/io.containerd.runc.v2" && usable.ok,
    );
    if (!runtime) context.skip("no containerd shim is usable here");
    const id = await start("v2", runtime?.id);
    const shim = await vi.waitFor(() => shimOf(id));
    expect(shim).toMatchObject({
      ...{ kind: "containerd-shim-runc-v2", status: "alive" },
      address: expect.stringContaining("/s/"),
      processes: [{ role: "shim" }, { role: "log", process: "init" }],
    });
    expect((await core.shims.log(shim.id)).path).toBe(join(shim.bundle, "log"));
    await core.shims.terminate(shim.id);
    await vi.waitFor(async () => expect((await shimOf(id)).status).toBe("lost"));
  });

  test("one that several share is told with each of them, and is lost to all", async (context) => {
    const runtime = core.system.info.value.runtimes.find(({ abilities }) => abilities.shareShim.ok);
    if (!runtime?.usable.ok) context.skip("no shim holds several containers here");
    const ids = [await start("a", runtime?.id, "pair"), await start("b", runtime?.id, "pair")];
    const third = await start("c", runtime?.id, "pair");
    const sharers = async (id: string): Promise<string[]> => (await shimOf(id)).sharedWith ?? [];
    const keys = [...ids, third].map((id) => `default/${id}`).sort();
    for (const id of [...ids, third]) {
      const others = keys.filter((key) => key !== `default/${id}`);
      await vi.waitFor(async () => expect(await sharers(id)).toEqual(others));
    }
    await core.containers.delete(third, true);
    for (const id of ids) await vi.waitFor(async () => expect(await sharers(id)).toHaveLength(1));
    const [one, two] = [await shimOf(ids[0] ?? ""), await shimOf(ids[1] ?? "")];
    expect(one.processes[0]).toEqual(two.processes[0]);
    await core.shims.terminate(two.id);
    for (const id of ids) {
      await vi.waitFor(async () => expect((await shimOf(id)).status).toBe("lost"));
    }
  });

  test("of one kind can't be shared, which is said where a container would", async () => {
    const runtime = core.system.info.value.runtimes.find(
      ({ abilities }) => !abilities.shareShim.ok,
    );
    await expect(start("x", runtime?.id, "pair")).rejects.toMatchObject({
      ...{ code: "INVALID_ARGUMENT", message: expect.stringContaining("share a shim") },
      details: { field: "shimGroup", hint: expect.any(String) },
    });
  });
});
