import { mkdtemp, mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Extension, ExtensionManifest } from "#shared/contract/extensions";
import { type Core, createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { isAlive, processStat } from "../host/proc.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

const shipped = join(import.meta.dirname, "../../../extensions");
const uid = process.getuid?.() ?? 0;
let root: string;
let core: Core;

const open = async (): Promise<Core> => {
  const opened = await createCore({
    paths: resolvePaths({}, uid, "/root", join(root, "home")),
    ...{ version: "0.0.0", kind: "test", shippedExtensions: shipped },
  });
  await opened.ready;
  await vi.waitFor(() => expect(opened.system.info.value.probing).toBe(false), { timeout: 60_000 });
  return opened;
};

const find = (id: string): Extension => {
  const found = core.extensions.list().find((extension) => extension.id === id);
  if (!found) throw new Error(`no extension ${id}`);
  return found;
};

/** An extension of the starter image, as somebody would write one. */
async function write(name: string, more: Partial<ExtensionManifest> = {}): Promise<string> {
  const directory = join(root, name);
  await mkdir(directory, { recursive: true });
  const manifest = {
    ...{ manifest: 1, name, title: name, version: "1", description: "A test's", restart: "always" },
    ...{
      image: { kind: "starter" },
      command: ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"],
      permissions: [],
    },
    ...{ actions: [{ id: "cat", title: "Show its input", command: ["/bin/cat"] }] },
    ...more,
  };
  await writeFile(join(directory, "extension.json"), JSON.stringify(manifest));
  return directory;
}

async function install(path: string, enable = true): Promise<string> {
  const { digest, manifest } = await core.extensions.inspect(path);
  const { id } = await core.extensions.install(
    { path, digest, grants: manifest.permissions },
    enable,
  );
  return id;
}

async function container(name: string): Promise<string> {
  const image = await core.images.ensureStarter();
  const { id } = await core.containers.create(
    {
      ...{ name, imageId: image.id, args: ["sh", "-c", "head -c 65536 /dev/zero > /f; sleep 999"] },
      ...{ env: [], terminal: false, limits: {}, restart: { name: "no" }, labels: {} },
    },
    true,
  );
  return id;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-extensions-"));
  await rememberHost(resolvePaths({}, uid, "/root", join(root, "home")));
  core = await open();
});
afterEach(async () => {
  for (const { id } of core.extensions.list()) await core.extensions.remove(id);
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
  expect(core.tasks.list()).toEqual([]);
});
afterAll(async () => {
  await core.close();
  await removeTree(root, choosePrivileges());
});

test("one that is enabled before the manager knows what there is runs once it does", async () => {
  const id = await install(await write("early"), false);
  await core.close();
  core = await createCore({
    paths: resolvePaths({}, uid, "/root", join(root, "home")),
    ...{ version: "0.0.0", kind: "test", shippedExtensions: shipped },
  });
  await core.extensions.enable(id);
  await core.ready;
  expect(find(id).state.status).toBe("running");
});

test("the one that comes with it serves its panel, and answers an action with a container's disk use", async () => {
  const [candidate] = await core.extensions.shipped();
  const id = await install(candidate?.path ?? "");
  expect(find(id)).toMatchObject({ enabled: true, state: { status: "running", restarts: 0 } });
  const { url } = await core.extensions.panel(id);
  const page = await fetch(url);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('<script src="panel.js">');
  const policy = page.headers.get("content-security-policy");
  expect(policy).toContain("sandbox allow-scripts;");
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("connect-src");
  const script = await fetch(`${url}panel.js`);
  expect(script.headers.get("content-type")).toContain("javascript");
  expect((await fetch(`${url}none`)).status).toBe(404);
  expect((await fetch(new URL("/", url))).status).toBe(404);
  const containerId = await container("web");
  await vi.waitFor(async () => {
    const [use] = (await core.extensions.call(id, { method: "containers.diskUse" })) as {
      files: number;
    }[];
    expect(use?.files).toBeGreaterThanOrEqual(65_536);
  });
  const result = await core.extensions.runAction({ id, action: "show", containerId });
  expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^web\n.*files/) });
});

test("what was not granted is refused; a permission that was not asked for can't be granted", async () => {
  const id = await install(await write("asks", { permissions: ["containers.list"] }));
  expect(await core.extensions.call(id, { method: "containers.list" })).toEqual([]);
  await expect(core.extensions.call(id, { method: "images.list" })).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
  await expect(core.extensions.setGrants(id, ["images.list"])).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  await core.extensions.setGrants(id, []);
  await expect(core.extensions.call(id, { method: "containers.list" })).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
});

test("its container has no network, no capabilities and its own namespace, and is in no list of the user's", async () => {
  const id = await install(await write("bare"));
  const { pid } = find(id).state;
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  expect(/CapEff:\s+(\w+)/.exec(status)?.[1]).toBe("0000000000000000");
  expect(/CapBnd:\s+(\w+)/.exec(status)?.[1]).toBe("0000000000000000");
  expect(/NoNewPrivs:\s+1/.test(status)).toBe(true);
  const routes = await readFile(`/proc/${pid}/net/dev`, "utf8");
  expect(routes.split("\n").filter((line) => line.includes(":"))).toHaveLength(1);
  expect(await core.containers.list()).toEqual([]);
});

test("who watches sees the end of one that ends by itself", async () => {
  const id = await install(await write("watched", { restart: "no" }));
  const watching = new AbortController();
  const seen: (string | undefined)[] = [];
  const watched = (async () => {
    for await (const { put } of core.extensions.watch(watching.signal)) {
      seen.push(...put.map(({ state }) => state.status));
      if (seen.at(-1) === "stopped") return;
    }
  })();
  await vi.waitFor(() => expect(seen).toEqual(["running"]));
  process.kill(find(id).state.pid ?? 0, "SIGKILL");
  await watched;
  watching.abort();
  expect(find(id).state).toMatchObject({ status: "stopped", lastExit: { code: 137 } });
});

test("one that ends is started again, later each time; its last exit is told", async () => {
  const id = await install(
    await write("ends", { command: ["/bin/sh", "-c", "sleep 0.2; exit 3"] }),
  );
  await vi.waitFor(() => expect(find(id).state.restarts).toBeGreaterThanOrEqual(2), 20_000);
  expect(find(id).state.lastExit).toMatchObject({ code: 3 });
  await core.extensions.disable(id);
  expect(find(id).state.status).toBe("disabled");
  expect(core.tasks.list()).toEqual([]);
});

test("one whose policy wants no restart stays stopped", async () => {
  const command = ["/bin/sh", "-c", "exit 0"];
  const id = await install(await write("once", { command, restart: "on-failure" }));
  await vi.waitFor(() => expect(find(id).state.status).toBe("stopped"), 20_000);
  expect(core.tasks.list()).toEqual([]);
});

test("a start that fails leaves nothing of it, and an installation nothing at all", async () => {
  const path = await write("fails", { command: ["/no/such/thing"] });
  await expect(install(path)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(core.extensions.list()).toEqual([]);
  const id = await install(path, false);
  await expect(core.extensions.enable(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(find(id)).toMatchObject({ enabled: false, state: { error: { code: "NOT_FOUND" } } });
  expect(core.tasks.list()).toEqual([]);
});

test("a manifest that was changed after it was looked at is not installed", async () => {
  const path = await write("changed");
  const { digest } = await core.extensions.inspect(path);
  await write("changed", { permissions: ["containers.control"] });
  await expect(core.extensions.install({ path, digest, grants: [] }, true)).rejects.toMatchObject({
    code: "ABORTED",
  });
  await writeFile(join(path, "extension.json"), '{"manifest":1,"nam":"x"}');
  await expect(core.extensions.inspect(path)).rejects.toMatchObject({
    ...{ code: "INVALID_ARGUMENT", details: { field: "path" } },
  });
});

test("goes on when the manager is closed, and is taken over by the next; one that ended meanwhile is started", async () => {
  const [stays, dies] = [await install(await write("stays")), await install(await write("dies"))];
  const pid = find(stays).state.pid as number;
  const other = find(dies).state.pid as number;
  await core.close();
  const before = await processStat(pid);
  expect(before && (await isAlive({ pid, startTime: before.startTime }))).toBe(true);
  process.kill(other, "SIGKILL");
  core = await open();
  await vi.waitFor(() => expect(find(dies).state.status).toBe("running"), 20_000);
  expect(find(stays).state).toMatchObject({ status: "running", pid });
  expect(find(dies).state.pid).not.toBe(other);
  expect(find(dies).state.lastExit).toMatchObject({ code: 137 });
});

test("what is left of one that nobody knows is removed at the next start", async () => {
  const id = await install(await write("known"));
  const task = core.tasks.get("extensions", id);
  expect(task?.state.status).toBe("running");
  const image = find(id).image?.id ?? "";
  await expect(core.images.delete(image)).rejects.toMatchObject({
    message: expect.stringContaining("the extension known"),
  });
  await core.close();
  const { Store } = await import("../store/store.ts");
  const { z } = await import("zod");
  const store = await Store.open(join(root, "home/data/meta"));
  await store.collection("extensions", z.unknown()).remove(id);
  await store.close();
  core = await open();
  await vi.waitFor(() => expect(core.tasks.list()).toEqual([]), 20_000);
});
