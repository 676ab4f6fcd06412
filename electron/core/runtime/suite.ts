import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { isCode } from "#shared/errors";
import { describeCheckpoints } from "./suite-checkpoints.ts";
import { Desk, type SuiteSubject, exists, feature, polite } from "./suite-desk.ts";
import { describeInput } from "./suite-input.ts";
import { describeProcesses } from "./suite-processes.ts";
import { describeResources } from "./suite-resources.ts";
import { describeSurvival } from "./suite-survival.ts";
import { logText, until } from "./testing.ts";

/**
 * What every kind of shim must do, run against the real one. The second half of a test runs under another manager,
 * which has found the task on disk; in `survival` the first manager was killed. Each group below the runtime's is a
 * row of the README's table.
 */
export function describeTasks(subject: SuiteSubject): void {
  const { info } = subject;
  describe(`runtime ${subject.title ?? `${info.id} ${info.version}`}`, () => {
    const desk = new Desk(subject);
    beforeAll(() => desk.open());
    afterEach(() => desk.clear());
    afterAll(() => desk.close());
    describeLife(desk);
    describeProcesses(desk);
    describeInput(desk);
    describeResources(desk);
    describeCheckpoints(desk);
    describeSurvival(desk);
  });
}

/** From creation to deletion, and creations that fail. */
function describeLife(desk: Desk): void {
  const { info } = desk;
  feature(desk, "create, start, wait, delete", undefined, () => {
    it("goes from created to running to exited to gone", async () => {
      const task = await desk.create("life", "echo out; echo err >&2; exit 3");
      expect(task.state).toMatchObject({ status: "created", exit: undefined });
      expect(task.state.pid).toBeGreaterThan(0);
      expect(task.shim.alive).toBe(true);
      await desk.reopen();
      expect(desk.get("life").state.status).toBe("created");
      await desk.get("life").start();
      const exit = await desk.get("life").wait();
      expect(exit).toMatchObject({ code: 3, oomKilled: false });
      expect(Math.abs(Date.now() - exit.exitedAt)).toBeLessThan(60_000);
      expect(desk.get("life").state.status).toBe("exited");
      // Whoever writes the log reads the two streams in no order of its own.
      const lines = logText(await desk.root.log("life")).split("\n");
      expect(lines.sort()).toEqual(["", "err", "out"]);
      await until(() =>
        exists(join(desk.get("life").process("init")?.directory ?? "", "exit-told")),
      );
      await desk.reopen();
      expect(desk.get("life").state.exit).toEqual(exit);
      expect(desk.eventsOf("life", "exit")).toHaveLength(1);
      expect(await desk.get("life").delete()).toEqual(exit);
      expect(desk.manager.list()).toEqual([]);
    });

    it.each([
      ["0", "exit 0", 0],
      ["a signal it sends itself", "kill -TERM $$; echo ready; sleep 9", undefined],
      ["127", "exit 127", 127],
    ])("tells exit code %s", async (_name, script, code) => {
      const task = await desk.run("code", script);
      if (code === undefined) {
        // init ignores signals from inside its own pid namespace (pid_namespaces(7)), but the runtime in its place
        // just before does not.
        await until(
          async () => !!task.state.exit || (await desk.root.log("code")).includes("ready"),
        );
        if (task.state.exit) {
          // A kernel of its own may not make that difference.
          expect(task.state.exit.code).toBe(143);
          return;
        }
        await task.kill(15);
        await task.kill(9);
        expect((await task.wait()).code).toBe(137);
      } else {
        expect((await task.wait()).code).toBe(code);
      }
    });

    it("keeps its lines apart from another namespace's container of the same name", async () => {
      const task = await desk.run("twin", "sleep 99");
      const other = await desk.run("twin", "sleep 99", { namespace: "other" });
      expect(other.state.pid).not.toBe(task.state.pid);
      await other.delete({ force: true });
      expect((await task.refresh()).status).toBe("running");
    });

    it("says who it is, also after a restart", async () => {
      const made = await desk.run("who", "sleep 99");
      await desk.reopen();
      const task = desk.get("who");
      const { namespace, id, bundle, labels, runtime } = made;
      expect(task).toMatchObject({ namespace, id, bundle, labels, runtime });
      expect(task).toMatchObject({ runtime: info.id, labels: { test: "yes" } });
      expect(await exists(task.bundle)).toBe(true);
      expect(task.state).toEqual(made.state);
      expect(await task.refresh()).toEqual(made.state);
      expect(JSON.parse(await task.runtimeState())).toMatchObject({ status: "running" });
    });

    it("refuses what does not fit its state", async () => {
      const task = await desk.run("state", "sleep 99");
      for (const refused of [task.start(), task.resume(), task.delete()]) {
        await expect(refused).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
      }
      await expect(desk.create("state", "true")).rejects.toMatchObject({
        code: "ALREADY_EXISTS",
      });
      expect(task.state.status).toBe("running");
    });
  });

  feature(desk, "kill one or all", undefined, () => {
    it("is killed by a chosen signal, and told so", async () => {
      await desk.run("kill", polite);
      await until(async () => (await desk.root.log("kill")).includes("ready"));
      await desk.reopen();
      await desk.get("kill").kill(15);
      expect((await desk.get("kill").wait()).code).toBe(0);
      await expect(desk.get("kill").kill(15)).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    it("is killed with all its children", async () => {
      const task = await desk.run("all", "trap '' TERM; sleep 99 & sleep 99 & wait");
      expect(task.state.status).toBe("running");
      await desk.reopen();
      await desk.get("all").kill(9, { all: true });
      expect((await desk.get("all").wait()).code).toBe(137);
      expect(await desk.get("all").pids()).toEqual([]);
    });

    it("has one process killed, and the others go on", async () => {
      const task = await desk.run("one", "sleep 99");
      const exec = await task.exec({ id: "e", args: ["sleep", "99"], terminal: false });
      await desk.reopen();
      await desk.get("one").process("e")?.kill(9);
      expect((await desk.get("one").process("e")?.wait())?.code).toBe(137);
      await expect(desk.get("one").process("e")?.kill(9)).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
      expect((await desk.get("one").refresh()).status).toBe("running");
      expect(exec.id).toBe("e");
    });
  });

  feature(desk, "a failed creation leaves nothing", undefined, () => {
    it("says in the runtime's words that there is no such command, and leaves nothing", async () => {
      const request = await desk.root.request("bad", ["no-such-command"]);
      const make = async (): Promise<void> => (await desk.manager.create(info.id, request)).start();
      const failure = await make().catch((error: unknown) => error);
      // Some look for the command only when they start it.
      await desk.manager.get("default", "bad")?.delete({ force: true });
      expect(isCode(failure, "NOT_FOUND")).toBe(true);
      expect(failure).toMatchObject({
        message: expect.stringContaining("no-such-command"),
        details: {
          output: expect.stringMatching(
            /executable.*(not found|no such file)|cannot find the file/,
          ),
          hint: expect.any(String),
        },
      });
      expect(desk.manager.list()).toEqual([]);
    });

    it("undoes a missing root file system, and one that was cancelled", async () => {
      const request = await desk.root.request("bad", ["true"]);
      request.rootfs.lower = [{ type: "directory", path: join(desk.root.dir, "gone") }];
      await expect(desk.manager.create(info.id, request)).rejects.toMatchObject({
        details: { output: expect.stringMatching(/mount/) },
      });
      const aborted = new AbortController();
      const creating = desk.manager.create(info.id, await desk.root.request("bad", ["true"]), {
        signal: aborted.signal,
      });
      setTimeout(() => aborted.abort(), 3);
      await expect(creating).rejects.toMatchObject({ code: "CANCELLED" });
      const task = await desk.run("bad", "exit 0");
      expect((await task.wait()).code).toBe(0);
    });
  });
}
