import { chmod, cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { workerUrl } from "../base/worker.ts";
import { mustRun } from "../host/command.ts";
import { rootPrivileges } from "../host/privileges.ts";
import { makeTestUser, type TestUser } from "../host/testing.ts";
import { ChildManager } from "../runtime/child-manager.ts";
import type { LayerInfo } from "./layer.ts";
import { archive, hostile, member } from "./tar/hostile.ts";
import { describeTree, everything, packTree } from "./testing.ts";

const isRoot = process.getuid?.() === 0;
const maker = fileURLToPath(workerUrl("layer-maker.test", import.meta.url));

describe.runIf(isRoot)(isRoot ? "an ordinary user" : "an ordinary user (root makes one)", () => {
  let user: TestUser;
  let child: ChildManager;
  let dir: string;

  beforeAll(async () => {
    user = await makeTestUser("shimyard-layers", 400_000);
    dir = join(user.home, "root");
    // The checkout may lie where only its owner may look.
    const app = join(user.home, "app");
    await cp(dirname(dirname(maker)), join(app, "dist/test"), { recursive: true });
    await mkdir(dir);
    await mustRun(["chown", "-R", "shimyard-layers:", user.home]);
    await chmod(user.home, 0o755);
    const main = join(app, "dist/test/workers/layer-maker.test.mjs");
    child = await ChildManager.start(user.as([process.execPath, main, dir]), user.env);
  });
  afterAll(async () => {
    await child.kill();
    await user.remove();
  });

  /** A file that the user may read. */
  async function tarOf(bytes: Buffer): Promise<string> {
    const path = join(user.home, "layer.tar");
    await writeFile(path, bytes);
    return path;
  }
  const make = (tar: string): Promise<LayerInfo> =>
    child.ask({ do: "make", tar }) as Promise<LayerInfo>;
  const look = (...diffIds: string[]): Promise<string[]> =>
    child.ask({ do: "describe", diffIds }) as Promise<string[]>;

  test("sees what was packed, but for devices and root's own attributes", async () => {
    const tree = join(user.home, "tree");
    await mkdir(tree);
    await mustRun(["sh", "-ec", everything], { cwd: tree });
    const made = await make(await packTree(tree));
    expect(made).toMatchObject({ kind: "directory", skippedDevices: 2 });
    const isDevice = (line: string): boolean => /^\.\/(disk|null) /.test(line);
    const isTrusted = (line: string, at: number, all: string[]): boolean =>
      line.startsWith("trusted.") || (all[at + 1]?.startsWith("trusted.") ?? false);
    const wanted = await describeTree(tree, rootPrivileges);
    const seen = await look(made.diffId);
    expect(seen).toEqual(
      wanted.filter((line, at, all) => !isDevice(line) && !isTrusted(line, at, all)),
    );
  });

  test("layers hide what is below them, and are removed whole", async () => {
    const ids: string[] = [];
    for (const members of [
      ["a", "dir/x", "opaque/old"].map((path) => member({ path, uid: 7, mode: 0o600 })),
      [".wh.a", "dir/.wh.x", "opaque/.wh..wh..opq", "opaque/new"].map((path) => member({ path })),
    ]) {
      ids.push((await make(await tarOf(archive(...members)))).diffId);
    }
    const names = (await look(...ids)).filter((line) => line.includes(" type="));
    expect(names.map((line) => line.split(" ")[0])).toEqual([
      ".",
      "./dir",
      "./opaque",
      "./opaque/new",
    ]);
    for (const diffId of ids) await child.ask({ do: "remove", diffId });
    await expect(child.ask({ do: "describe", diffIds: ids })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("every hostile archive is refused, and leaves nothing", async () => {
    const store = join(dir, "data/layers/directory");
    const before = await readdir(store);
    for (const { what, tar, code } of hostile.filter(({ limits }) => !limits)) {
      await expect(make(await tarOf(tar)), what).rejects.toMatchObject({ code });
    }
    expect(await readdir(store)).toEqual(before);
  });

  test("an owner that the user has no id for is refused with what to do", async () => {
    const tar = await tarOf(archive(member({ uid: 70_000 })));
    await expect(make(tar)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("70000"),
      details: { hint: expect.any(String) },
    });
  });
});
