import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import { type Core, createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { removeTree } from "../host/remove-tree.ts";
import { containerdRuntimeId } from "../runtime/containerd/plugin.ts";
import { lacks, TestContainerd } from "../runtime/containerd/testing.ts";
import { rememberHost } from "../runtime/testing.ts";

const missing = lacks("containerd", "ctr");
const patience = { timeout: 30_000, interval: 50 };

describe.skipIf(missing)(`in a containerd${missing ? ` (skipped: ${missing})` : ""}`, () => {
  let root: string;
  let core: Core;
  let open: () => Promise<Core>;
  let containerd: TestContainerd;

  beforeAll(async () => {
    containerd = await TestContainerd.start();
    root = await mkdtemp(join(tmpdir(), "shimyard-in-containerd-"));
    const paths = resolvePaths({}, 0, "/root", root);
    await rememberHost(paths);
    open = () => createCore({ paths, version: "0.0.0", kind: "test" });
    core = await open();
  });

  afterAll(async () => {
    for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
    await core.close();
    await containerd.close(["shimyard"]);
    await removeTree(root, choosePrivileges());
  });

  test("an image of ours runs, however its layers are kept here", async () => {
    const image = await core.images.ensureStarter();
    await core.remotes.add(containerd.socket);
    const runtime = containerdRuntimeId(containerd.socket);
    const { id } = await core.containers.create(
      {
        ...{ name: "there", imageId: image.id, args: ["sh", "-c", "id -u; exec sleep 1000"] },
        ...{ env: [], terminal: false, limits: {}, restart: { name: "no" }, labels: {}, runtime },
      },
      true,
    );
    await vi.waitFor(async () => {
      const { lines } = await core.logs.read({ id, from: 0, count: 1 });
      expect(lines).toMatchObject([{ text: "0" }]);
    }, patience);
    expect(await containerd.ctr("--namespace", "shimyard", "tasks", "ls")).toContain(id);
    const { container } = await core.containers.get(id);
    expect(container).toMatchObject({ runtime, state: { status: "running" } });
    const mounts = await readFile(`/proc/${container.state.pid}/mountinfo`, "utf8");
    expect(mounts).toMatch(/ \/ \/ .* overlay /);
    await core.containers.delete(id, true);
    expect(await containerd.ctr("--namespace", "shimyard", "containers", "ls", "-q")).toBe("");
  });

  test("what is asked for while a manager starts waits for what the containerd says", async () => {
    const image = await core.images.ensureStarter();
    const runtime = containerdRuntimeId(containerd.socket);
    const config: ContainerConfig = {
      ...{ name: "early", imageId: image.id, args: ["sleep", "1000"], runtime },
      ...{ env: [], terminal: false, limits: {}, restart: { name: "no" }, labels: {} },
    };
    await core.close();
    core = await open();
    const { id } = await core.containers.create(config, true);
    const state = async () => (await core.containers.get(id)).container.state;
    expect(await state()).toMatchObject({ status: "running" });
    await core.close();
    core = await open();
    await core.containers.lifecycle.pause(id);
    expect(await state()).toMatchObject({ status: "paused" });
    await core.containers.delete(id, true);
  });
});
