import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "#shared/contract/activity";
import { contentDir, imageDir } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import type { LayerKind } from "../snapshots/layer.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import { Store } from "../store/store.ts";
import { openTestCore, type TestCore } from "./test-core.ts";
import { tarEntry } from "./testing.ts";

const run = promisify(execFile);
const privileges = choosePrivileges();
/** As root, who is an ordinary user's own root where it is not the machine's. */
const asRoot = (...argv: string[]): ReturnType<typeof run> => {
  const [file = "", ...args] = privileges.asRoot(argv);
  // An ordinary user's PATH may lack chroot's directory.
  return run(file, args, { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
};
const kinds: LayerKind[] = privileges.rootless ? ["directory"] : ["erofs", "directory"];

describe.each(kinds)("with layers as %s", (kind) => {
  let work: string;
  let t: TestCore;

  beforeAll(async () => {
    t = await openTestCore(kind);
    work = await mkdtemp(join(tmpdir(), "shimyard-sources-"));
    const tree = join(work, "tree");
    await mkdir(join(tree, "bin"), { recursive: true });
    await mkdir(join(tree, "tmp"));
    await writeFile(join(tree, "bin/tool"), "#!/bin/sh\n", { mode: 0o4755 });
    await writeFile(join(tree, "ünïcode name"), "x");
    await symlink("/bin/tool", join(tree, "absolute"));
    await run("chmod", ["4755", join(tree, "bin/tool")]);
    await asRoot("chown", "12345:23456", join(tree, "ünïcode name"));
    await run("chmod", ["1777", join(tree, "tmp")]);
    await asRoot("tar", "-C", tree, "-cf", join(work, "plain.tar"), ".");
    for (const program of ["gzip", "xz", "zstd", "bzip2"]) {
      await run(program, ["-k", join(work, "plain.tar")]);
    }
  });
  afterEach(() => t.requireTidy());
  afterAll(async () => {
    await t.close();
    await removeTree(work, privileges);
  });

  test.each(["plain.tar", "plain.tar.gz", "plain.tar.xz", "plain.tar.zst", "plain.tar.bz2"])(
    "%s is imported with its owners, modes and links",
    async (file) => {
      const { images } = t.core;
      const image = await images.importTar({
        path: join(work, file),
        name: `test:${file}`,
        config: { cmd: ["/bin/tool"], env: ["A=b"] },
      });
      expect(image).toMatchObject({
        ...{ source: "tar", names: [`test:${file}`], layers: 1, usedBy: [] },
        config: { cmd: ["/bin/tool"], env: ["A=b"], entrypoint: [], cwd: "/" },
      });
      expect(image.files).toBeGreaterThan(5);
      expect(image.own).toBe(image.size);
      await t.look(image.id, async (root) => {
        expect((await lstat(join(root, "bin/tool"))).mode & 0o7777).toBe(0o4755);
        expect((await lstat(join(root, "tmp"))).mode & 0o7777).toBe(0o1777);
        expect(await lstat(join(root, "ünïcode name"))).toMatchObject({ uid: 12345, gid: 23456 });
        expect(await readlink(join(root, "absolute"))).toBe("/bin/tool");
      });
      expect(await images.delete(image.id)).toEqual({ freed: image.size });
    },
  );

  test("its layers are directories for who mounts nothing else, until it goes", async () => {
    const { images } = t.core;
    const image = await images.importTar({ path: join(work, "plain.tar"), name: "test:plain" });
    const [first, again] = await Promise.all([
      images.directoriesOf(image.id),
      images.directoriesOf(image.id),
    ]);
    expect(again).toEqual(first);
    expect(first).toMatchObject([{ type: "directory" }]);
    const path = first[0]?.path ?? "";
    expect(await lstat(join(path, "ünïcode name"))).toMatchObject({ uid: 12345, gid: 23456 });
    await t.reopen();
    expect(await t.core.images.directoriesOf(image.id)).toEqual(first);
    await t.core.images.delete(image.id);
    await expect(lstat(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a hostile tar is refused, and writes nothing outside", async () => {
    const victim = join(work, "victim");
    await mkdir(victim);
    const entries = [
      tarEntry({ name: "out", type: "2", link: victim }),
      tarEntry({ name: "out/through-link", content: "x" }),
      tarEntry({ name: `../../../../../../../../../..${victim}/climbed`, content: "x" }),
    ];
    const path = join(work, "hostile.tar");
    await writeFile(path, Buffer.concat([...entries, Buffer.alloc(1024)]));
    await expect(t.core.images.importTar({ path, name: "test:hostile" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(await readdir(victim)).toEqual([]);
  });

  test("what is no root file system is refused", async () => {
    const path = join(work, "other.tar");
    const refused = async (bytes: Buffer): Promise<void> => {
      await writeFile(path, bytes);
      await expect(t.core.images.importTar({ path, name: "test:other" })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        details: { field: "path" },
      });
    };
    await refused(
      Buffer.concat([tarEntry({ name: "manifest.json", content: "[]" }), Buffer.alloc(1024)]),
    );
    await refused(Buffer.from("a text\n".repeat(500)));
    await refused(Buffer.alloc(10240));
  });

  test("an import can be cancelled on the way", async () => {
    const big = join(work, "big");
    await mkdir(big, { recursive: true });
    for (let i = 0; i < 8; i += 1) await writeFile(join(big, `${i}`), randomBytes(8 << 20));
    await run("tar", ["-C", big, "-cf", join(work, "big.tar"), "."]);
    const abort = new AbortController();
    const seen: Operation[] = [];
    const cancelling = (async () => {
      for await (const { put } of t.core.operations.watch(abort.signal)) {
        for (const operation of put) {
          if (!operation.title.includes("test:big")) continue;
          seen.push(operation);
          if (operation.status !== "running") return;
          if (operation.detail?.endsWith("MiB")) t.core.operations.cancel(operation.id);
        }
      }
    })();
    const imported = t.core.images.importTar({ path: join(work, "big.tar"), name: "test:big" });
    await expect(imported).rejects.toMatchObject({ code: "CANCELLED" });
    await cancelling;
    abort.abort();
    expect(seen.at(-1)).toMatchObject({ status: "cancelled" });
  });

  test("a directory is copied, and may go", async () => {
    const { images } = t.core;
    const path = join(work, "source");
    await asRoot("cp", "-a", join(work, "tree"), path);
    const image = await images.importDirectory({ path, name: "test:directory" });
    await removeTree(path, privileges);
    await t.look(image.id, async (root) => {
      expect((await lstat(join(root, "bin/tool"))).mode & 0o7777).toBe(0o4755);
      expect(await lstat(join(root, "ünïcode name"))).toMatchObject({ uid: 12345, gid: 23456 });
    });
    await expect(
      images.importDirectory({ path: join(work, "tree"), name: "test:directory" }),
    ).rejects.toMatchObject({ code: "ALREADY_EXISTS", details: { field: "name" } });
    await images.delete(image.id);
  });

  test("a directory that contains our own data is refused", async () => {
    for (const path of [t.dir, "/"]) {
      await expect(
        t.core.images.importDirectory({ path, name: "test:self" }),
      ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  test("the starter image runs, is made once, and is repaired when it is damaged", async () => {
    const { images } = t.core;
    const [first, second] = await Promise.all([images.ensureStarter(), images.ensureStarter()]);
    expect(second.id).toBe(first.id);
    expect(first.names).toEqual(["busybox:host"]);
    expect(await t.run(first.id, ["id", "-un"])).toMatchObject({ code: 0, output: "root" });
    const { history } = await images.detail(first.id);
    await t.content.remove(history[0]?.layer?.digest as string);
    expect((await images.ensureStarter()).id).toBe(first.id);
    await removeTree(join(t.paths.data, "layers", kind), privileges);
    await t.reopen();
    expect((await t.core.images.ensureStarter()).id).toBe(first.id);
    expect((await t.run(first.id, ["true"])).code).toBe(0);
  });

  test("names are given, taken and lost; sizes tell what is shared", async () => {
    const { images } = t.core;
    const starter = await images.ensureStarter();
    const copy = await images.importDirectory({ path: join(work, "tree"), name: "app:1" });
    await images.tag(copy.id, "docker.io/library/app:2");
    expect(images.get(copy.id).names).toEqual(["app:1", "app:2"]);
    await images.tag(starter.id, "app:1");
    expect(images.get(copy.id).names).toEqual(["app:2"]);
    expect(images.findByName("app:1")?.id).toBe(starter.id);
    await images.untag("app:2");
    expect(images.get(copy.id).names).toEqual([]);
    expect(images.previewPrune("unnamed")).toEqual({
      images: [{ id: copy.id, names: [], frees: copy.size }],
      ...{ frees: copy.size, held: [] },
    });
    await t.reopen();
    expect(t.core.images.get(starter.id).names).toEqual(["app:1", "busybox:host"]);
    expect(await t.core.images.prune("unnamed")).toEqual({ freed: copy.size, images: 1 });
    await t.core.images.untag("app:1");
    await expect(t.core.images.untag("app:1")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("an image that containers use is held, and says by whom", async () => {
    const { images, containers } = t.core;
    const { id } = await images.ensureStarter();
    for (const row of await containers.list()) await containers.delete(row.id, true);
    const made = await t.run(id, ["true"], { name: "user-of-it" });
    expect(images.previewDelete([id])).toMatchObject({
      ...{ images: [], frees: 0, held: [{ id, by: ["user-of-it"] }] },
    });
    await expect(images.delete(id)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    expect((await images.prune("unused")).images).toBe(0);
    await containers.delete(made.id, true);
    expect((await images.prune("unused")).images).toBe(1);
    expect(images.list()).toEqual([]);
  });

  test("an image that something is made of while others are pruned stays", async () => {
    const { images, exchange } = t.core;
    await images.ensureStarter();
    await images.importDirectory({ path: join(work, "tree"), name: "wanted:1" });
    const holds: { dispose(): void }[] = [];
    const listening = exchange.onEvent(({ topic }) => {
      if (topic === "/images/delete") holds.push(...images.list().map(({ id }) => images.hold(id)));
    });
    expect((await images.prune("unused")).images).toBe(1);
    listening.dispose();
    expect(images.list()).toHaveLength(1);
    for (const hold of holds) hold.dispose();
    expect((await images.prune("unused")).images).toBe(1);
  });

  test("an image that something is just being made of can't be deleted", async () => {
    const { images, containers } = t.core;
    const { id } = await images.ensureStarter();
    const config = {
      ...{ name: "racing", imageId: id, args: ["true"], env: [], terminal: false },
      ...{ limits: {}, restart: { name: "no" as const }, labels: {} },
    };
    const creating = containers.create(config, true);
    // It has been let in; its record is not there yet.
    await new Promise((resolve) => setImmediate(resolve));
    await expect(images.delete(id)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    await creating;
    await containers.delete((await creating).id, true);
    await images.delete(id);
  });

  test("what an earlier version kept is told, and can be deleted", async () => {
    const id = "ab".repeat(32);
    await t.core.close();
    const directory = imageDir(t.paths, id);
    await mkdir(join(directory, "rootfs"), { recursive: true });
    await mkdir(imageDir(t.paths, "nobodys"));
    const store = await Store.open(join(t.paths.data, "meta"));
    const { z } = await import("zod");
    await store.collection("images", z.any()).put(id, { id, name: "old:1", size: 1 });
    await store.close();
    await t.reopen();
    expect(() => t.core.images.get(id)).toThrow("earlier version");
    expect(t.core.images.list()).toEqual([]);
    await t.core.images.delete(id);
    expect(await readdir(join(t.paths.data, "images"))).toEqual([]);
    await readFile(join(contentDir(t.paths), "oci-layout"));
  });
});
