import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "#shared/contract/activity";
import { type Core, createCore } from "../core.ts";
import { imageDir, resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import { tarEntry } from "./testing.ts";

const run = promisify(execFile);
/** As root, who is an ordinary user's own root where it is not the machine's. */
const asRoot = (...argv: string[]): ReturnType<typeof run> => {
  const [file = "", ...args] = choosePrivileges().asRoot(argv);
  // An ordinary user's PATH may lack chroot's directory.
  return run(file, args, { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
};
let work: string;
let core: Core;
const paths = () => resolvePaths({}, 0, "/root", join(work, "root"));
const rootfs = (id: string): string => join(imageDir(paths(), id), "rootfs");

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "shimyard-images-"));
  await rememberHost(paths());
  core = await createCore({ paths: paths(), version: "0.0.0", kind: "test" });
  await core.ready;
  const tree = join(work, "tree");
  await mkdir(join(tree, "bin"), { recursive: true });
  await mkdir(join(tree, "dev"));
  await mkdir(join(tree, "tmp"));
  await writeFile(join(tree, "bin/tool"), "#!/bin/sh\n", { mode: 0o4755 });
  await writeFile(join(tree, "ünïcode name"), "x");
  await symlink("/bin/tool", join(tree, "absolute"));
  await writeFile(join(tree, "dev/left-out"), "");
  await run("chmod", ["4755", join(tree, "bin/tool")]);
  await asRoot("chown", "12345:23456", join(tree, "ünïcode name"));
  await run("chmod", ["1777", join(tree, "tmp")]);
  await asRoot("tar", "-C", tree, "-cf", join(work, "plain.tar"), ".");
  for (const [program, suffix] of [
    ["gzip", "gz"],
    ["xz", "xz"],
    ["zstd", "zst"],
  ] as const) {
    await run(program, ["-k", join(work, "plain.tar")]);
    await lstat(join(work, `plain.tar.${suffix}`));
  }
});

afterAll(async () => {
  await core.close();
  await removeTree(work, choosePrivileges());
});

/** The images directory has what the records know and nothing else. */
async function nothingLeft(): Promise<void> {
  const known = core.images.list().map(({ id }) => id);
  const found = await readdir(dirname(imageDir(paths(), "id"))).catch(() => []);
  expect(new Set(found)).toEqual(new Set(known));
}

describe("a tar", () => {
  test.each(["plain.tar", "plain.tar.gz", "plain.tar.xz", "plain.tar.zst"])(
    "%s comes with its owners, modes and links",
    async (file) => {
      const image = await core.images.importTar({
        path: join(work, file),
        name: `test:${file}`,
        config: { args: ["/bin/tool"] },
      });
      expect(image).toMatchObject({ source: "tar", config: { args: ["/bin/tool"], cwd: "/" } });
      expect(image.files).toBeGreaterThan(5);
      const inside = (path: string) => lstat(join(rootfs(image.id), path));
      expect((await inside("bin/tool")).mode & 0o7777).toBe(0o4755);
      expect((await inside("tmp")).mode & 0o7777).toBe(0o1777);
      const name = join(rootfs(image.id), "ünïcode name");
      expect((await asRoot("stat", "-c", "%u:%g", name)).stdout).toBe("12345:23456\n");
      expect(await readlink(join(rootfs(image.id), "absolute"))).toBe("/bin/tool");
      expect(await readdir(join(rootfs(image.id), "dev"))).toEqual([]);
      await core.images.delete(image.id);
      await nothingLeft();
    },
  );

  test("with hostile names writes nothing outside", async () => {
    const victim = join(work, "victim");
    await mkdir(victim);
    await writeFile(join(victim, "file"), "untouched");
    const hostile = join(work, "hostile.tar");
    await writeFile(
      hostile,
      Buffer.concat([
        tarEntry({ name: join(victim, "absolute"), content: "x" }),
        tarEntry({ name: `../../../../../../../../../..${victim}/climbed`, content: "x" }),
        tarEntry({ name: "inner/../../../../../escaped", content: "x" }),
        tarEntry({ name: "out", type: "2", link: victim }),
        tarEntry({ name: "out/through-link", content: "x" }),
        tarEntry({ name: "up", type: "2", link: "../../../../../../../../../../tmp" }),
        tarEntry({ name: "up/through-up", content: "x" }),
        tarEntry({ name: "hard", type: "1", link: join(victim, "file") }),
        tarEntry({ name: "hard", content: "overwritten" }),
        tarEntry({ name: "hard-out", type: "1", link: "out/file" }),
        tarEntry({ name: "hard-out", content: "overwritten" }),
        tarEntry({ name: "fine", content: "x" }),
        Buffer.alloc(1024),
      ]),
    );
    const outcome = await core.images
      .importTar({ path: hostile, name: "test:hostile" })
      .catch((error: unknown) => error);
    expect(await readdir(victim)).toEqual(["file"]);
    expect(await readFile(join(victim, "file"), "utf8")).toBe("untouched");
    await expect(lstat(join(tmpdir(), "through-up"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(lstat(join(work, "escaped"))).rejects.toMatchObject({ code: "ENOENT" });
    // GNU tar goes on, then says that it skipped something: that is a failure as a whole.
    expect(outcome).toMatchObject({ code: "INVALID_ARGUMENT" });
    await nothingLeft();
  });

  test.each([
    ["is cut off", (tar: Buffer) => tar.subarray(0, 700)],
    ["is no tar", () => Buffer.from("hello ".repeat(1000))],
    ["is empty", () => Buffer.alloc(0)],
    [
      "holds an image, not a root file system",
      () => Buffer.concat([tarEntry({ name: "manifest.json", content: "[]" }), Buffer.alloc(1024)]),
    ],
  ])("that %s is refused and leaves nothing", async (_what, make) => {
    const path = join(work, "bad.tar");
    await writeFile(path, make(await readFile(join(work, "plain.tar"))));
    await expect(core.images.importTar({ path, name: "test:bad" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(path),
    });
    await nothingLeft();
  });

  test("can be cancelled on the way, and leaves nothing", async () => {
    const big = join(work, "big");
    await mkdir(big);
    for (let i = 0; i < 8; i += 1) await writeFile(join(big, `${i}`), randomBytes(8 << 20));
    await run("tar", ["-C", big, "-czf", join(work, "big.tgz"), "."]);
    const abort = new AbortController();
    const seen: Operation[] = [];
    const cancelling = (async () => {
      for await (const { put } of core.operations.watch(abort.signal)) {
        for (const operation of put) {
          if (!operation.title.includes("test:big")) continue;
          seen.push(operation);
          if (operation.status === "running") core.operations.cancel(operation.id);
          else return;
        }
      }
    })();
    const imported = core.images.importTar({ path: join(work, "big.tgz"), name: "test:big" });
    await expect(imported).rejects.toMatchObject({ code: "CANCELLED" });
    await cancelling;
    abort.abort();
    expect(seen.at(-1)).toMatchObject({ status: "cancelled" });
    await nothingLeft();
  });
});

describe("a directory", () => {
  test("is copied, and may go", async () => {
    const path = join(work, "source");
    await asRoot("cp", "-a", join(work, "tree"), path);
    const image = await core.images.importDirectory({ path, name: "test:directory" });
    await removeTree(path, choosePrivileges());
    expect((await lstat(join(rootfs(image.id), "bin/tool"))).mode & 0o7777).toBe(0o4755);
    await expect(
      core.images.importDirectory({ path: join(work, "tree"), name: "test:directory" }),
    ).rejects.toMatchObject({ code: "ALREADY_EXISTS", details: { field: "name" } });
    await core.images.delete(image.id);
  });

  test("that contains our own data is refused", async () => {
    await expect(
      core.images.importDirectory({ path: work, name: "test:self" }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(
      core.images.importDirectory({ path: "/", name: "test:self" }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await nothingLeft();
  });
});

test("the starter image is made once, and repaired when it is damaged", async () => {
  const [first, second] = await Promise.all([
    core.images.ensureStarter(),
    core.images.ensureStarter(),
  ]);
  expect(second.id).toBe(first.id);
  const busybox = join(rootfs(first.id), "bin/busybox");
  const digest = async () =>
    createHash("sha256")
      .update(await readFile(busybox))
      .digest("hex");
  const before = await digest();
  await rm(busybox);
  expect((await core.images.ensureStarter()).id).toBe(first.id);
  expect(await digest()).toBe(before);
  const { stdout } = await asRoot("chroot", rootfs(first.id), "/usr/bin/env", "id", "-un");
  expect(stdout).toBe("root\n");
});
