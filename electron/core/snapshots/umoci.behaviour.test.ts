import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mustRun } from "../host/command.ts";
import { findMkfsErofs } from "../host/mkfs-erofs.ts";
import { firstExecutable } from "../host/prerequisites-tools.ts";
import { thisHost } from "../host/this-host.ts";
import { rootPrivileges } from "../host/privileges.ts";
import { archive, member } from "./tar/testing.ts";
import { describeTree, everything, makeTestLayers, packTree } from "./testing.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-umoci-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** umoci, another implementation of the same specification, unpacks an image's layers into one directory. */
const isInstalled = (await firstExecutable(["umoci"], thisHost())) !== undefined;
const canRun = process.getuid?.() === 0 && isInstalled && (await findMkfsErofs()) !== undefined;

test.runIf(canRun)("an image's layers are what umoci makes of them", async () => {
  const tree = join(dir, "tree");
  await mkdir(tree, { mode: 0o755 });
  await mustRun(["sh", "-ec", everything], { cwd: tree });
  const tars = [
    await packTree(tree, join(dir, "0.tar")),
    join(dir, "1.tar"),
    join(dir, "2.tar"),
    join(dir, "3.tar"),
    join(dir, "4.tar"),
  ] as const;
  // Of this machine, for what nobody would think of.
  const own = ["--no-recursion", ".", "usr", "--recursion", "etc", "usr/sbin"];
  const options = ["--format=pax", "--xattrs", "--xattrs-include=*", "--directory=/", ...own];
  await mustRun(["tar", "--create", `--file=${tars[1]}`, ...options], { timeout: 120_000 });
  // As layers do that are told from what was changed: a directory is said again when something in it was.
  const parents = (...paths: string[]): Buffer[] =>
    paths.map((path) => member({ type: "directory", path, mode: 0o750, gid: 3 }));
  await writeFile(
    tars[2],
    archive(
      ...parents(".", "a", "a/b", "bin", "etc"),
      member({ path: "a/b/.wh.linked" }),
      member({ path: "bin/.wh..wh..opq" }),
      member({ path: "bin/only", mode: 0o4755 }),
      member({ path: ".wh.sticky" }),
      member({ type: "directory", path: "empty", mode: 0o711, uid: 5 }),
      member({ path: "etc/.wh.passwd" }),
      member({ type: "symlink", path: "sparse", target: "big" }),
    ),
  );
  await writeFile(
    tars[3],
    archive(
      ...parents(".", "etc"),
      member({ type: "directory", path: "sticky", mode: 0o1770 }),
      member({ path: "sticky/back" }),
      member({ path: "etc/passwd", content: "again" }),
      member({ type: "link", path: "etc/passwd-", target: "etc/passwd" }),
    ),
  );
  // Without a word on the directories, as other tools make them.
  await writeFile(
    tars[4],
    archive(
      member({ path: "a/b/c/new" }),
      member({ path: "empty/not" }),
      member({ path: "sticky/.wh.back" }),
      member({ path: "usr/sbin/.wh..wh..opq" }),
    ),
  );
  const layout = join(dir, "layout");
  await mustRun(["umoci", "init", "--layout", layout]);
  await mustRun(["umoci", "new", "--image", `${layout}:t`]);
  for (const tar of tars) {
    await mustRun(["umoci", "raw", "add-layer", "--image", `${layout}:t`, tar], {
      timeout: 120_000,
    });
  }
  const bundle = join(dir, "bundle");
  await mustRun(["umoci", "unpack", "--image", `${layout}:t`, bundle], { timeout: 120_000 });
  // An overlay counts links as the layer does that has the file.
  const describe = async (root: string): Promise<string[]> =>
    (await describeTree(root, rootPrivileges)).map((line) => line.replace(/ links=\d+/, ""));
  const wanted = await describe(join(bundle, "rootfs"));
  for (const kind of ["erofs", "directory"] as const) {
    const own = await makeTestLayers(kind);
    try {
      const ids: string[] = [];
      for (const tar of tars) ids.push((await own.make(tar)).diffId);
      await using view = await own.snapshots.view(ids);
      expect(differences(await describe(view.root), wanted)).toEqual([]);
    } finally {
      await own.close();
    }
  }
});

/** Lines that only one has: all of both would not be read. */
function differences(seen: string[], wanted: string[]): string[] {
  const [has, should] = [new Set(seen), new Set(wanted)];
  return [
    ...wanted.filter((line) => !has.has(line)).map((line) => `missing: ${line}`),
    ...seen.filter((line) => !should.has(line)).map((line) => `unwanted: ${line}`),
  ].map((line) => line.slice(0, 200));
}
