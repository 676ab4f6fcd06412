import { mkdir, readFile, readlink, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findMkfsErofs } from "../host/mkfs-erofs.ts";
import type { Paths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { createOciRuntimes } from "../runtime/oci/plugin.ts";
import type { CreateRequest, Lower, RootfsMount, Task } from "../runtime/runtime.ts";
import { createShimRuntimes } from "../runtime/shim/plugin.ts";
import { Desk, type SuiteSubject } from "../runtime/suite-desk.ts";
import { logText, makeTestRoot, rememberHost, until } from "../runtime/testing.ts";
import { chooseLayerStore } from "./choose-layer-store.ts";
import type { LayerStore } from "./layer-store.ts";
import type { LayerKind } from "./layer.ts";
import { makeLayer } from "./make-layer.ts";
import { archive, member } from "./tar/testing.ts";
import { bytes, packTree } from "./testing.ts";

const privileges = choosePrivileges();
const hasErofs = !privileges.rootless && (await findMkfsErofs()) !== undefined;
const kinds: LayerKind[] = hasErofs ? ["erofs", "directory"] : ["directory"];

const openShims = (paths: Paths) => createShimRuntimes({ paths, privileges, shim: undefined });

const probeRoot = await makeTestRoot();
await rememberHost(probeRoot.paths);
const oci = await createOciRuntimes({ paths: probeRoot.paths, privileges });
const shims = (await openShims(probeRoot.paths)).infos ?? [];
await probeRoot.close();

/** One of each kind that mounts root file systems, on this host's first runtime. */
const subjects: SuiteSubject[] = [];
const first = oci.infos.find(({ usable }) => usable.ok);
if (first) {
  subjects.push({
    info: first,
    runtimes: async ({ paths }) => (await createOciRuntimes({ paths, privileges })).runtimes,
  });
}
const shim = shims.find(({ usable }) => usable.ok);
if (shim) {
  subjects.push({
    info: shim,
    runtimes: async ({ paths }) => (await openShims(paths)).runtimes,
  });
}

/** Whether a loop device has a file below a directory. */
async function devicesOf(directory: string): Promise<boolean> {
  const names = await readdir("/sys/block");
  const files = names.map((name) =>
    readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => ""),
  );
  return (await Promise.all(files)).some((file) => file.startsWith(directory));
}

for (const subject of subjects) {
  describe.each(kinds)(`${subject.info.id} on layers as %s`, (kind) => {
    const desk = new Desk(subject);
    let store: LayerStore;
    /** A layer with what programs there are, and 126 with a file each; base first. */
    let layers: Lower[];

    beforeAll(async () => {
      await desk.open();
      const { dir, image, paths } = desk.root;
      store = await chooseLayerStore({ paths, privileges, kind });
      const make = (tar: Uint8Array): Promise<{ diffId: string }> =>
        makeLayer(store.plan(), bytes(tar, 1024 * 1024), { compression: "none" });
      const base = await make(await readFile(await packTree(image, join(dir, "image.tar"))));
      const ids = [base.diffId];
      // Else something would have to be laid over each layer.
      const parent = member({ type: "directory", path: "layers", mode: 0o755 });
      for (let at = 1; at < 127; at += 1) {
        const own = member({ path: `layers/${at}`, content: String(at) });
        const shared = member({ path: "layers/top", content: String(at) });
        const gone = at > 2 ? [member({ path: `layers/.wh.${at - 2}` })] : [];
        ids.push((await make(archive(parent, own, shared, ...gone))).diffId);
      }
      layers = (await store.lowers(ids)).reverse();
    });
    afterEach(() => desk.clear());
    afterAll(() => desk.close());

    async function run(id: string, count: number, script: string): Promise<Task> {
      const task = await desk.manager.create(subject.info.id, await request(id, count, script));
      await task.start();
      return task;
    }

    async function request(id: string, count: number, script: string) {
      const made = await desk.root.request(id, ["sh", "-c", script]);
      const rootfs: RootfsMount = { ...made.rootfs, lower: layers.slice(0, count).reverse() };
      return { ...made, rootfs };
    }

    it.each([2, 6, 127])(
      "starts on %i of them, and shows what they make together",
      async (count) => {
        const task = await run(
          `c${count}`,
          count,
          "cat /layers/*; echo; echo new > /layers/own; sleep 99",
        );
        await until(async () => logText(await desk.root.log(task.id)).includes("\n"));
        const seen = logText(await desk.root.log(task.id)).trim();
        // Each layer has deleted the file of the one before the last.
        const last = count - 1;
        const own = Array.from({ length: last }, (_, at) => String(at + 1)).filter(
          (name) => Number(name) + 2 > last,
        );
        expect(seen).toBe(`${own.sort().join("")}${last}`);
        const here = await readFile("/proc/self/mounts", "utf8");
        expect(here).not.toContain(desk.root.dir);
      },
    );

    it.runIf(kind === "erofs")("has their pages in memory once for all containers", async () => {
      const tasks = [await run("first", 3, "sleep 99"), await run("second", 3, "sleep 99")];
      const { loop = false } = store.plan();
      /** The file systems of layers, by what they are of, as its shim has them mounted. */
      const seen = async (task: Task): Promise<string[]> => {
        const mounts = await readFile(`/proc/${task.shim.pid ?? task.state.pid}/mountinfo`, "utf8");
        const lines = mounts.split("\n").filter((line) => line.includes(" - erofs "));
        return lines.map((line) => line.split(" ")[2] ?? "");
      };
      const [one, other] = await Promise.all(tasks.map((task) => seen(task)));
      expect(one).toHaveLength(3);
      if (loop) expect(other).toEqual(one);
      for (const task of tasks) await task.delete({ force: true });
      await until(async () => !(await devicesOf(desk.root.dir)));
    });

    it("keeps what is written to each container's own directory", async () => {
      const one = await run("one", 3, "echo 1 > /bin/new; rm /etc/group; sleep 99");
      await until(
        async () => (await one.run({ args: ["ls", "/bin/new"], maxOutput: 99 })).exitCode === 0,
      );
      const other = await run("other", 3, "sleep 99");
      const result = await other.run({ args: ["ls", "/bin/new", "/etc/group"], maxOutput: 999 });
      expect(Buffer.from(result.stdout).toString()).toBe("/etc/group\n");
    });

    it.skipIf(!subject.info.abilities.checkpoint.ok)("is checkpointed and restored", async () => {
      const counting = "i=0; while :; do echo n $i; i=$((i+1)); sleep 0.02; done";
      const task = await run("count", 5, counting);
      await until(async () => (await desk.root.log("count")).includes("n 3"));
      const path = join(desk.root.dir, "checkpoints", "a", "image");
      await mkdir(join(desk.root.dir, "checkpoints"), { recursive: true });
      const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
      await task.checkpoint({ path, leaveRunning: false, ...options });
      await task.delete();
      const restored = await desk.manager.create(subject.info.id, {
        ...(await request("count", 5, counting)),
        checkpoint: { path },
      });
      await restored.start();
      const length = (await desk.root.log("count")).length;
      await until(async () => (await desk.root.log("count")).length > length + 100);
      await desk.reopen();
      const again = await desk.get("count").run({ args: ["cat", "/layers/top"], maxOutput: 9 });
      expect(Buffer.from(again.stdout).toString()).toBe("4");
    });

    it.each(["before", "while"])("is started by a shim from %s its spec was made", async (when) => {
      const made = await request(`ahead-${when}`, 6, "sleep 99");
      await using ahead = await expectShim(made);
      if (when === "while") ahead.begin(made.rootfs);
      const task = await desk.manager.create(subject.info.id, made);
      await task.start();
      const result = await task.run({ args: ["cat", "/layers/top"], maxOutput: 9 });
      expect(Buffer.from(result.stdout).toString()).toBe("5");
      // One is not used when a mount came or went meanwhile, which anybody's may.
      if (ahead.namespace && ahead.mounts === (await mounts())) {
        expect(await mountNamespace(task.shim.pid)).toBe(ahead.namespace);
      }
    });

    /** Where the waiting shim's mounts will be; undefined where none can be started ahead. */
    async function expectShim(made: CreateRequest) {
      const mountsBefore = await mounts();
      const expected = await desk.manager.expect(subject.info.id, made);
      let namespace: string | undefined;
      if (expected) {
        await until(async () => {
          const conmon = await conmonOf(made.id);
          // From here on it stays in its namespaces.
          namespace = conmon && (await mountNamespace(conmon));
          return namespace !== undefined;
        });
      }
      return {
        namespace,
        mounts: mountsBefore,
        begin: (rootfs: CreateRequest["rootfs"]) => expected?.begin(rootfs),
        [Symbol.asyncDispose]: async () => expected?.drop(),
      };
    }

    it.each([false, true])("says which layer can't be mounted, begun: %s", async (begun) => {
      const made = await request(`bad-${begun}`, 2, "true");
      made.rootfs.lower.unshift({ type: kind, path: join(desk.root.dir, "gone") });
      await using ahead = begun ? await expectShim(made) : undefined;
      ahead?.begin(made.rootfs);
      await expect(desk.manager.create(subject.info.id, made)).rejects.toMatchObject({
        details: { output: expect.stringMatching(/mount: .*(gone|rootfs)/) },
      });
    });
  });
}

const mounts = (): Promise<string> => readFile("/proc/self/mountinfo", "utf8");

const mountNamespace = (pid: number | string | undefined): Promise<string> =>
  readlink(`/proc/${pid}/ns/mnt`);

/** The pid of a container's conmon, once it is no shell any more. */
async function conmonOf(id: string): Promise<string | undefined> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (words[0]?.endsWith("conmon") && words.some((word) => word.endsWith(`/${id}`))) return pid;
  }
  return undefined;
}
