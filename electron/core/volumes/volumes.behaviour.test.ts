import { chmod, chown, link, lstat, mkdir, readdir, readFile, readlink } from "node:fs/promises";
import { rename, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import type { ContainerMount, VolumeMount } from "#shared/contract/container-options";
import { mustRun } from "../host/command.ts";
import { findBusybox, makeStarterRootfs } from "../images/starter.ts";
import { openTestCore, type TestCore } from "../images/test-core.ts";
import { archive, hostile, member } from "../snapshots/tar/testing.ts";

let t: TestCore;
let imageId: string;

/** With a directory to fill volumes from, one that leads out of the image, and two that it declares. */
async function importImage(): Promise<string> {
  const tree = join(t.dir, "tree");
  await mkdir(tree);
  await makeStarterRootfs(tree, await findBusybox());
  const data = join(tree, "srv/data");
  await mkdir(join(data, "inner"), { recursive: true });
  await writeFile(join(data, "file"), "from the image\n", { mode: 0o640 });
  await writeFile(join(data, "inner/secret"), "deep\n");
  await link(join(data, "file"), join(data, "again"));
  await symlink("/etc/hostname", join(data, "away"));
  await mustRun(["setfattr", "-n", "user.mark", "-v", "kept", join(data, "file")]);
  await chown(join(data, "file"), 33, 33);
  await chmod(join(data, "inner"), 0o2750);
  await chown(data, 33, 0);
  await chmod(data, 0o1770);
  // Of this machine's /etc nothing may come: links are the image's.
  await mkdir(join(tree, "etc/inside"));
  await writeFile(join(tree, "etc/inside/own"), "the image's");
  await symlink("/../../../../etc/inside", join(tree, "leads-out"));
  await mkdir(join(tree, "declared"));
  await writeFile(join(tree, "declared/first"), "declared\n");
  const tar = join(t.dir, "image.tar");
  await mustRun(["tar", "-C", tree, "--xattrs", "-cf", tar, "."]);
  const config = { volumes: ["/declared", "/", "/a/../b", "not/absolute"] };
  return (await t.core.images.importTar({ path: tar, name: "filled:1", config })).id;
}

beforeAll(async () => {
  t = await openTestCore();
  imageId = await importImage();
}, 120_000);

afterEach(async () => {
  const { containers, volumes } = t.core;
  for (const { id } of await containers.list()) await containers.delete(id, true);
  await volumes.prune({ what: "unused" });
  expect(await readdir(join(t.paths.data, "volumes"))).toEqual([]);
});

afterAll(() => t.close());

const mount = (target: string, more: Partial<VolumeMount> = {}): ContainerMount => ({
  ...{ type: "volume", source: "data", target, readOnly: false },
  ...more,
});

let count = 0;
function config(args: string[], mounts: ContainerMount[]): ContainerConfig {
  count += 1;
  return {
    ...{ name: `box-${count}`, imageId, args, env: [], terminal: false, mounts },
    ...{ limits: {}, restart: { name: "no" }, labels: {} },
  };
}
const create = async (mounts: ContainerMount[], args = ["sleep", "60"]): Promise<string> =>
  (await t.core.containers.create(config(args, mounts), false)).id;
const run = async (script: string, mounts: ContainerMount[]): Promise<string> =>
  (await t.run(imageId, ["sh", "-c", script], { mounts })).output;
const find = async (name: string) => (await t.core.volumes.list()).find(({ id }) => id === name);
const files = (name: string): string => t.core.volumes.files(name);

/** All that a tar can say of its files, but for the times that reading changes. */
const described = (name: string): Promise<string> =>
  mustRun([
    ...["tar", "-C", files(name), "--xattrs", "--sort=name", "--format=posix"],
    ...["--pax-option=delete=atime,delete=ctime", "-c", "."],
  ]);

test("an empty volume is filled with what the image has there", async () => {
  await create([mount("/srv/data")]);
  const [root, file, inner] = await Promise.all(
    ["", "file", "inner"].map((path) => stat(join(files("data"), path))),
  );
  expect(root).toMatchObject({ uid: 33, gid: 0, mode: 0o041770 });
  expect(file).toMatchObject({ uid: 33, gid: 33, mode: 0o100640, nlink: 2 });
  expect(inner).toMatchObject({ uid: 0, mode: 0o042750 });
  expect(await readlink(join(files("data"), "away"))).toBe("/etc/hostname");
  const value = ["getfattr", "--only-values", "-n", "user.mark", join(files("data"), "file")];
  expect(await mustRun(value)).toBe("kept");
  // Its own directory alone is left of what was on its way.
  expect(await readdir(join(t.paths.data, "volumes/data"))).toEqual(["files"]);
});

test("a volume keeps its files from one container to the next, and is not filled again", async () => {
  expect(
    await run("rm -r /srv/data/* && echo mine >/srv/data/own; ls /srv/data", [mount("/srv/data")]),
  ).toBe("own");
  expect(await run("cat /other/own", [mount("/other")])).toBe("mine");
  expect(await run("ls /srv/data", [mount("/srv/data/")])).toBe("own");
});

test("two containers share one, of which one may only read", async () => {
  const { containers } = t.core;
  const writer = (await containers.create(config(["sleep", "60"], [mount("/srv/data")]), true)).id;
  const reader = (
    await containers.create(config(["sleep", "60"], [mount("/in", { readOnly: true })]), true)
  ).id;
  const say = (id: string, script: string) => containers.exec(id, { args: ["sh", "-c", script] });
  await say(writer, "echo shared >/srv/data/note");
  expect((await say(reader, "cat /in/note")).stdout.toString()).toBe("shared\n");
  expect((await say(reader, "echo no >/in/note")).stderr.toString()).toContain("Read-only");
  expect(await find("data")).toMatchObject({
    anonymous: false,
    usedBy: [
      { containerId: writer, target: "/srv/data", readOnly: false },
      { containerId: reader, target: "/in", readOnly: true },
    ],
  });
});

test("a volume that a container runs with while it is empty is filled for the next one", async () => {
  const { containers } = t.core;
  const first = (await containers.create(config(["sleep", "60"], [mount("/in")]), true)).id;
  await create([mount("/srv/data")]);
  const seen = await containers.exec(first, { args: ["cat", "/in/inner/secret"] });
  expect(seen.stdout.toString()).toBe("deep\n");
});

test("nocopy leaves it empty, and what is no directory in the image does too", async () => {
  await create([mount("/srv/data", { noCopy: true })]);
  await create([mount("/not/there", { source: "none" })]);
  expect(await readdir(files("data"))).toEqual([]);
  expect(await readdir(files("none"))).toEqual([]);
});

test("a link in the image leads no further than the image", async () => {
  await create([mount("/leads-out")]);
  expect(await readdir(files("data"))).toEqual(["own"]);
});

describe("anonymous volumes", () => {
  test("are what the image declares and what is mounted without a name", async () => {
    const id = await create([mount("/scratch", { source: undefined })]);
    const { volumes } = await t.core.containers.get(id);
    expect(volumes.map(({ target }) => target).sort()).toEqual(["/declared", "/scratch"]);
    const declared = volumes.find(({ target }) => target === "/declared")?.id ?? "";
    expect(await find(declared)).toMatchObject({ anonymous: true, usedBy: [{ containerId: id }] });
    expect(await readdir(files(declared))).toEqual(["first"]);
  });

  test("are none where the container mounts something else", async () => {
    await create([mount("/declared/")]);
    expect((await t.core.volumes.list()).map(({ id }) => id)).toEqual(["data"]);
    expect(await readdir(files("data"))).toEqual(["first"]);
  });

  test("stay when their container is deleted, unless they are to go and nobody else has them", async () => {
    const { containers, volumes } = t.core;
    const [one, two] = [await create([]), await create([])];
    const own = (await containers.get(one)).volumes[0]?.id ?? "";
    await containers.delete(one, false);
    expect(await find(own)).toMatchObject({ usedBy: [] });
    const other = (await containers.get(two)).volumes[0]?.id ?? "";
    const third = await create([mount("/borrowed", { source: other }), mount("/declared")]);
    await containers.delete(two, false, { volumes: true });
    expect(await find(other)).toBeDefined();
    await containers.delete(third, false, { volumes: true });
    // It is not that one's own.
    expect(await find(other)).toBeDefined();
    const removed = await volumes.prune({ what: "anonymous" });
    expect(removed.volumes).toBe(2);
    expect((await volumes.list()).map(({ id }) => id)).toEqual(["data"]);
  });
});

test("what was made for a container that could not be created goes with it", async () => {
  const { containers, volumes } = t.core;
  await volumes.create({ name: "mine", labels: { a: "b" } });
  const bad = config(["sleep"], [mount("/srv/data"), mount("/mine", { source: "mine" })]);
  await expect(containers.create({ ...bad, user: "nobody-knows" }, false)).rejects.toMatchObject({
    details: { field: "user" },
  });
  await expect(
    containers.create({ ...bad, args: ["/no/such/program"], name: "gone" }, true),
  ).rejects.toThrow();
  expect((await volumes.list()).map(({ id }) => id)).toEqual(["mine"]);
  expect(await readdir(join(t.paths.data, "volumes"))).toEqual(["mine"]);
});

test("one that a container has can't be deleted, and pruning tells what goes", async () => {
  const { volumes, containers } = t.core;
  const id = await create([mount("/srv/data")]);
  await volumes.create({ name: "empty" });
  const { name } = (await containers.get(id)).container;
  await expect(volumes.delete("data")).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: `"data" is used by ${name}`,
  });
  const preview = await volumes.previewPrune({ what: "unused" });
  expect(preview.volumes.map((one) => one.id)).toEqual(["empty"]);
  expect((await volumes.diskUse()).map((one) => one.id).sort()).toContain("data");
  await containers.delete(id, false);
  await volumes.delete("data");
  await expect(volumes.delete("data")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(volumes.create({ name: "empty" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
});

describe("backups", () => {
  const tar = (name: string): string => join(t.dir, name);

  test("come back as they were, from a file and from what was downloaded", async () => {
    const { archives } = t.core.volumes;
    await create([mount("/srv/data")]);
    await writeFile(join(files("data"), ".wh.odd"), "a name as any other");
    await archives.backUp("data", tar("backup.tar"));
    await expect(archives.backUp("data", tar("backup.tar"))).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
    });
    await expect(
      archives.backUp("data", join(files("data"), "in-itself.tar")),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const chunks: Uint8Array[] = [];
    const { signal } = new AbortController();
    for await (const chunk of archives.download("data", { signal })) chunks.push(chunk);
    await writeFile(tar("download.tar"), Buffer.concat(chunks));
    await mustRun(["gzip", "-k", tar("backup.tar")]);
    for (const name of ["backup.tar", "download.tar", "backup.tar.gz"]) {
      const { files: many } = await archives.restore(name.replaceAll(".", "-"), tar(name));
      expect(many).toBeGreaterThan(5);
      const [one, other] = await Promise.all([
        described("data"),
        described(name.replaceAll(".", "-")),
      ]);
      expect(one).toBe(other);
    }
  });

  test("take the place of all that is in it, but not while it runs", async () => {
    const { volumes, containers } = t.core;
    await writeFile(tar("new.tar"), archive(member({ path: "new", content: "restored" })));
    const id = (await containers.create(config(["sleep", "60"], [mount("/srv/data")]), true)).id;
    await expect(volumes.archives.restore("data", tar("new.tar"))).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
    await containers.lifecycle.stop(id, 0);
    await volumes.archives.restore("data", tar("new.tar"));
    expect(await readdir(files("data"))).toEqual(["new"]);
    expect(await readdir(join(t.paths.data, "volumes/data"))).toEqual(["files"]);
    await containers.lifecycle.start(id);
    const seen = await containers.exec(id, { args: ["cat", "/srv/data/new"] });
    expect(seen.stdout.toString()).toBe("restored");
  });

  test.each(
    hostile.filter(({ what }) =>
      /a path that leads up|a file behind|leads up later|middle of a file/.test(what),
    ),
  )("$what changes nothing", async ({ tar: bytes, code }) => {
    const { volumes } = t.core;
    await volumes.create({ name: "kept" });
    await writeFile(join(files("kept"), "mine"), "before");
    await writeFile(tar("hostile.tar"), bytes);
    await expect(volumes.archives.restore("kept", tar("hostile.tar"))).rejects.toMatchObject({
      code,
    });
    await expect(volumes.archives.restore("never", tar("hostile.tar"))).rejects.toMatchObject({
      code,
    });
    expect(await readdir(files("kept"))).toEqual(["mine"]);
    expect(await readdir(join(t.paths.data, "volumes"))).toEqual(["kept"]);
    expect(await readdir(join(t.paths.data, "volumes/kept"))).toEqual(["files"]);
  });

  test("leave devices out", async () => {
    const bytes = archive(
      member({ type: "block", path: "disk", major: 8, minor: 0 }),
      member({ path: "file" }),
    );
    await writeFile(tar("devices.tar"), bytes);
    const restored = await t.core.volumes.archives.restore("data", tar("devices.tar"));
    expect(restored.skippedDevices).toBe(1);
    expect(await readdir(files("data"))).toEqual(["file"]);
  });
});

describe("its files", () => {
  test("are browsed and changed as a container's, and let go when it is deleted", async () => {
    const { files: browser, volumes } = t.core;
    await volumes.create({ name: "data" });
    const source = { kind: "volume", id: "data" } as const;
    const { signal } = new AbortController();
    await browser.makeDirectory({ source, path: "/made" }, { signal });
    await symlink("/etc", join(files("data"), "out"));
    expect(await browser.stat({ source, path: "/made" }, { signal })).toMatchObject({
      type: "directory",
    });
    await expect(browser.stat({ source, path: "/out/passwd" }, { signal })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await volumes.delete("data");
    await expect(browser.stat({ source, path: "/made" }, { signal })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});

describe("after a crash", () => {
  const own = (...path: string[]): string => join(t.paths.data, "volumes", ...path);

  test("what was half filled or half restored is undone, what was whole is finished", async () => {
    for (const name of ["half", "whole", "swapped", "between"]) {
      await t.core.volumes.create({ name });
      await writeFile(own(name, "files", "old"), name);
    }
    await mkdir(own("half/filling"));
    await mkdir(own("half/restoring"));
    await mkdir(own("whole/filled"));
    await writeFile(own("whole/filled/new"), "new");
    await writeFile(own("whole/filled/old"), "the image's");
    await chown(own("whole/filled"), 33, 33);
    await mkdir(own("swapped/restored"));
    await writeFile(own("swapped/restored/new"), "new");
    await mkdir(own("between/restored"));
    await rename(own("between/files"), own("between/old"));
    await t.reopen();
    for (const name of ["half", "whole", "swapped", "between"]) {
      expect(await readdir(own(name))).toEqual(["files"]);
    }
    expect(await readdir(own("half/files"))).toEqual(["old"]);
    expect((await readdir(own("whole/files"))).sort()).toEqual(["new", "old"]);
    expect(await readFile(own("whole/files/old"), "utf8")).toBe("whole");
    expect((await stat(own("whole/files"))).uid).toBe(33);
    expect(await readdir(own("swapped/files"))).toEqual(["new"]);
    expect(await readdir(own("between/files"))).toEqual([]);
  });

  test("a volume half removed is gone, and files without a record are kept", async () => {
    await t.core.volumes.create({ name: "removed" });
    await rename(own("removed"), own(".removed"));
    await mkdir(own("found/files"), { recursive: true });
    await writeFile(own("found/files/precious"), "kept");
    await t.reopen();
    await vi.waitFor(async () => expect(await readdir(own())).toEqual(["found"]));
    expect((await t.core.volumes.list()).map(({ id }) => id)).toEqual(["found"]);
    expect((await lstat(own("found/files/precious"))).isFile()).toBe(true);
  });
});

test("a deleted volume's container says which one is gone", async () => {
  const id = await create([mount("/srv/data")]);
  // As after its directory was lost.
  await rename(join(t.paths.data, "volumes/data"), join(t.dir, "lost"));
  await t.reopen();
  await expect(t.core.containers.lifecycle.start(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
});
