import { execFile } from "node:child_process";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import { defaultNamespace } from "../base/ids.ts";
import { type Core, createCore } from "../core.ts";
import { containerDir, resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

const run = promisify(execFile);
const patience = { timeout: 15_000, interval: 20 };
let root: string;
let core: Core;
let imageId: string;
const paths = () => resolvePaths({}, 0, "/root", root);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-next-"));
  await rememberHost(paths());
  core = await createCore({ paths: paths(), version: "0.0.0", kind: "test" });
  await core.ready;
  imageId = (await core.images.ensureStarter()).id;
});
afterEach(async () => {
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
  await core.close();
  await removeTree(root, choosePrivileges());
});

let count = 0;
async function create(more: Partial<ContainerConfig> = {}): Promise<string> {
  count += 1;
  const { id } = await core.containers.create(
    {
      ...{ name: `next-${count}`, imageId, args: ["sh", "-c", "echo here; exec sleep 1000"] },
      ...{ env: [], terminal: false, limits: {}, restart: { name: "no" }, labels: {}, ...more },
    },
    true,
  );
  return id;
}

/** The ids that have directories and belong to no container. */
async function places(): Promise<string[]> {
  const ids = await readdir(dirname(containerDir(paths(), defaultNamespace, "id")));
  return ids.filter((id) => !core.containers.records.find(id));
}

/** Waits for the one that is made ready; its shim, too. */
const ready = (): Promise<string> =>
  vi.waitFor(async () => {
    const [id = ""] = await places();
    expect(await processes(id)).not.toEqual([]);
    expect(await readdir(containerDir(paths(), defaultNamespace, id))).toContain("log");
    return id;
  }, patience);

async function processes(id: string): Promise<number[]> {
  expect(id).not.toBe("");
  const { stdout } = await run("pgrep", ["-f", id]).catch(() => ({ stdout: "" }));
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** That it runs and is read from like any other. */
async function expectWhole(id: string): Promise<void> {
  expect(core.containers.lifecycle.task(id)?.state.status).toBe("running");
  await vi.waitFor(async () => {
    const { lines } = await core.logs.read({ id, from: 0, count: 1 });
    expect(lines).toMatchObject([{ text: "here" }]);
  }, patience);
  const { exitCode } = await core.containers.exec(id, { args: ["test", "-x", "/bin/busybox"] });
  expect(exitCode).toBe(0);
}

test("the next container is the one that was made ready, of each kind", async () => {
  await create();
  const id = await ready();
  const [waiting = 0] = await processes(id);
  const namespace = await readlink(`/proc/${waiting}/ns/mnt`);
  expect(await create()).toBe(id);
  const shim = core.containers.lifecycle.task(id)?.shim.pid;
  expect(await readlink(`/proc/${shim}/ns/mnt`)).toBe(namespace);
  await expectWhole(id);
  const other = await create({ terminal: true });
  expect(await places()).not.toContain(other);
  await core.containers.delete(id, true);
  expect(await processes(id)).toEqual([]);
});

test("what is made ready has no task, is listed nowhere, and goes when the manager goes", async () => {
  const first = await create();
  const id = await ready();
  expect((await core.containers.list()).map((container) => container.id)).toEqual([first]);
  expect(core.tasks.list().map((task) => task.id)).toEqual([first]);
  await core.close();
  expect(await places()).toEqual([]);
  await vi.waitFor(async () => expect(await processes(id)).toEqual([]), patience);
  core = await createCore({ paths: paths(), version: "0.0.0", kind: "test" });
  await core.ready;
});

test("one whose shim was killed while it waited is made in the ordinary way", async () => {
  await create();
  const id = await ready();
  for (const pid of await processes(id)) process.kill(pid, "SIGKILL");
  await vi.waitFor(async () => expect(await processes(id)).toEqual([]), patience);
  const other = await create();
  expect(other).not.toBe(id);
  await expectWhole(other);
  await vi.waitFor(async () => expect(await places()).not.toContain(id), patience);
});

test("a runtime that is upgraded while one waits is the new one from the next container on", async () => {
  const { path: runtime } = core.system.runtime(core.system.chooseRuntime(undefined));
  await core.close();
  const PATH = process.env.PATH;
  const bin = join(root, "bin");
  const program = join(bin, basename(runtime));
  const calls = join(root, "calls");
  await mkdir(bin);
  await copyFile(runtime, program);
  process.env.PATH = `${bin}:${PATH}`;
  try {
    core = await createCore({ paths: paths(), version: "0.0.0", kind: "test" });
    await core.ready;
    const first = await create();
    const waiting = await ready();
    const upgraded = `#!/bin/sh\necho "$*" >>${calls}\nexec ${runtime} "$@"\n`;
    await writeFile(`${program}.new`, upgraded, { mode: 0o755 });
    await rename(`${program}.new`, program);
    const second = await create();
    expect(second).not.toBe(waiting);
    expect(await readFile(calls, "utf8")).toContain(second);
    await vi.waitFor(async () => {
      expect(await places()).not.toContain(waiting);
      expect(await processes(waiting)).toEqual([]);
    }, patience);
    const next = await ready();
    expect(await create()).toBe(next);
    expect(await readFile(calls, "utf8")).toContain(next);
    for (const id of [first, second, next]) await expectWhole(id);
  } finally {
    process.env.PATH = PATH;
  }
});

test("a mount that came meanwhile is seen by who looks there, and keeps nobody else from what is ready", async (context) => {
  if (choosePrivileges().rootless) context.skip("only root can mount something");
  await create();
  const first = await ready();
  const seen = join(root, "mounted");
  await mkdir(seen);
  await run("mount", ["-t", "tmpfs", "tmpfs", seen]);
  try {
    await writeFile(join(seen, "mark"), "marked");
    expect(await create()).toBe(first);
    await run("umount", [seen]);
    const second = await ready();
    const [waiting] = await processes(second);
    await run("mount", ["-t", "tmpfs", "tmpfs", seen]);
    await writeFile(join(seen, "mark"), "marked");
    const mounts = [{ type: "bind" as const, source: seen, target: "/seen", readOnly: true }];
    const other = await create({ mounts });
    const shim = core.containers.lifecycle.task(other)?.shim.pid;
    expect(shim).not.toBe(waiting);
    const { exitCode } = await core.containers.exec(other, { args: ["test", "-f", "/seen/mark"] });
    expect(exitCode).toBe(0);
    await expectWhole(other);
    await core.containers.delete(other, true);
  } finally {
    await run("umount", [seen]);
  }
});

/** An image that is a busybox and a file `/mark`, which says what is given. */
async function importMarked(text = "marked"): Promise<string> {
  const marked = await mkdtemp(join(root, "marked-"));
  await mkdir(join(marked, "bin"));
  await copyFile("/bin/busybox", join(marked, "bin", "busybox"));
  await symlink("busybox", join(marked, "bin", "sh"));
  await writeFile(join(marked, "mark"), text);
  const { id } = await core.images.importDirectory({ path: marked, name: "marked:1" });
  return id;
}

test("what waits is let go of when its image goes, and the image can come again", async () => {
  const marked = await importMarked();
  const ofMarked = await create({ imageId: marked });
  const waiting = await ready();
  await core.containers.delete(ofMarked, true);
  await core.images.delete(marked);
  expect(await processes(waiting)).toEqual([]);
  expect(await places()).toEqual([]);
  const again = await importMarked("marked anew");
  const cat = ["/bin/busybox", "cat", "/mark"];
  for (const _ of [1, 2]) {
    const { stdout } = await core.containers.exec(await create({ imageId: again }), { args: cat });
    expect(String(stdout)).toBe("marked anew");
    await ready();
  }
});

test("what waits with one image's files stays when another image goes", async () => {
  const marked = await importMarked();
  await create();
  const waiting = await ready();
  await core.images.delete(marked);
  expect(await places()).toEqual([waiting]);
  expect(await create()).toBe(waiting);
  await expectWhole(waiting);
});

test("one that has another image's files mounted gets its own", async () => {
  const before = await create();
  const id = await ready();
  const other = await importMarked();
  expect(await create({ imageId: other })).toBe(id);
  const cat = ["/bin/busybox", "cat", "/mark"];
  expect(await core.containers.exec(id, { args: cat })).toMatchObject({ exitCode: 0 });
  const next = await ready();
  expect(await create()).toBe(next);
  await expectWhole(next);
  expect(await core.containers.exec(next, { args: cat })).toMatchObject({ exitCode: 1 });
  expect(await core.containers.exec(before, { args: cat })).toMatchObject({ exitCode: 1 });
});

test("what could not be created leaves nothing of what was made ready", async () => {
  await create();
  const id = await ready();
  await expect(create({ args: ["/no/such/command"] })).rejects.toMatchObject({
    message: expect.stringContaining("/no/such/command"),
  });
  await vi.waitFor(async () => {
    expect(await places()).not.toContain(id);
    expect(await processes(id)).toEqual([]);
  }, patience);
});

test("files that can't be mounted are told of, though the shim was made ready", async (context) => {
  if (choosePrivileges().rootless) context.skip("only root can map ids");
  await chmod(root, 0o711);
  await create();
  await ready();
  // The kernel takes no two maps of one id.
  const uids = [0, 5].map((inside) => ({ inside, outside: 1_900_000_000 + inside, size: 10 }));
  await expect(create({ userns: { uids } })).rejects.toMatchObject({
    details: { output: expect.stringContaining("ids can not be mapped as 0 1900000000 10,5") },
  });
});
