import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Paths } from "#core/host/paths";
import { choosePrivileges } from "#core/host/privileges";
import { processStat } from "#core/host/proc";
import { taskManagerArgv } from "../child-manager.ts";
import { Desk, type SuiteSubject, plainVersion, polite } from "../suite-desk.ts";
import { describeTasks } from "../suite.ts";
import { until } from "../testing.ts";
import { createContainerdRuntimes } from "./plugin.ts";
import { TestDockerd } from "./testing-docker.ts";
import { TestContainerd, lacks } from "./testing.ts";

const open = (paths: Paths) => createContainerdRuntimes({ paths, privileges: choosePrivileges() });

const lacking = lacks("containerd", "ctr");
if (lacking) {
  describe.skip("a containerd", () => it(`can't be started: ${lacking}`, () => {}));
} else {
  // Debian's, as a daemon of the test's own.
  const containerd = await TestContainerd.start();
  afterAll(() => containerd.close(["shimyard", "shimyard-other"]));
  const { socket, directory } = containerd;
  const info = await (await open({ data: directory, state: directory }))?.describe(socket);
  if (!info?.usable.ok) {
    const reason = info?.usable.reason ?? "conmon is not installed";
    describe.skip("a containerd", () => it(`can't be used: ${reason}`, () => {}));
  } else {
    const subject: SuiteSubject = {
      info,
      title: `containerd ${plainVersion(info.version)} + runc`,
      manager: (root) => [...taskManagerArgv(), root],
      lacks: { "shim-loss": "containerd ends a container whose shim was killed" },
      runtimes: async ({ paths }) => {
        const runtime = (await open(paths))?.plugin.make(info.id);
        return runtime ? [runtime] : [];
      },
    };
    describeTasks(subject);
    describeAbsence(containerd, subject);
  }
}

const noDocker = lacks("dockerd", "docker");

describe.skipIf(noDocker)(`docker's containerd${noDocker ? ` (skipped: ${noDocker})` : ""}`, () => {
  it("has containers of ours beside docker's own, each in its namespace", async () => {
    const dockerd = await TestDockerd.start();
    const { socket, directory } = dockerd;
    try {
      const info = await (await open({ data: directory, state: directory }))?.describe(socket);
      if (!info) throw new Error("conmon is not installed");
      expect(info.usable).toEqual({ ok: true });
      const desk = new Desk({
        info,
        runtimes: async ({ paths }) => {
          const runtime = (await open(paths))?.plugin.make(info.id);
          return runtime ? [runtime] : [];
        },
      });
      await desk.open();
      try {
        await desk.run("ours", polite);
        await desk.reopen();
        const task = desk.get("ours");
        const ran = await task.run({ args: ["echo", "in"], maxOutput: 10 });
        expect(Buffer.from(ran.stdout).toString()).toBe("in\n");
        await task.pause();
        await task.resume();
        expect(await dockerd.docker("ps", "--all", "--quiet")).toBe("");
        await until(async () => (await desk.root.log("ours")).includes("ready"));
        await task.kill(15);
        expect(await task.wait()).toMatchObject({ code: 0 });
      } finally {
        await desk.clear();
        await desk.close();
      }
    } finally {
      await dockerd.close(["shimyard"]);
    }
  });
});

/** What only a daemon can do: go away and come back, and be asked by others. */
function describeAbsence(containerd: TestContainerd, subject: SuiteSubject): void {
  describe("a containerd that goes away", () => {
    const desk = new Desk(subject);
    beforeAll(() => desk.open());
    afterEach(async () => {
      if (!containerd.runs) await containerd.start();
      await desk.clear();
    });
    afterAll(() => desk.close());

    const listed = async (): Promise<string[]> => {
      const ids = await containerd.ctr("--namespace", "shimyard", "containers", "ls", "-q");
      return ids.split("\n").filter(Boolean).sort();
    };

    it("has its containers on record for as long as we have their tasks", async () => {
      const task = await desk.run("listed", "sleep 99");
      await desk.run("ended", "exit 0");
      await desk.get("ended").wait();
      expect(await listed()).toEqual(["ended", "listed"]);
      await desk.get("ended").delete();
      await task.delete({ force: true });
      expect(await listed()).toEqual([]);
    });

    it("is said to be away, and what happened meanwhile is told when it is back", async () => {
      const stays = await desk.run("stays", polite);
      const ends = await desk.run("ends", polite);
      await until(async () => (await desk.root.log("ends")).includes("ready"));
      await containerd.stop("SIGKILL");
      await until(() => stays.state.status === "unknown" && ends.state.status === "unknown");
      expect(stays.state).toMatchObject({ error: { code: "UNAVAILABLE" }, exit: undefined });
      await expect(stays.pause()).rejects.toMatchObject({ code: "UNAVAILABLE" });
      // What the kernel does for us needs nobody.
      await ends.kill(15);
      await until(async () => !(await isThere(ends.state.pid)));
      expect(ends.state).toMatchObject({ status: "unknown", exit: undefined });
      await containerd.start();
      expect(await ends.wait()).toMatchObject({ code: 0 });
      await until(() => stays.state.status === "running");
      const echo = await stays.run({ args: ["echo", "back"], maxOutput: 10 });
      expect(Buffer.from(echo.stdout).toString()).toBe("back\n");
      await stays.kill(15);
      expect(await stays.wait()).toMatchObject({ code: 0 });
    });

    it("may be away when a manager starts", async () => {
      const { pid } = (await desk.run("early", "sleep 99")).state;
      const exec = await desk
        .get("early")
        .exec({ id: "e", args: ["sleep", "98"], terminal: false });
      await containerd.stop();
      await desk.reopen();
      expect(desk.manager.broken()).toEqual([]);
      expect(desk.get("early").state.status).toBe("unknown");
      await containerd.start();
      await until(() => desk.get("early").state.status === "running");
      expect(desk.get("early").state.pid).toBe(pid);
      await desk.get("early").process("e")?.kill(9);
      expect(await desk.get("early").process("e")?.wait()).toMatchObject({ code: 137 });
      expect(exec.id).toBe("e");
    });

    it("away, has a container deleted by force, and the rest of it removed later", async () => {
      const task = await desk.run("forced", "sleep 99");
      const { pid } = task.state;
      await containerd.stop();
      await until(() => task.state.status === "unknown");
      await expect(task.delete()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
      await task.delete({ force: true });
      expect(desk.manager.list()).toEqual([]);
      expect(await isThere(pid)).toBe(false);
      await containerd.start();
      expect(await listed()).toEqual(["forced"]);
      await desk.reopen();
      expect(await listed()).toEqual([]);
    });

    it("so deleted, is made anew over what was left of it", async () => {
      const task = await desk.run("again", "sleep 99");
      await containerd.stop();
      await until(() => task.state.status === "unknown");
      await task.delete({ force: true });
      await containerd.start();
      const anew = await desk.run("again", "exit 7");
      expect((await anew.wait()).code).toBe(7);
    });

    it("hanging, is said not to tell, and asked again by itself", async () => {
      const task = await desk.run("hang", "sleep 99");
      containerd.signal("SIGSTOP");
      try {
        expect((await task.refresh()).status).toBe("unknown");
        expect(task.state.error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
      } finally {
        containerd.signal("SIGCONT");
      }
      await until(() => task.state.status === "running");
      expect(await task.run({ args: ["true"], maxOutput: 10 })).toMatchObject({ exitCode: 0 });
    });

    it("leaves alone what another root has in it", async () => {
      const runtime = (await open({ data: "/other", state: "/other" }))?.plugin.make(
        subject.info.id,
      );
      const task = await desk.run("mine", "sleep 99");
      expect(await runtime?.leaked()).toEqual([]);
      await runtime?.cleanUp({
        namespace: "default",
        id: "mine",
        path: join(desk.root.dir, "none"),
      });
      expect((await task.refresh()).status).toBe("running");
    });

    it("refuses layers that are files, and leaves nothing", async () => {
      const request = await desk.root.request("files", ["true"]);
      const layer = join(desk.root.dir, "layer");
      await writeFile(layer, "");
      request.rootfs.lower = [{ type: "erofs", path: layer }];
      await expect(desk.manager.create(subject.info.id, request)).rejects.toMatchObject({
        code: "FAILED_PRECONDITION",
        details: { subject: layer, hint: expect.any(String) },
      });
      expect(desk.manager.list()).toEqual([]);
      expect(await listed()).toEqual([]);
    });
  });
}

async function isThere(pid: number | undefined): Promise<boolean> {
  return pid !== undefined && (await processStat(pid)) !== undefined;
}
