import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import type { Image } from "#shared/contract/images";
import { workerUrl } from "../base/worker.ts";
import { mustRun } from "../host/command.ts";
import { findBusybox, makeStarterRootfs } from "../images/starter.ts";
import { removeTree } from "../host/remove-tree.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { resolvePaths } from "../host/paths.ts";
import { rememberHost } from "../runtime/testing.ts";
import { ChildManager } from "../runtime/child-manager.ts";

const program = fileURLToPath(workerUrl("volume-manager.test", import.meta.url));

test("a manager killed while it fills a volume leaves no half of it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "shimyard-volume-crash-"));
  const root = join(dir, "root");
  await rememberHost(resolvePaths({}, 0, "/root", root));
  const manager = (): Promise<ChildManager> =>
    ChildManager.start([process.execPath, program, root]);
  const tree = join(dir, "tree");
  await mkdir(tree);
  await makeStarterRootfs(tree, await findBusybox());
  await mkdir(join(tree, "data"));
  const many = 2000;
  for (let index = 0; index < many; index += 1) await writeFile(join(tree, `data/${index}`), "x");
  const tar = join(dir, "image.tar");
  await mustRun(["tar", "-C", tree, "-cf", tar, "."]);
  const volumes = join(root, "data/volumes");
  let child = await manager();
  try {
    const { id: imageId } = (await child.ask({ do: "import", path: tar })) as Image;
    const mounts = [{ type: "volume", source: "data", target: "/data", readOnly: false }];
    const run = { do: "run", imageId, script: "ls /data | wc -l", mounts };
    const lost = child.ask(run).catch(() => undefined);
    await vi.waitFor(
      async () => expect((await readdir(join(volumes, "data/filling"))).length).toBeGreaterThan(50),
      { interval: 1, timeout: 20_000 },
    );
    await child.kill();
    await lost;
    // What it had begun ends with it.
    expect((await readdir(join(volumes, "data/files"))).length).toBe(0);
    child = await manager();
    expect(await child.ask({ do: "volumes" })).toEqual([]);
    expect(await readdir(volumes)).toEqual([]);
    expect(await child.ask(run)).toBe(String(many));
    expect(await readdir(join(volumes, "data"))).toEqual(["files"]);
    await child.ask({ do: "clean" });
    expect(await readdir(volumes)).toEqual([]);
  } finally {
    await child.kill();
    await removeTree(dir, choosePrivileges());
  }
}, 120_000);
