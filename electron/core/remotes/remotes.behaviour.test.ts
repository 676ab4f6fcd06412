import { execFile } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type Paths, elsewhereDir, resolvePaths } from "#core/host/paths";
import { choosePrivileges } from "#core/host/privileges";
import { AsyncQueue } from "#shared/base/async-queue";
import type { Place, RemoteContainer } from "#shared/contract/remotes";
import type { TerminalInput } from "#shared/contract/terminals";
import { TestContainerd, lacks } from "../runtime/containerd/testing.ts";
import { GrpcChannel } from "../runtime/containerd/grpc.ts";
import {
  ContainerResponseSchema,
  CreateContainerRequestSchema,
} from "../runtime/containerd/proto/containerd_pb.ts";
import { LogService } from "../logs/log-service.ts";
import { TaskManager } from "../runtime/manager.ts";
import { RuntimeRegistry } from "../runtime/plugin.ts";
import { Store } from "../store/store.ts";
import { TerminalService } from "../terminals/terminal-service.ts";
import { Places } from "./places.ts";
import { RemoteService } from "./remote-service.ts";
import { busyboxArchive, follow } from "./testing.ts";
import { Visits } from "./visits.ts";

const run = promisify(execFile);

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

  test("the log that a kubelet keeps is read where its containerd names it", async () => {
    const path = join(root, "0.log");
    await writeFile(path, "2026-11-24T09:00:00.000000000Z stdout F from the kubelet\n");
    const channel = await GrpcChannel.open(socket);
    const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
    await channel.call(
      "/containerd.services.containers.v1.Containers/Create",
      [
        CreateContainerRequestSchema,
        {
          container: {
            ...{ id: "pod", runtime: { name: "io.containerd.runc.v2" } },
            spec: { typeUrl: "types.containerd.io/Spec", value: json({ ociVersion: "1.0.2" }) },
            labels: { "io.kubernetes.pod.name": "web-0", "io.kubernetes.container.name": "app" },
            // As containerd's CRI plugin notes it.
            extensions: {
              "io.cri-containerd.container.metadata": {
                typeUrl: "github.com/containerd/cri/pkg/store/container/Metadata",
                value: json({ Version: "v1", Metadata: { LogPath: path } }),
              },
            },
          },
        },
      ],
      ContainerResponseSchema,
      { namespace: "test" },
    );
    channel.close();
    await becomes("pod", "none");
    const { name, hasLog, ref } = container("pod");
    expect({ name, hasLog }).toEqual({ name: "web-0/app", hasLog: true });
    const logs = new LogService({ logPath: (id) => remotes.logPath(id) });
    const { lines } = await logs.read({ id: ref, from: 0, count: 10 });
    expect(lines.map(({ text }) => text)).toEqual(["from the kubelet"]);
    logs.dispose();
  });

  test("what is Shimyard's own is shown as that, and left to the list it is in", async () => {
    const own = (...args: string[]): Promise<string> =>
      containerd.ctr("--namespace", "shimyard", ...args);
    await own("containers", "create", "--rootfs", join(root, "rootfs"), "mine", "/bin/sleep", "9");
    const id = `${socket} shimyard mine`;
    await vi.waitFor(() => expect(list.items.has(id)).toBe(true), 10_000);
    await vi.waitFor(() =>
      expect(places.items.get(socket)?.namespaces).toContainEqual({
        ...{ name: "shimyard", owner: "shimyard", deletable: false },
      }),
    );
    await remotes.allowDelete(socket, "shimyard", true);
    for (const refused of [remotes.start(id), remotes.delete(id)]) {
      await expect(refused).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    }
    await own("containers", "rm", "mine");
    await containerd.ctr("namespaces", "remove", "shimyard");
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
    // At first it may be the runtime still that is about to become it.
    await vi.waitFor(async () => {
      const { value } = await samples.next();
      expect(value?.processes).toContainEqual(
        expect.objectContaining({ pid, role: "init", args: loop, user: "0" }),
      );
    }, 20_000);
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
