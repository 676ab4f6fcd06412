import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, symlink, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type Paths, elsewhereDir, resolvePaths } from "#core/host/paths";
import { choosePrivileges } from "#core/host/privileges";
import { AsyncQueue } from "#shared/base/async-queue";
import type { Place, RemoteContainer } from "#shared/contract/remotes";
import type { TerminalInput } from "#shared/contract/terminals";
import { TestDockerd } from "../runtime/containerd/testing-docker.ts";
import { TestContainerd } from "../runtime/containerd/testing.ts";
import { TaskManager } from "../runtime/manager.ts";
import { RuntimeRegistry } from "../runtime/plugin.ts";
import { Store } from "../store/store.ts";
import { TerminalService } from "../terminals/terminal-service.ts";
import { Places } from "./places.ts";
import { RemoteService } from "./remote-service.ts";
import { Visits } from "./visits.ts";

const run = promisify(execFile);

/** Why these can't be run here; undefined when they can. */
function lacks(...programs: string[]): string | undefined {
  if (process.getuid?.() !== 0) return "only root can start them";
  return programs.find((program) => {
    try {
      execFileSync("which", [program]);
      return false;
    } catch {
      return true;
    }
  });
}

/** A list as a watcher knows it, kept for as long as the test needs. */
function follow<T extends { id: string }>(
  open: (signal: AbortSignal) => AsyncIterable<{ reset: boolean; put: T[]; removed: string[] }>,
): { items: Map<string, T>; stop: () => Promise<void> } {
  const abort = new AbortController();
  const items = new Map<string, T>();
  const ended = (async () => {
    for await (const { reset, put, removed } of open(abort.signal)) {
      if (reset) items.clear();
      for (const id of removed) items.delete(id);
      for (const item of put) items.set(item.id, item);
    }
  })();
  return {
    items,
    stop: async () => {
      abort.abort();
      await ended;
    },
  };
}

/** A docker archive of a busybox, as `ctr images import` takes it. */
async function busyboxArchive(directory: string): Promise<{ archive: string; layer: string }> {
  const rootfs = join(directory, "rootfs");
  await mkdir(join(rootfs, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(rootfs, "bin/busybox"));
  for (const name of ["sh", "sleep", "echo", "id"])
    await symlink("busybox", join(rootfs, "bin", name));
  const image = join(directory, "image");
  await mkdir(image);
  const layer = join(image, "layer.tar");
  await run("tar", ["-C", rootfs, "-cf", layer, "."]);
  const digest = createHash("sha256")
    .update(await readFile(layer))
    .digest("hex");
  const config = {
    ...{ architecture: process.arch === "x64" ? "amd64" : process.arch, os: "linux", config: {} },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
  };
  await writeFile(join(image, "config.json"), JSON.stringify(config));
  const manifest = [{ Config: "config.json", RepoTags: ["test/box:1"], Layers: ["layer.tar"] }];
  await writeFile(join(image, "manifest.json"), JSON.stringify(manifest));
  const archive = join(directory, "image.tar");
  await run("tar", ["-C", image, "-cf", archive, "."]);
  return { archive, layer };
}

const missing = lacks("containerd", "ctr");

describe.skipIf(missing)(`a containerd${missing ? ` (skipped: ${missing})` : ""}`, () => {
  let containerd: TestContainerd;
  let root: string;
  let socket: string;
  let paths: Paths;
  let store: Store;
  let visits: Visits;
  let remotes: RemoteService;
  let places: ReturnType<typeof follow<Place>>;
  let list: ReturnType<typeof follow<RemoteContainer>>;

  const ctr = async (...args: string[]): Promise<string> =>
    containerd.ctr("--namespace", "test", ...args);

  const container = (id: string): RemoteContainer => {
    const found = list.items.get(`${socket} test ${id}`);
    if (!found) throw new Error(`no container ${id}`);
    return found;
  };
  const becomes = (id: string, status: RemoteContainer["status"]): Promise<void> =>
    vi.waitFor(() => expect(container(id).status).toBe(status), { timeout: 20_000 });

  beforeAll(async () => {
    containerd = await TestContainerd.start();
    ({ directory: root, socket } = containerd);
    paths = resolvePaths({}, 0, "/", join(root, "shimyard"));
    const { archive } = await busyboxArchive(root);
    await ctr("images", "import", archive);
    store = await Store.open(join(root, "meta"));
    visits = new Visits({ paths, privileges: choosePrivileges() });
    remotes = new RemoteService(new Places(store, [socket]), visits);
    places = follow((signal) => remotes.watchPlaces(signal));
    list = follow((signal) => remotes.watch(signal));
    await vi.waitFor(() => expect(places.items.get(socket)?.status).toBe("connected"), 10_000);
  });

  afterEach(async () => {
    if (!containerd.runs) await containerd.start();
    for (const id of (await ctr("containers", "ls", "-q")).split("\n").filter(Boolean)) {
      await ctr("tasks", "rm", "--force", id).catch(() => undefined);
      await ctr("containers", "rm", id);
    }
    await remotes.allowDelete(socket, "test", false);
    await vi.waitFor(() => expect(list.items.size).toBe(0), 20_000);
    // What was ours in them goes with them.
    await vi.waitFor(async () =>
      expect(await readdir(elsewhereDir(paths)).catch(() => [])).toEqual([]),
    );
  });

  afterAll(async () => {
    await Promise.all([places.stop(), list.stop()]);
    remotes.dispose();
    visits.dispose();
    await store.close();
    await containerd.close(["test"]);
  });

  const image = "docker.io/test/box:1";
  const loop = ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"];

  test("is found, with its version and namespaces", () => {
    expect(places.items.get(socket)).toMatchObject({
      ...{ found: true, version: expect.stringMatching(/^v?\d/) },
      namespaces: [{ name: "test", owner: "other", deletable: false }],
    });
  });

  test("what is made by others appears, changes and goes as they do it", async () => {
    await ctr("run", "--detach", "--label", "nerdctl/name=web", image, "theirs", ...loop);
    await becomes("theirs", "running");
    expect(container("theirs")).toMatchObject({ name: "web", image });
    expect(container("theirs").runtime).toBe("io.containerd.runc.v2");
    expect(container("theirs").pid).toBeGreaterThan(1);
    await ctr("tasks", "pause", "theirs");
    await becomes("theirs", "paused");
    await ctr("tasks", "resume", "theirs");
    await becomes("theirs", "running");
    await ctr("tasks", "kill", "--signal", "SIGKILL", "theirs");
    await becomes("theirs", "exited");
    expect(container("theirs").exitCode).toBe(137);
    await ctr("tasks", "rm", "theirs");
    await becomes("theirs", "none");
    await ctr("containers", "rm", "theirs");
    await vi.waitFor(() => expect(list.items.size).toBe(0), 10_000);
  });

  test("one is paused, resumed, stopped, started again and killed from here", async () => {
    await ctr("run", "--detach", image, "ours", ...loop);
    await becomes("ours", "running");
    const { id, pid } = container("ours");
    expect(JSON.parse(remotes.inspect(id).spec ?? "")).toMatchObject({ process: { args: loop } });
    await remotes.pause(id);
    await becomes("ours", "paused");
    await remotes.resume(id);
    await becomes("ours", "running");
    await expect(remotes.start(id)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    await remotes.stop(id);
    await becomes("ours", "exited");
    expect(container("ours").exitCode).toBe(5);
    await remotes.start(id);
    await becomes("ours", "running");
    expect(container("ours").pid).not.toBe(pid);
    await remotes.kill(id, "SIGKILL");
    await becomes("ours", "exited");
    await expect(remotes.delete(id)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    await remotes.allowDelete(socket, "test", true);
    await vi.waitFor(() =>
      expect(places.items.get(socket)?.namespaces).toMatchObject([{ deletable: true }]),
    );
    await remotes.start(id);
    // Right away: what is shown says still that it has ended.
    await remotes.delete(id);
    await vi.waitFor(() => expect(list.items.size).toBe(0), 10_000);
  });

  test("a frozen one is stopped as it wants to be", async () => {
    await ctr("run", "--detach", image, "frozen", ...loop);
    await becomes("frozen", "running");
    await remotes.pause(container("frozen").id);
    await becomes("frozen", "paused");
    await remotes.stop(container("frozen").id);
    await becomes("frozen", "exited");
    expect(container("frozen").exitCode).toBe(5);
  });

  test("what was started from here has its output kept, and a terminal where it was made with one", async () => {
    await ctr("containers", "create", "--tty", image, "tty", "/bin/sh");
    await ctr("containers", "create", image, "plain", "/bin/echo", "hello");
    await becomes("tty", "none");
    await becomes("plain", "none");
    expect(container("plain")).toMatchObject({ hasLog: false, attachable: false });
    await remotes.start(container("plain").id);
    await becomes("plain", "exited");
    await vi.waitFor(() =>
      expect(container("plain")).toMatchObject({ exitCode: 0, hasLog: true, attachable: false }),
    );
    const log = remotes.logPath(container("plain").ref) ?? "";
    await vi.waitFor(async () => expect(await readFile(log, "utf8")).toContain("hello"));
    await remotes.start(container("tty").id);
    await becomes("tty", "running");
    await vi.waitFor(() =>
      expect(container("tty")).toMatchObject({ hasLog: true, attachable: true }),
    );
    const init = (await remotes.find(container("tty").ref))?.process("init");
    const input = await init?.openInput();
    await input?.write(Buffer.from("echo $((6*7)); exit 4\r"));
    expect(await init?.wait()).toMatchObject({ code: 4 });
    input?.dispose();
    expect(await readFile(init?.logPath ?? "", "utf8")).toContain("42");
    await remotes.allowDelete(socket, "test", true);
    for (const id of ["tty", "plain"]) await remotes.delete(container(id).id);
    expect(await readdir(elsewhereDir(paths))).toEqual([]);
  });

  test("has terminals, which are there again after a restart", async () => {
    await ctr("run", "--detach", image, "shell", ...loop);
    await becomes("shell", "running");
    const { ref: containerId } = container("shell");
    const tasks = new TaskManager({ paths, registry: new RuntimeRegistry() });
    const options = { tasks, namespace: "default" };
    const before = new TerminalService({ ...options, elsewhere: remotes });
    const size = { cols: 80, rows: 24 };
    const { id } = await before.exec({ containerId, args: [], user: "7:8", ...size });
    const other = await before.exec({ containerId, args: ["sleep", "98"], ...size });
    const use = await remotes.watchUse(container("shell").id, new AbortController().signal).next();
    expect(use.value?.processes.map(({ role }) => role)).toContain(other.id);
    before.dispose();
    const again = new Visits({ paths, privileges: choosePrivileges() });
    const later = new RemoteService(new Places(store, [socket]), again);
    const service = new TerminalService({ ...options, elsewhere: later });
    await service.load();
    const abort = new AbortController();
    const listed = (await service.watch(abort.signal).next()).value?.put ?? [];
    expect(listed).toContainEqual(
      expect.objectContaining({ id, containerId, containerName: "shell", status: "running" }),
    );
    expect(listed).toHaveLength(2);
    const up = new AsyncQueue<TerminalInput>();
    up.push({ type: "input", bytes: Buffer.from("echo $((6*7)) $$; id -u\r") });
    let text = "";
    for await (const item of service.connect({ id }, up, { signal: abort.signal })) {
      if (item.type === "data") text += Buffer.from(item.bytes).toString();
      if (text.includes("42 ") && text.includes("\r\n7\r\n")) break;
    }
    for (const each of listed) await service.close({ id: each.id });
    await vi.waitFor(async () => expect(await readdir(elsewhereDir(paths))).toEqual([]));
    expect(container("shell").status).toBe("running");
    for (const each of [service, tasks, later, again]) each.dispose();
  });

  test("is checkpointed while it runs on, where criu works", async (context) => {
    const criu = process.env.SHIMYARD_CRIU ?? "criu";
    const works = await run(criu, ["check"]).then(
      () => true,
      () => false,
    );
    if (!works) context.skip("criu does not work here");
    await ctr("run", "--detach", image, "frozen", ...loop);
    await becomes("frozen", "running");
    const { id } = container("frozen");
    const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
    await remotes.checkpoint(id, "first", options);
    expect(container("frozen").status).toBe("running");
    await expect(remotes.checkpoint(id, "first", options)).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
    });
    const [found] = await remotes.checkpoints(id);
    expect(found).toMatchObject({ name: "first" });
    expect(await readdir(found?.path ?? "")).toContain("inventory.img");
    await remotes.deleteCheckpoint(id, "first");
    expect(await remotes.checkpoints(id)).toEqual([]);
    expect(await readdir(elsewhereDir(paths))).toEqual([]);
  });

  test("a namespace appears and goes as it is made and removed", async () => {
    const names = (): string[] =>
      places.items.get(socket)?.namespaces.map(({ name }) => name) ?? [];
    await ctr("namespaces", "create", "another");
    await vi.waitFor(() => expect(names()).toContain("another"), 10_000);
    await ctr("namespaces", "remove", "another");
    await vi.waitFor(() => expect(names()).toEqual(["test"]), 10_000);
  });

  test("tells what one uses and its processes, and ends with it", async () => {
    await ctr("run", "--detach", image, "used", ...loop);
    await becomes("used", "running");
    const { id, pid } = container("used");
    const abort = new AbortController();
    const samples = remotes.watchUse(id, abort.signal);
    const first = await samples.next();
    expect(first.value?.processes).toContainEqual(
      expect.objectContaining({ pid, role: "init", args: loop, user: "0" }),
    );
    const second = await samples.next();
    expect(second.value?.sample?.cpu).toBeGreaterThanOrEqual(0);
    expect(second.value?.sample?.memory).toBeGreaterThan(0);
    await remotes.kill(id, "9");
    await becomes("used", "exited");
    await vi.waitFor(async () => expect((await samples.next()).done).toBe(true), 20_000);
  });

  test("when it goes that is said, and it comes back by itself with what is in it", async () => {
    await ctr("run", "--detach", image, "stays", ...loop);
    await becomes("stays", "running");
    const { id } = container("stays");
    await containerd.stop();
    await vi.waitFor(() => expect(places.items.get(socket)?.status).toBe("away"), 20_000);
    expect(places.items.get(socket)?.error?.code).toBe("UNAVAILABLE");
    expect(list.items.size).toBe(0);
    await expect(remotes.pause(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await containerd.start();
    await becomes("stays", "running");
    expect(places.items.get(socket)?.status).toBe("connected");
  });

  test("a place where nobody answers can't be added; one that was added is kept", async () => {
    await expect(remotes.add(join(root, "none.sock"))).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    await remotes.add(socket);
    const again = new RemoteService(new Places(store, []), visits);
    const kept = follow((signal) => again.watchPlaces(signal));
    await vi.waitFor(() => expect(kept.items.get(socket)?.status).toBe("connected"), 20_000);
    await kept.stop();
    again.dispose();
    await remotes.forget(socket);
  });
});

const noDocker = lacks("dockerd", "docker");

describe.skipIf(noDocker)(`docker's containerd${noDocker ? ` (skipped: ${noDocker})` : ""}`, () => {
  test("shows docker's containers under docker's name; docker sees what is done; nothing is deleted", async () => {
    const dockerd = await TestDockerd.start();
    const { socket, directory: root } = dockerd;
    const store = await Store.open(join(root, "meta"));
    const context = { paths: resolvePaths({}, 0, "/", root), privileges: choosePrivileges() };
    const visits = new Visits(context);
    const remotes = new RemoteService(new Places(store, [socket]), visits);
    const places = follow((signal) => remotes.watchPlaces(signal));
    const list = follow((signal) => remotes.watch(signal));
    try {
      const { layer } = await busyboxArchive(root);
      await dockerd.docker("import", layer, "box");
      const id = await dockerd.docker("run", "-d", "--network=none", "box", "/bin/sleep", "1000");
      const key = `${socket} moby ${id}`;
      await vi.waitFor(() => expect(list.items.get(key)?.status).toBe("running"), 20_000);
      expect(list.items.get(key)).toMatchObject({ namespace: "moby", name: id.slice(0, 12) });
      await vi.waitFor(() =>
        expect(places.items.get(socket)?.namespaces).toContainEqual({
          ...{ name: "moby", owner: "docker", deletable: false },
        }),
      );
      const tasks = new TaskManager({ paths: context.paths, registry: new RuntimeRegistry() });
      const terminals = new TerminalService({ tasks, namespace: "default", elsewhere: remotes });
      const containerId = list.items.get(key)?.ref ?? "";
      const size = { cols: 80, rows: 24 };
      const terminal = await terminals.exec({ containerId, args: ["sleep", "99"], ...size });
      expect(await dockerd.docker("top", id)).toContain("sleep 99");
      await terminals.close({ id: terminal.id });
      expect(await dockerd.docker("top", id)).not.toContain("sleep 99");
      terminals.dispose();
      tasks.dispose();
      await expect(remotes.delete(key)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
      await remotes.pause(key);
      await vi.waitFor(async () =>
        expect(await dockerd.docker("inspect", "--format={{.State.Status}}", id)).toBe("paused"),
      );
      await remotes.resume(key);
      await remotes.kill(key, "SIGKILL");
      await vi.waitFor(async () =>
        expect(await dockerd.docker("inspect", "--format={{.State.ExitCode}}", id)).toBe("137"),
      );
      // docker removes an ended container's record from containerd, and keeps its own.
      await vi.waitFor(() => expect(list.items.has(key)).toBe(false), 20_000);
      await dockerd.docker("rm", "--force", id);
    } finally {
      await Promise.all([places.stop(), list.stop()]);
      remotes.dispose();
      visits.dispose();
      await store.close();
      await dockerd.close();
    }
  });
});
