import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { workerUrl } from "../base/worker.ts";
import { mustRun } from "../host/command.ts";
import { findMkfsErofs } from "../host/mkfs-erofs.ts";
import { ChildManager } from "../runtime/child-manager.ts";
import { until } from "../runtime/testing.ts";
import { decompress } from "./decompress.ts";
import type { LayerKind } from "./layer.ts";
import { archive, hostile, member } from "./tar/testing.ts";
import { describeTree, everything, makeTestLayers, packTree, type TestLayers } from "./testing.ts";

const isRoot = process.getuid?.() === 0;
const hasErofs = isRoot && (await findMkfsErofs()) !== undefined;
const kinds: LayerKind[] = hasErofs ? ["erofs", "directory"] : ["directory"];
if (!hasErofs) describe.skip("layers as erofs", () => test("need root and a mkfs.erofs of 1.7"));
const maker = fileURLToPath(workerUrl("layer-maker.test", import.meta.url));

let layers: TestLayers;
afterEach(() => layers?.close());

/** A script that makes a tree in its current directory. */
async function makeTree(script: string): Promise<string> {
  const tree = join(layers.dir, `tree-${(await readdir(layers.dir)).length}`);
  await mkdir(tree, { mode: 0o755 });
  await mustRun(["sh", "-ec", script], { cwd: tree, timeout: 120_000 });
  return tree;
}

/** How a container would see layers, base first. */
async function look(...diffIds: string[]): Promise<string[]> {
  await using view = await layers.snapshots.view(diffIds);
  return await describeTree(view.root, layers.privileges, view.pid);
}

const names = (lines: string[]): string[] =>
  lines
    .filter((line) => line.includes(" type="))
    .map((line) => line.slice(2, line.indexOf(" type=")));

/** All that a store has on disk. */
const onDisk = (): Promise<string[]> => readdir(layers.store.plan().directory).catch(() => []);

describe.each(kinds)("layers as %s", (kind) => {
  test.runIf(isRoot)("a container sees what was packed", async () => {
    layers = await makeTestLayers(kind);
    const tree = await makeTree(everything);
    const wanted = await describeTree(tree, layers.privileges);
    const xattrs = ["--xattrs", "--xattrs-include=*"];
    for (const version of ["0.0", "0.1", "1.0"]) {
      const sparse = ["--sparse", `--sparse-version=${version}`];
      const tar = await packTree(tree, `${tree}.tar`, "--format=pax", ...sparse, ...xattrs);
      const made = await layers.make(tar);
      expect(await look(made.diffId)).toEqual(wanted);
      expect(made).toMatchObject({
        kind,
        skippedDevices: 0,
        uncompressed: (await readFile(tar)).length,
      });
      expect(made.diffId).toBe(`sha256:${(await mustRun(["sha256sum", tar])).slice(0, 64)}`);
      await layers.store.remove(made.diffId);
    }
    // This has neither fractions of seconds nor attributes.
    const plain = wanted
      .filter((line) => line.startsWith(".") || /^[0-9a-f\\]{60}/.test(line))
      .map((line) => line.replace(/(time=-?\d+\.)\d+/, "$10000000000"));
    const gnu = await layers.make(await packTree(tree, `${tree}.tar`, "--format=gnu", "--sparse"));
    expect(await look(gnu.diffId)).toEqual(plain);
  });

  test("a directory that only others' names tell of is that of the layers below", async () => {
    layers = await makeTestLayers(kind);
    const { store, snapshots } = layers;
    const own = { mode: 0o2750, uid: 7, gid: 8, mtime: { seconds: 1_234_567_890, nanoseconds: 0 } };
    const xattrs = new Map([["user.kept", Buffer.from("1")]]);
    const directory = (path: string): Buffer => member({ type: "directory", path, ...own, xattrs });
    const make = async (...members: Buffer[]): Promise<string> =>
      (await layers.make(archive(...members))).diffId;
    const base = await make(
      ...["in", "in/in", "opaque", "opaque/old", "gone", "file-now"].map(directory),
      member({ type: "symlink", path: "link", target: "/etc" }),
    );
    const top = await make(
      ...["in/in/f", "opaque/f", "opaque/old/f", "gone/f", "link/f"].map((path) =>
        member({ path }),
      ),
      member({ path: "opaque/.wh..wh..opq" }),
      member({ path: ".wh.gone" }),
      member({ path: "only/here" }),
    );
    const other = await make(directory("in"));
    const kept = "mode=2750 owner=7:8 time=1234567890.0000000000";
    const fresh = "mode=755 owner=0:0 time=0.0000000000";
    const seen = async (...ids: string[]): Promise<Record<string, string>> => {
      const lines = await look(...ids);
      const found = lines.flatMap(
        (line) => /^\.\/(\S+) type=d (.*time=\S+)/.exec(line)?.slice(1) ?? [],
      );
      return Object.fromEntries(
        found.flatMap((text, at) => (at % 2 === 0 ? [[text, found[at + 1] as string]] : [])),
      );
    };
    const wanted = {
      ...{ in: kept, "in/in": kept, opaque: kept, "opaque/old": fresh, gone: fresh },
      ...{ link: fresh, only: fresh, "file-now": kept },
    };
    expect(await seen(base, top)).toEqual(wanted);
    expect((await look(base, top)).filter((line) => line === 'user.kept="1"')).toHaveLength(4);
    // Over others it is another's, or nobody's.
    expect(await seen(other, top)).toMatchObject({ in: kept, "in/in": fresh });
    expect(await seen(top)).toMatchObject({ in: fresh });
    // The one that comes last is still a container's own, and so is what it says of them.
    expect(await seen(base, top, other)).toEqual(wanted);
    const [lower] = await Promise.all([store.lowers([base, top]), store.lowers([base, top])]);
    expect(lower).toHaveLength(3);
    expect(await snapshots.lowers([base, top])).toEqual(lower);
    await store.tidy();
    expect(await store.lowers([base, top])).toEqual(lower);
    for (const id of [base, top, other]) await store.remove(id);
    expect(await onDisk()).toEqual([]);
  });

  test("holes of sparse files take no room", async () => {
    layers = await makeTestLayers(kind);
    const MiB = 1024 ** 2;
    const tree = await makeTree(
      "truncate -s 40M hole; printf x | dd of=hole bs=1M seek=20 conv=notrunc",
    );
    const wanted = await mustRun(["sha256sum", join(tree, "hole")]);
    for (const format of [["--format=gnu"], ["--format=pax", "--sparse-version=1.0"]]) {
      const tar = await packTree(tree, `${tree}.tar`, "--sparse", ...format);
      const { diffId, size } = await layers.make(tar);
      expect(size).toBeLessThan(4 * MiB);
      await using view = await layers.snapshots.view([diffId]);
      const file = join(view.root, "hole");
      const inside = layers.privileges.enter(view.pid, ["sha256sum", file]);
      expect((await mustRun(inside)).slice(0, 64)).toBe(wanted.slice(0, 64));
      const { blocks } = await stat(file);
      // What EROFS says of its files leaves holes out; the disk below has them.
      if (kind === "directory") expect(blocks * 512).toBeLessThan(4 * MiB);
      await layers.store.remove(diffId);
    }
  });

  test("layers hide and replace what is below them", async () => {
    layers = await makeTestLayers(kind);
    const base = archive(
      ...["kept", "gone", "replaced", "dir/a", "dir/b", "opaque/old", "tree/x/y"].map((path) =>
        member({ path, content: "base" }),
      ),
    );
    const top = archive(
      member({ path: ".wh.gone" }),
      member({ path: "replaced", content: "top" }),
      member({ path: "dir/.wh.a" }),
      member({ path: "dir/c" }),
      member({ path: "opaque/new" }),
      member({ path: "opaque/.wh..wh..opq" }),
      member({ path: ".wh.tree" }),
    );
    const last = archive(member({ path: "gone", content: "again" }));
    const ids: string[] = [];
    for (const tar of [base, top, last]) ids.push((await layers.make(tar)).diffId);
    expect(
      names(await look(...ids))
        .filter(Boolean)
        .sort(),
    ).toEqual(["dir", "dir/b", "dir/c", "gone", "kept", "opaque", "opaque/new", "replaced"].sort());
    expect(names(await look(...ids.slice(0, 2)))).not.toContain("gone");
    const lower = await layers.store.lowers(ids);
    expect(lower.filter(({ path }) => !path.includes("/over/"))).toMatchObject(
      ids.map((id) => ({ type: kind, path: expect.stringContaining(id.slice(7)) })).reverse(),
    );
    await layers.store.remove(ids[1] as string);
    await layers.store.remove(ids[1] as string);
    await expect(layers.store.lowers(ids)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining(ids[1] as string),
    });
    const left = (await layers.store.list()).map(({ diffId }) => diffId);
    expect(new Set(left)).toEqual(new Set([ids[0], ids[2]]));
  });

  test("users are looked up without mounting, or in place where that does not do", async () => {
    layers = await makeTestLayers(kind);
    const { snapshots } = layers;
    const make = async (...members: Buffer[]): Promise<string> =>
      (await layers.make(archive(...members))).diffId;
    const base = await make(
      member({ path: "etc/passwd", content: "base" }),
      member({ path: "etc/group", content: "groups" }),
    );
    const top = await make(member({ path: "etc/passwd", content: "top" }));
    const hidden = await make(member({ path: ".wh.etc" }));
    const moved = await make(
      member({ path: "data/passwd", content: "moved" }),
      member({ path: "etc/.wh..wh..opq" }),
      member({ type: "symlink", path: "etc/passwd", target: "/data/passwd" }),
    );
    expect(await snapshots.imageUserFiles([base])).toEqual({ passwd: "base", group: "groups" });
    expect(await snapshots.imageUserFiles([base, top])).toEqual({ passwd: "top", group: "groups" });
    expect(await snapshots.imageUserFiles([base, hidden])).toEqual({ passwd: "", group: "" });
    expect(await snapshots.imageUserFiles([base, hidden, top])).toEqual({
      passwd: "top",
      group: "",
    });
    expect(await snapshots.imageUserFiles([base, moved])).toEqual({ passwd: "moved", group: "" });

    await snapshots.prepare("default", "c");
    const upper = snapshots.upper("default", "c");
    const users = () => snapshots.userFiles("default", "c", [base]);
    expect(await users()).toEqual({ passwd: "base", group: "groups" });
    await mkdir(join(upper, "etc"));
    await writeFile(join(upper, "etc/passwd"), "own");
    expect(await users()).toEqual({ passwd: "own", group: "groups" });
    await mustRun(["ln", "-sf", "/etc/group", join(upper, "etc/passwd")]);
    expect(await users()).toEqual({ passwd: "groups", group: "groups" });
  });

  test("what was written in a container is told, and becomes a layer", async () => {
    layers = await makeTestLayers(kind);
    const { snapshots, privileges, paths } = layers;
    const base = await layers.make(
      archive(
        ...["a", "b", "dir/x", "dir/y", "old/1", "old/2"].map((path) =>
          member({ path, content: path }),
        ),
      ),
    );
    await snapshots.prepare("default", "c");
    const mount = await snapshots.mounts("default", "c", [base.diffId]);
    const target = join(paths.data, "target");
    await mkdir(target);
    const script = `cd "$1"; rm a dir/x; echo new > b; mkdir more; echo 1 > more/f; ln more/f more/g
      rm -r old; mkdir old; echo 3 > old/3; truncate -s 1M hole; chmod 600 dir/y`;
    await layers.inside(mount, target, ["sh", "-ec", script, "sh", target]);
    const files = [base.diffId];
    expect(await snapshots.changes("default", "c", files)).toEqual([
      { path: "/a", kind: "deleted" },
      { path: "/b", kind: "modified" },
      { path: "/dir", kind: "modified" },
      { path: "/dir/x", kind: "deleted" },
      { path: "/dir/y", kind: "modified" },
      { path: "/hole", kind: "added" },
      { path: "/more", kind: "added" },
      { path: "/more/f", kind: "added" },
      { path: "/more/g", kind: "added" },
      { path: "/old", kind: "modified" },
      { path: "/old/1", kind: "deleted" },
      { path: "/old/2", kind: "deleted" },
      { path: "/old/3", kind: "added" },
    ]);
    const diff = await collect(snapshots.diff("default", "c"));
    await writeFile(join(layers.dir, "diff.tar"), diff);
    const listed = (await mustRun(["tar", "-tf", join(layers.dir, "diff.tar")])).trim().split("\n");
    expect(listed.sort()).toEqual(
      [
        ...["./", ".wh.a", "b", "dir/", "dir/.wh.x", "dir/y", "hole", "more/", "more/f", "more/g"],
        ...["old/", "old/.wh..wh..opq", "old/3"],
      ].sort(),
    );
    const layer = await layers.make(diff);
    await using now = await snapshots.viewContainer("default", "c", files);
    const seen = await describeTree(now.root, privileges, now.pid);
    expect(await look(base.diffId, layer.diffId)).toEqual(seen);
    // And as one whole tar.
    const whole = await layers.make(await collect(snapshots.exportTree("default", "c", files)));
    expect(await look(whole.diffId)).toEqual(seen);
    await snapshots.remove("default", "c");
  });

  test("gzip, zstd, and data that is not what it should be", async () => {
    layers = await makeTestLayers(kind);
    const tar = archive(member({ path: "f", content: "x".repeat(100_000) }));
    const { diffId } = await layers.make(tar);
    const path = join(layers.dir, "layer.tar");
    await writeFile(path, tar);
    await mustRun(["zstd", "--quiet", path]);
    const packed = { gzip: gzipSync(tar), zstd: await readFile(`${path}.zst`) };
    for (const compression of ["gzip", "zstd"] as const) {
      await layers.store.remove(diffId);
      const whole = packed[compression];
      let progress = 0;
      const made = await layers.make(whole, {
        compression,
        diffId,
        onProgress: (at) => (progress = at),
      });
      expect(made.diffId).toBe(diffId);
      expect(progress).toBe(whole.length);
      const damaged = { code: "DATA_LOSS", details: { hint: expect.any(String) } };
      await layers.store.remove(diffId);
      await expect(layers.make(whole.subarray(0, -10), { compression })).rejects.toMatchObject(
        damaged,
      );
      const changed = Buffer.from(whole).fill(0xff, 30, 40);
      await expect(layers.make(changed, { compression })).rejects.toMatchObject(damaged);
    }
    const other = `sha256:${"0".repeat(64)}`;
    await expect(layers.make(tar, { diffId: other })).rejects.toMatchObject({ code: "DATA_LOSS" });
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield tar.subarray(0, 600);
      throw new Error("the network is gone");
    }
    for (const compression of ["none", "gzip", "zstd"] as const) {
      await expect(layers.makeOf(failing(), { compression })).rejects.toThrow(
        "the network is gone",
      );
    }
    const zeros = gzipSync(Buffer.concat([member({ path: "z", content: "\0".repeat(5_000_000) })]));
    await expect(
      layers.make(zeros, { compression: "gzip", limits: { total: 1_000_000 } }),
    ).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect(await onDisk()).toEqual([]);
  });

  test("an image that has a layer twice shows what all of them make", async () => {
    layers = await makeTestLayers(kind);
    const [{ diffId: one }, { diffId: other }] = await Promise.all([
      layers.make(archive(member({ path: "f", content: "a" }), member({ path: "g" }))),
      layers.make(archive(member({ path: "f", content: "bb" }), member({ path: ".wh.g" }))),
    ]);
    expect(await look(one, other, one)).toEqual(await look(other, one));
    expect(await look(other, one, other, other)).toEqual(await look(one, other));
    expect(names(await look(one, other))).toEqual(["", "f"]);
    expect(await look(one, one)).toEqual(await look(one));
  });

  test("the same layer made many times at once is one", async () => {
    layers = await makeTestLayers(kind);
    const tar = archive(member({ path: "f", content: "x" }));
    const made = await Promise.all(Array.from({ length: 5 }, () => layers.make(tar)));
    expect(new Set(made.map(({ diffId }) => diffId)).size).toBe(1);
    expect(await onDisk()).toEqual([made[0]?.diffId.slice(7)]);
    // One that is damaged is no layer, and is made anew.
    const record = join(
      layers.store.plan().directory,
      made[0]?.diffId.slice(7) as string,
      "layer.json",
    );
    await writeFile(record, "{");
    expect(await layers.store.get(made[0]?.diffId as string)).toBeUndefined();
    const again = await layers.make(tar);
    expect(await layers.store.get(again.diffId)).toEqual(again);
  });

  test("every hostile archive is refused, and leaves nothing", async () => {
    layers = await makeTestLayers(kind);
    const before = await readdir("/etc");
    for (const { what, tar, code, limits } of hostile) {
      const made = layers.make(tar, limits ? { limits } : {});
      await expect(made, what).rejects.toMatchObject({ code });
    }
    expect(await onDisk()).toEqual([]);
    expect(await readdir("/etc")).toEqual(before);
  });

  test("an abort leaves nothing, whatever its source waits for", async () => {
    layers = await makeTestLayers(kind);
    const abort = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield member({ path: "f", content: "x".repeat(1_000_000) }).subarray(0, 900_000);
      setTimeout(() => abort.abort(), 20);
      await new Promise(() => {});
    }
    const made = layers.makeOf(endless(), { signal: abort.signal });
    await expect(made).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await onDisk()).toEqual([]);
  });

  test("what a killed maker leaves is removed by the next start", async () => {
    layers = await makeTestLayers(kind);
    const tar = join(layers.dir, "layer.tar");
    await writeFile(
      tar,
      archive(
        ...Array.from({ length: 40 }, (_, at) =>
          member({ path: `d/${at}`, content: "x".repeat(100_000) }),
        ),
      ),
    );
    const kept = await layers.make(archive(member({})));
    for (const stopAfter of [1, 600_000, 2_000_000]) {
      const child = await ChildManager.start([process.execPath, maker, layers.dir, kind]);
      expect(await child.ask({ do: "make", tar, stopAfter })).toBe("stopped");
      expect((await onDisk()).length).toBe(2);
      // What is just being made stays.
      await layers.store.tidy();
      expect((await onDisk()).length).toBe(2);
      await child.kill();
      await layers.store.tidy();
      expect(await onDisk()).toEqual([kept.diffId.slice(7)]);
      await until(async () => !(await processesOf(layers.dir)));
      expect(await onDisk()).toEqual([kept.diffId.slice(7)]);
    }
    expect(names(await look(kept.diffId))).toContain("file");
  });
});

test("what becomes thousands of times as big is a bomb", async () => {
  layers = await makeTestLayers("directory");
  const path = join(layers.dir, "bomb.zst");
  await mustRun(["sh", "-c", 'head -c 1200M /dev/zero | zstd --quiet -o "$1"', "sh", path], {
    timeout: 60_000,
  });
  const source = createReadStream(path) as AsyncIterable<Buffer>;
  let given = 0;
  const read = async (): Promise<void> => {
    for await (const chunk of decompress(source, { compression: "zstd", ratio: 2000 })) {
      given += chunk.length;
    }
  };
  await expect(read()).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  expect(given).toBeLessThan(1100 * 1024 ** 2);
});

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

/** Whether anything still works on what lies there. */
async function processesOf(dir: string): Promise<boolean> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.includes(`${dir}/`)) return true;
  }
  return false;
}
