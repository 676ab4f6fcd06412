import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changedPoints, readMounts, unchangedAt } from "./mounts.ts";

const line = (id: number, point: string, options = "rw"): string =>
  `${id} 1 254:0 / ${point} ${options} - ext4 /dev/vda rw`;

let dir: string;
/** As if a mount had come at dir/a since. */
let before: string;

beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), "shimyard-mounts-")));
  await mkdir(join(dir, "a", "b"), { recursive: true });
  await mkdir(join(dir, "ab"));
  await symlink(join(dir, "ab"), join(dir, "link"));
  before = `${readMounts()}${line(9999, join(dir, "a"))}\n`;
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test("what came, went, or was changed is told by its mount point", () => {
  const old = [line(1, "/"), line(2, "/gone"), line(3, "/kept"), line(4, "/changed")].join("\n");
  const now = [line(1, "/"), line(3, "/kept"), line(4, "/changed", "ro"), line(5, "/a\\040b")];
  expect(changedPoints(old, old)).toEqual([]);
  expect(changedPoints(old, now.join("\n")).toSorted()).toEqual(["/a b", "/changed", "/gone"]);
});

test.each([
  ["a", false],
  ["a/b", false],
  [".", false],
  ["ab", true],
  ["none", false],
  // Wherever it leads: its other steps are not looked at.
  ["link", false],
])("a mount that went at a: %s is as it was: %s", async (path, expected) => {
  expect(await unchangedAt(before, [join(dir, path)])).toBe(expected);
  expect(await unchangedAt(before, [join(dir, "ab"), join(dir, path)])).toBe(expected);
});

test("a mount at the root changes every path, and a path of all has every mount below it", async () => {
  const rooted = `${readMounts()}${line(9999, "/")}\n`;
  expect(await unchangedAt(rooted, [join(dir, "ab")])).toBe(false);
  expect(await unchangedAt(before, ["/"])).toBe(false);
  expect(await unchangedAt(`${readMounts()}${line(9999, "/usr/lib")}\n`, [])).toBe(false);
});

test("nothing has changed while no mount did; unknown mounts may have", async () => {
  expect(await unchangedAt(readMounts(), [join(dir, "link"), join(dir, "none")])).toBe(true);
  expect(await unchangedAt(undefined, [])).toBe(false);
  expect(await unchangedAt(readMounts(), undefined)).toBe(true);
  expect(await unchangedAt(before, undefined)).toBe(false);
});
