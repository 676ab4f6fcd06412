import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Container, ContainerConfig } from "#shared/contract/containers";
import { defaultNetwork } from "#shared/contract/networks";
import { workerUrl } from "../base/worker.ts";
import { type Core, createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { mark } from "../network/addresses.ts";
import { networkTraces } from "../network/testing.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

const patience = { timeout: 20_000, interval: 20 };
let root: string;
let core: Core;
let imageId: string;
const paths = () => resolvePaths({}, 0, "/root", root);
const open = async (): Promise<void> => {
  core = await createCore({ paths: paths(), version: "0.0.0", kind: "test" });
  await core.ready;
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-replace-"));
  await rememberHost(paths());
  await open();
  imageId = (await core.images.ensureStarter()).id;
});
afterEach(async () => {
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
  await core.close();
  expect(await networkTraces(root, mark(paths().data, 6))).toEqual([]);
  await removeTree(root, choosePrivileges());
});

const config = (more: Partial<ContainerConfig> = {}): ContainerConfig => ({
  ...{ name: "web", imageId, env: [], terminal: false, limits: {}, restart: { name: "always" } },
  ...{ args: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"], labels: { a: "b" } },
  ...{ ports: [{ containerPort: 80, protocol: "tcp" as const }], ...more },
});
const changed = (more: Partial<ContainerConfig> = {}) => config({ env: ["NEW=yes"], ...more });

/** What the kernel and the records say of one by name. */
const named = async (name: string): Promise<Container> => {
  const found = (await core.containers.list()).find((container) => container.name === name);
  if (!found) throw new Error(`"${name}" is not listed`);
  return found;
};
const names = async (): Promise<string[]> =>
  (await core.containers.list()).map(({ name }) => name).sort();
const place = async (id: string) =>
  (await core.networks.list())
    .flatMap(({ members }) => members)
    .filter(({ containerId }) => containerId === id)
    .map(({ ip4, mac }) => ({ ip4, mac }));
const says = async (id: string, script: string): Promise<string> => {
  const { stdout } = await core.containers.exec(id, { args: ["sh", "-c", script] });
  return new TextDecoder().decode(stdout).trim();
};
const replacements = () => core.exchange.query({ limit: 100 });

/** A running one with a file of its own, and its place in the network. */
async function running(more: Partial<ContainerConfig> = {}) {
  const { id } = await core.containers.create(config(more), true);
  await says(id, "echo kept >/own");
  const row = await named("web");
  return { id, ports: row.ports, place: await place(id) };
}

/** That the old one is what it was, and runs. */
async function expectOld(before: Awaited<ReturnType<typeof running>>): Promise<void> {
  expect(await names()).toEqual(["web"]);
  const row = await named("web");
  expect(row).toMatchObject({ id: before.id, restart: { name: "always" }, ports: before.ports });
  expect(row.state.status).toBe("running");
  expect(await place(row.id)).toEqual(before.place);
  expect(await says(row.id, "cat /own; echo $NEW")).toBe("kept");
}

/** That another one is in its place. */
async function expectNew(before: Awaited<ReturnType<typeof running>>): Promise<void> {
  expect(await names()).toEqual(["web"]);
  const row = await named("web");
  expect(row.id).not.toBe(before.id);
  expect(row).toMatchObject({
    restart: { name: "always" },
    ports: before.ports,
    labels: { a: "b" },
  });
  expect(row.state.status).toBe("running");
  expect(await place(row.id)).toEqual(before.place);
  expect(await says(row.id, "cat /own; echo $NEW")).toBe("yes");
}

describe("a container that is re-created", () => {
  test("keeps its name, address, ports and labels, and runs by the new definition", async () => {
    const before = await running();
    const { id, old } = await core.replacements.replace({ id: before.id, config: changed() });
    expect(old).toBeUndefined();
    await expectNew(before);
    expect((await named("web")).id).toBe(id);
    const events = await replacements();
    expect(events.filter(({ topic }) => topic === "/containers/delete")).toHaveLength(1);
  });

  test("has the volumes of the old one, those that nobody named too", async () => {
    const mounts = [{ type: "volume" as const, target: "/kept", readOnly: false }];
    const before = await running({ mounts });
    await says(before.id, "echo mine >/kept/file");
    const { volumes } = await core.containers.get(before.id);
    const { id } = await core.replacements.replace({ id: before.id, config: changed({ mounts }) });
    expect(await says(id, "cat /kept/file; echo $NEW")).toBe("mine\nyes");
    expect((await core.containers.get(id)).volumes).toEqual(volumes);
    expect(await core.volumes.list()).toMatchObject([{ id: volumes[0]?.id }]);
    // One that can't take its place leaves them, and none of its own.
    const more = [...mounts, { ...mounts[0]!, target: "/more" }];
    const failing = changed({ mounts: more, args: ["false"] });
    await expect(core.replacements.replace({ id, config: failing })).rejects.toThrow();
    expect(await says(id, "cat /kept/file")).toBe("mine");
    expect(await core.volumes.list()).toMatchObject([{ id: volumes[0]?.id }]);
  });

  test("that is removed when it ends is put back, and stays where it is kept", async () => {
    const rm = { autoRemove: true, restart: { name: "no" as const } };
    const { id } = await running(rm);
    const failing = changed({ ...rm, args: ["false"] });
    await expect(core.replacements.replace({ id, config: failing })).rejects.toThrow();
    expect(await says(id, "cat /own")).toBe("kept");
    await core.replacements.replace({ id, config: changed(rm), keepOld: true });
    expect(await names()).toEqual(["web", "web-old"]);
  });

  test("can be kept, stopped, under another name", async () => {
    const before = await running();
    const result = await core.replacements.replace({
      ...{ id: before.id, config: changed(), keepOld: true },
    });
    expect(result.old).toEqual({ id: before.id, name: "web-old" });
    expect(await names()).toEqual(["web", "web-old"]);
    const old = await named("web-old");
    expect(old).toMatchObject({ id: before.id, restart: { name: "no" }, ports: [] });
    expect(old.state.status).toBe("exited");
    // A second one takes the next name.
    const again = await core.replacements.replace({
      ...{ id: result.id, config: changed(), keepOld: true },
    });
    expect(again.old?.name).toBe("web-old-2");
  });

  test("goes on with what it wrote, from an image made of it", async () => {
    const before = await running();
    const { id } = await core.replacements.replace({
      ...{ id: before.id, config: changed(), keepFiles: "web:kept" },
    });
    expect(await says(id, "cat /own; echo $NEW")).toBe("kept\nyes");
    expect((await named("web")).image.name).toBe("web:kept");
    await expect(
      core.replacements.replace({
        ...{ id, config: config(), keepFiles: "web:other" },
      }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { field: "keepFiles" } });
  });

  test("that does not run stays so, with its other name", async () => {
    const { id } = await core.containers.create(config({ networks: "none", ports: [] }), false);
    const { id: next } = await core.replacements.replace({
      ...{ id, config: changed({ name: "site", networks: "none", ports: [] }) },
    });
    expect(await core.containers.list()).toMatchObject([
      { id: next, name: "site", state: { status: "created" } },
    ]);
  });

  test("may end at once where the old one had ended", async () => {
    const job = config({ networks: "none", ports: [], args: ["true"], restart: { name: "no" } });
    const { id } = await core.containers.create(job, true);
    await vi.waitFor(
      async () => expect((await named("web")).state.status).toBe("exited"),
      patience,
    );
    const { id: next } = await core.replacements.replace({
      ...{ id, config: { ...job, env: ["NEW=yes"] }, start: true },
    });
    expect(await core.containers.list()).toMatchObject([{ id: next, state: { exitCode: 0 } }]);
  });
});

describe("the old one is put back", () => {
  test.each<[what: string, change: Partial<ContainerConfig>, says: RegExp]>([
    ["starts nothing that is there", { args: ["/no/such"] }, /not re-created.*\/no\/such/],
    ["ends at once", { args: ["sh", "-c", "exit 3"] }, /ended at once with status 3/],
    ["ends at once, and well", { args: ["true"] }, /ended at once with status 0/],
    [
      "asks for an address that is not there",
      { networks: [{ name: defaultNetwork, ip4: "1.1.1.1" }] },
      /1\.1\.1\.1/,
    ],
  ])("when the new one %s", async (_what, change, message) => {
    const before = await running();
    const replacing = core.replacements.replace({ id: before.id, config: changed(change) });
    await expect(replacing).rejects.toMatchObject({
      message: expect.stringMatching(message) as string,
      details: { hint: expect.stringMatching(/The old one is back, and runs again/) as string },
    });
    await expectOld(before);
  });

  test("without having been stopped, when it can be told before", async () => {
    const before = await running();
    const { pid } = (await named("web")).state;
    await expect(
      core.replacements.replace({ id: before.id, config: changed({ user: "nobody-here" }) }),
    ).rejects.toMatchObject({ details: { field: "user" } });
    expect((await named("web")).state.pid).toBe(pid);
    await expectOld(before);
  });

  test("when it is cancelled", async () => {
    const before = await running();
    const replacing = core.replacements.replace({ id: before.id, config: changed() });
    const failing = expect(replacing).rejects.toMatchObject({ code: "CANCELLED" });
    for await (const { put } of core.operations.watch(new AbortController().signal)) {
      const op = put.find(({ kind }) => kind === "recreate");
      if (!op?.detail?.startsWith("Seeing")) continue;
      core.operations.cancel(op.id);
      break;
    }
    await failing;
    await expectOld(before);
  });

  test("when the manager is closed", async () => {
    const before = await running();
    const replacing = core.replacements.replace({ id: before.id, config: changed() });
    const failing = expect(replacing).rejects.toMatchObject({ code: "CANCELLED" });
    for await (const { put } of core.operations.watch(new AbortController().signal)) {
      if (put.some(({ detail }) => detail?.startsWith("Seeing"))) break;
    }
    await core.close();
    await failing;
    await open();
    await expectOld(before);
  });

  test("and while it goes on nothing else is done to it", async () => {
    const before = await running();
    const replacing = core.replacements.replace({ id: before.id, config: changed() });
    await vi.waitFor(() => expect(core.containers.activities.get(before.id)).toBeDefined());
    await expect(core.containers.lifecycle.start(before.id)).rejects.toMatchObject({
      message: expect.stringContaining("being re-created") as string,
    });
    await replacing;
    await expectNew(before);
  });
});

/** Replaces it in a manager of its own, which is killed at a step. */
async function killedAt(step: string, later: number, id: string, next: ContainerConfig) {
  await core.close();
  const program = fileURLToPath(
    workerUrl("replacing-manager.test", new URL("x.ts", import.meta.url).href),
  );
  const child = fork(program, [root, id, JSON.stringify(next), step, String(later)], {
    execArgv: [],
  });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  await open();
  expect(signal).toBe("SIGKILL");
}

describe("the next manager", () => {
  test.each<[step: string, later: number]>([
    ["SIGKILL in", 0],
    ["SIGKILL in", 40],
    ["Creating", 0],
    ["Creating", 15],
  ])("puts the old one back when one was killed at “%s” (+%i ms)", async (step, later) => {
    const before = await running();
    // Its new one would not start, so that whatever was reached of it is no success.
    await killedAt(step, later, before.id, changed({ args: ["sh", "-c", "sleep 0.2; exit 1"] }));
    // From the first list on it has its name.
    expect(await names()).toEqual(["web"]);
    await vi.waitFor(
      async () => expect((await named("web")).state.status).toBe("running"),
      patience,
    );
    await expectOld(before);
  });

  test.each<[step: string, later: number]>([
    ["Seeing", 0],
    ["Removing", 0],
  ])("finishes when one was killed at “%s” (+%i ms)", async (step, later) => {
    const before = await running();
    await killedAt(step, later, before.id, changed());
    await expectNew(before);
  });

  test("goes on putting it back when one was killed at that", async () => {
    const before = await running();
    const next = changed({ args: ["sh", "-c", "sleep 0.5; exit 1"] });
    await killedAt("Putting", 5, before.id, next);
    await vi.waitFor(
      async () => expect((await named("web")).state.status).toBe("running"),
      patience,
    );
    await expectOld(before);
  });
});
