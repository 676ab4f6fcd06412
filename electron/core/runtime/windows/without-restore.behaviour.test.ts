import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { choosePrivileges } from "#core/host/privileges";
import { processStat } from "#core/host/proc";
import type { RuntimeInfo } from "#shared/contract/system";
import type { Runtime } from "../runtime.ts";
import { eventsAddress } from "../shim/events.ts";
import { findShims } from "../shim/find-shims.ts";
import { createShimRuntimes, shimPath } from "../shim/plugin.ts";
import { Desk } from "../suite-desk.ts";
import { type TestRoot, until } from "../testing.ts";
import { PidPool } from "./pid-pool.ts";
import { namedPipes } from "./transport.ts";
import { WithoutRestore } from "./without-restore.ts";

const id = "shim/io.containerd.runc.v2";
const privileges = choosePrivileges();
const usable = !privileges.rootless && (await shimPath("io.containerd.runc.v2")) !== undefined;

/** The runc shim's containers, with the policy of Windows: what is terminated here really runs. */
async function runtimes({ paths }: TestRoot): Promise<Runtime[]> {
  const found = await createShimRuntimes({ paths, privileges });
  return found.runtimes.map((runtime) => {
    const shim = { name: "containerd-shim-runc-v2", path: "", version: "" };
    const shared = { id: runtime.id, paths, privileges, shim };
    return new WithoutRestore(runtime, { ...shared, transport: namedPipes, pids: new PidPool() });
  });
}

describe.runIf(usable)("a runtime that restores nothing, over containerd's shim for Linux", () => {
  // Of the runtime's description a desk only needs the name.
  const desk = new Desk({ info: { id } as RuntimeInfo, runtimes });
  beforeAll(() => desk.open());
  afterEach(() => desk.clear());
  afterAll(() => desk.close());

  const noShims = (): Promise<void> =>
    until(async () => (await findShims(eventsAddress(desk.root.paths))).length === 0);

  it("terminates what an earlier manager left, tells its exit with status 255, and keeps nothing", async () => {
    const names = ["one", "two"];
    const tasks = await Promise.all(names.map((name) => desk.run(name, "sleep 99")));
    const paused = await desk.run("paused", "sleep 99");
    await paused.pause();
    const all = [...tasks, paused];
    const pids = all.map(({ state }) => state.pid ?? 0);
    const before = Date.now();
    await desk.reopen();
    await until(() => desk.manager.list().length === 0);
    expect(desk.manager.broken()).toEqual([]);
    for (const { id: name, bundle } of all) {
      const [exit, ...more] = desk.eventsOf(name, "exit");
      expect(exit).toMatchObject({ processId: "init", exit: { code: 255, oomKilled: false } });
      expect((exit as { exit: { exitedAt: number } }).exit.exitedAt).toBeGreaterThanOrEqual(before);
      expect(more).toEqual([]);
      expect(desk.eventsOf(name, "deleted")).toHaveLength(1);
      await expect(stat(bundle)).rejects.toMatchObject({ code: "ENOENT" });
    }
    for (const pid of pids) expect(await processStat(pid)).toBeUndefined();
    await noShims();
    // The name is free again.
    expect((await (await desk.run("one", "exit 2")).wait()).code).toBe(2);
  });

  it("keeps the status of one that had ended by itself, and tells it if that was not done", async () => {
    const told = await desk.run("told", "exit 3");
    const untold = await desk.run("untold", "exit 4");
    await Promise.all([told.wait(), untold.wait()]);
    for (const name of ["told", "untold"]) {
      const file = join(desk.get(name).process("init")?.directory ?? "", "exit-told");
      await until(() =>
        stat(file).then(
          () => true,
          () => false,
        ),
      );
    }
    await rm(join(untold.process("init")?.directory ?? "", "exit-told"));
    desk.events.length = 0;
    await desk.reopen();
    await until(() => desk.manager.list().length === 0);
    expect(desk.eventsOf("told", "exit")).toEqual([]);
    expect(desk.eventsOf("untold", "exit")).toMatchObject([{ exit: { code: 4 } }]);
  });

  it("removes what was only begun, and shows what is damaged until it is discarded", async () => {
    const begun = await desk.create("begun", "sleep 99");
    const damaged = await desk.run("damaged", "sleep 99");
    const { pid } = damaged.state;
    desk.manager.dispose();
    await rm(join(begun.process("init")?.directory ?? "", "starttime"));
    await writeFile(join(damaged.bundle, "state.json"), "{");
    await desk.open();
    expect(desk.manager.list()).toEqual([]);
    expect(desk.eventsOf("begun", "exit")).toEqual([]);
    expect(desk.manager.broken()).toMatchObject([{ bundle: { id: "damaged" } }]);
    await desk.manager.discard("default", "damaged");
    expect(await processStat(pid ?? 0)).toBeUndefined();
    await noShims();
  });
});
