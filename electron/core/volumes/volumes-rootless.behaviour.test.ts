import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Image } from "#shared/contract/images";
import type { Volume } from "#shared/contract/volumes";
import { mustRun } from "../host/command.ts";
import { copyProduct, makeTestUser, type TestUser } from "../host/testing.ts";
import { findBusybox, makeStarterRootfs } from "../images/starter.ts";
import { ChildManager } from "../runtime/child-manager.ts";

const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)(isRoot ? "an ordinary user" : "an ordinary user (root makes one)", () => {
  let user: TestUser;
  let child: ChildManager;
  let work: string;
  let image: Image;
  let backup: string;
  const ask = <T>(command: object): Promise<T> => child.ask(command) as Promise<T>;

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "shimyard-volumes-"));
    const tree = join(work, "tree");
    await mkdir(tree);
    await makeStarterRootfs(tree, await findBusybox());
    await mkdir(join(tree, "data"));
    await writeFile(join(tree, "data/file"), "from the image", { mode: 0o600 });
    for (const path of ["data", "data/file"]) await chown(join(tree, path), 33, 33);
    await chmod(join(tree, "data"), 0o700);
    user = await makeTestUser("shimyard-volumes", 700_000);
    const tar = join(user.home, "image.tar");
    backup = join(user.home, "backup.tar");
    await mustRun(["tar", "-C", tree, "-cf", tar, "."]);
    const main = await copyProduct(user, "volume-manager.test");
    await mustRun(["chown", "-R", "shimyard-volumes:", user.home]);
    await chmod(user.home, 0o755);
    const root = join(user.home, "root");
    child = await ChildManager.start(user.as([process.execPath, main, root]), user.env);
    image = await ask<Image>({ do: "import", path: tar });
  }, 120_000);
  afterAll(async () => {
    await child.kill();
    await user.remove();
    await rm(work, { recursive: true, force: true });
  });

  const run = (script: string, id: string): Promise<string> =>
    ask({
      ...{ do: "run", imageId: image.id, script },
      mounts: [{ type: "volume", source: id, target: "/data", readOnly: false }],
    });
  const owners = "stat -c '%u:%g %a %n' /data /data/*; cat /data/file";
  const filled = "33:33 700 /data\n33:33 600 /data/file\nfrom the image";

  test("has a volume filled with the owners that the image has, and kept", async () => {
    expect(await run(owners, "data")).toBe(filled);
    expect(await run("echo -n changed >/data/file; cat /data/file", "data")).toBe("changed");
    expect(await run("cat /data/file", "data")).toBe("changed");
    const [volume] = await ask<(Volume & { size: number })[]>({ do: "volumes" });
    expect(volume?.size).toBeGreaterThan(0);
  });

  test("backs up, and restores what other users own inside", async () => {
    expect(await run(owners, "other")).toBe(filled);
    await ask({ do: "back-up", id: "other", path: backup });
    await ask({ do: "restore", id: "data", path: backup });
    await ask({ do: "restore", id: "new", path: backup });
    for (const id of ["data", "new"]) expect(await run(owners, id)).toBe(filled);
  });

  test("leaves nothing when all is removed", async () => {
    expect(await ask({ do: "clean" })).toMatchObject({ volumes: 3 });
    expect(await readdir(join(user.home, "root/data/volumes"))).toEqual([]);
  });
});
