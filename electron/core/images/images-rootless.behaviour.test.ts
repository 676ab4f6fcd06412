import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Image } from "#shared/contract/images";
import { mustRun } from "../host/command.ts";
import { copyProduct, makeTestUser, type TestUser } from "../host/testing.ts";
import { startRegistry, type TestRegistry } from "../registry/testing.ts";
import { ChildManager } from "../runtime/child-manager.ts";
import { Buildah } from "./builds/buildah.ts";
import { pushed, TestImages } from "./test-images.ts";

const isRoot = process.getuid?.() === 0;
const buildah = await Buildah.version();

interface Ran {
  id: string;
  code: number;
  output: string;
}

describe.runIf(isRoot)(isRoot ? "an ordinary user" : "an ordinary user (root makes one)", () => {
  let user: TestUser;
  let child: ChildManager;
  let registry: TestRegistry;
  let work: string;
  let image: Awaited<ReturnType<TestImages["make"]>>;

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "shimyard-rootless-"));
    user = await makeTestUser("shimyard-images", 600_000);
    registry = await startRegistry(join(work, "registry"));
    image = await new TestImages(join(work, "images")).make({ random: 100_000, gzip: true });
    await pushed(image, registry.host, "app:1");
    const main = await copyProduct(user, "image-manager.test");
    await mkdir(join(user.home, "context"));
    await writeFile(
      join(user.home, "context/Dockerfile"),
      'FROM busybox:host\nRUN id -u > /who\nCMD ["cat", "/who"]\n',
    );
    await mustRun(["chown", "-R", "shimyard-images:", user.home]);
    await chmod(user.home, 0o755);
    const root = join(user.home, "root");
    child = await ChildManager.start(user.as([process.execPath, main, root]), user.env);
  });
  afterAll(async () => {
    await child.kill();
    await registry.close();
    await user.remove();
    await rm(work, { recursive: true, force: true });
  });

  const ask = <T>(command: object): Promise<T> => child.ask(command) as Promise<T>;

  test("pulls, runs and commits", async () => {
    const pulled = await ask<Image>({ do: "pull", reference: `${registry.host}/app:1` });
    expect(pulled).toMatchObject({ id: image.id, digest: image.digest });
    const script = "cat /etc/marker; cd /etc; echo [!hr]*; echo new > /new";
    const ran = await ask<Ran>({ do: "run", imageId: pulled.id, args: ["sh", "-c", script] });
    expect(ran).toMatchObject({ code: 0, output: "markedmarker" });
    const committed = await ask<Image>({ do: "commit", containerId: ran.id, name: "own:1" });
    expect(committed.layers).toBe(4);
    const again = await ask<Ran>({ do: "run", imageId: committed.id, args: ["cat", "/new"] });
    expect(again).toMatchObject({ code: 0, output: "new" });
  });

  test.skipIf(buildah === undefined)("builds (needs buildah)", async () => {
    const built = await ask<Image>({ do: "build", context: join(user.home, "context") });
    expect(await ask<Ran>({ do: "run", imageId: built.id, args: [] })).toMatchObject({
      output: "0",
    });
  });

  test("leaves nothing when all is removed", async () => {
    expect(await ask<number>({ do: "clean" })).toBeGreaterThan(0);
    const data = join(user.home, "root/data");
    for (const name of ["content/blobs/sha256", "layers/directory", "work", "builds"]) {
      expect(await readdir(join(data, name)).catch(() => [])).toEqual([]);
    }
  });
});
