import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findMkfsErofs } from "../host/mkfs-erofs.ts";
import { layersDir, type Paths, resolvePaths } from "../host/paths.ts";
import { choosePrivileges, rootlessPrivileges } from "../host/privileges.ts";
import { removeTree } from "../host/remove-tree.ts";
import { chooseLayerStore } from "./choose-layer-store.ts";

const privileges = choosePrivileges();
const mkfs = privileges.rootless ? undefined : await findMkfsErofs();
let dir: string;
let paths: Paths;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-choose-"));
  paths = resolvePaths({}, 0, "/", dir);
});
afterEach(() => removeTree(dir, privileges));

test("what can be mounted is found out once, and nothing is left of that", async () => {
  const store = await chooseLayerStore({ paths, privileges });
  if (!mkfs) {
    expect(store.kind).toBe("directory");
    return;
  }
  const memory = join(paths.data, "erofs.json");
  const known = JSON.parse(await readFile(memory, "utf8")) as { way: string };
  expect(store.kind).toBe(known.way === "none" ? "directory" : "erofs");
  expect(store.plan().loop ?? false).toBe(known.way === "loop");
  expect(await readdir(layersDir(paths, "erofs"))).toEqual([]);
  await writeFile(memory, JSON.stringify({ ...known, way: "none" }));
  expect((await chooseLayerStore({ paths, privileges })).kind).toBe("directory");
  await writeFile(memory, JSON.stringify({ ...known, key: "of another boot", way: "none" }));
  expect((await chooseLayerStore({ paths, privileges })).plan()).toEqual(store.plan());
});

test("an ordinary user's layers are directories", async () => {
  const own = { paths, privileges: rootlessPrivileges };
  expect((await chooseLayerStore(own)).plan()).toEqual({
    ...{ kind: "directory", directory: layersDir(paths, "directory"), rootless: true },
  });
  await expect(chooseLayerStore({ ...own, kind: "erofs" })).rejects.toMatchObject({
    code: "UNIMPLEMENTED",
  });
});
