import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import { ContentStore } from "../content/content-store.ts";
import { type Core, createCore } from "../core.ts";
import { contentDir, type Paths, resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { rememberHost } from "../runtime/testing.ts";
import { chooseLayerStore } from "../snapshots/choose-layer-store.ts";
import type { LayerKind } from "../snapshots/layer.ts";
import { removeTree, Snapshotter } from "../snapshots/snapshotter.ts";

/** A manager with a root of its own, for tests of images. */
export interface TestCore {
  dir: string;
  paths: Paths;
  core: Core;
  content: ContentStore;
  /** Looks into an image's files, at the path where `look` finds them. */
  look<T>(imageId: string, look: (root: string) => Promise<T>): Promise<T>;
  /** Runs a command of an image to its end; answers its exit status and what it wrote. */
  run(imageId: string, args: string[], change?: Partial<ContainerConfig>): Promise<Ran>;
  /** Fails unless the disk has what the records know, and nothing else. */
  requireTidy(): Promise<void>;
  /** Another manager in place of this one. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export interface Ran {
  id: string;
  code: number | undefined;
  output: string;
}

/** One for all tests of a file, with the starter image. Each test's containers are deleted after it. */
export interface SharedTestCore extends Pick<TestCore, "dir" | "paths" | "core" | "reopen"> {
  readonly imageId: string;
}

/** To be called where a file's tests are laid out; what it answers can be used in them. */
export function shareTestCore(): SharedTestCore {
  let own: TestCore;
  let imageId: string;
  beforeAll(async () => {
    own = await openTestCore();
    imageId = (await own.core.images.ensureStarter()).id;
  });
  afterEach(async () => {
    const { containers } = own.core;
    for (const { id } of await containers.list()) await containers.delete(id, true);
  });
  afterAll(() => own.close());
  return {
    get dir() {
      return own.dir;
    },
    get paths() {
      return own.paths;
    },
    get core() {
      return own.core;
    },
    get imageId() {
      return imageId;
    },
    reopen: () => own.reopen(),
  };
}

/** As root with either kind of layers; without a kind with the one that the host gets. */
export async function openTestCore(kind?: LayerKind): Promise<TestCore> {
  const dir = await mkdtemp(join(tmpdir(), "shimyard-images-"));
  const paths = resolvePaths({}, 0, "/root", join(dir, "root"));
  const privileges = choosePrivileges();
  await rememberHost(paths);
  const open = async (): Promise<Core> => {
    const core = await createCore({ paths, version: "0.0.0", kind: "test", ...layers });
    await core.ready;
    return core;
  };
  const layers = kind === undefined ? {} : { layers: kind };
  const store = await chooseLayerStore({ paths, privileges, ...(kind ? { kind } : {}) });
  const snapshots = new Snapshotter(paths, privileges, store);
  const content = await ContentStore.open(contentDir(paths));
  const test: TestCore = {
    ...{ dir, paths, content, core: await open() },
    async look(imageId, look) {
      await using view = await snapshots.view(test.core.images.layersOf(imageId));
      return await look(view.root);
    },
    async run(imageId, args, change = {}) {
      const { containers, logs } = test.core;
      const config: ContainerConfig = {
        ...{ name: `run-${Date.now()}`, imageId, args, env: [], terminal: false },
        ...{ limits: {}, restart: { name: "no" }, labels: {}, ...change },
      };
      const { id } = await containers.create(config, true);
      const ended = async () => (await containers.get(id)).container.state;
      await vi.waitFor(async () => expect((await ended()).status).toBe("exited"), {
        timeout: 20_000,
      });
      const { lines } = await logs.read({ id, from: 0, count: 1000 });
      const { exitCode: code } = await ended();
      return { id, code, output: lines.map(({ text }) => text).join("\n") };
    },
    async requireTidy() {
      const images = test.core.images.list();
      const details = await Promise.all(images.map(({ id }) => test.core.images.detail(id)));
      const layersOf = details.flatMap(({ history }) =>
        history.flatMap(({ layer }) => layer ?? []),
      );
      const blobs = [
        ...images.flatMap(({ id, digest }) => [`sha256:${id}`, digest]),
        ...layersOf.map(({ digest }) => digest),
      ];
      const found = (await content.list()).map(({ digest }) => digest);
      expect(found.sort()).toEqual([...new Set(blobs)].sort());
      const diffIds = [...new Set(layersOf.map(({ diffId }) => diffId))];
      expect((await store.list()).map(({ diffId }) => diffId).sort()).toEqual(diffIds.sort());
      expect(await readdir(join(paths.data, "content/ingest"))).toEqual([]);
      expect(await readdir(join(paths.data, "work")).catch(() => [])).toEqual([]);
      expect(await readdir(join(paths.data, "layers", store.kind)).catch(() => [])).toHaveLength(
        diffIds.length,
      );
      const mounts = await readFile("/proc/self/mountinfo", "utf8");
      expect(mounts.split("\n").filter((line) => line.includes(dir))).toEqual([]);
    },
    async reopen() {
      await test.core.close();
      test.core = await open();
    },
    async close() {
      for (const { id } of await test.core.containers.list()) {
        await test.core.containers.delete(id, true);
      }
      await test.core.close();
      await removeTree(dir, privileges);
    },
  };
  return test;
}
