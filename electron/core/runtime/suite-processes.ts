import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Desk } from "./suite-desk.ts";
import { logText, until } from "./testing.ts";

/** Processes beside init, their terminals and input, and what limits them all. */
export function describeProcesses(desk: Desk): void {
  const { info } = desk;
  describe("processes", () => {
    it("runs a command to its end, with input and output", async () => {
      const task = await desk.run("run", "sleep 99");
      const input = Buffer.from("grün\0bytes\n");
      const cat = await task.run({ args: ["cat"], stdin: input, maxOutput: 1024 });
      expect({ ...cat, stdout: Buffer.from(cat.stdout) }).toMatchObject({
        exitCode: 0,
        stdout: input,
        truncated: false,
      });
      const failed = await task.run({ args: ["sh", "-c", "echo no >&2; exit 7"], maxOutput: 10 });
      expect(failed.exitCode).toBe(7);
      expect(Buffer.from(failed.stderr).toString()).toBe("no\n");
      const much = await task.run({
        args: ["dd", "if=/proc/self/exe", "bs=64k", "count=1"],
        maxOutput: 100,
      });
      expect(much).toMatchObject({ truncated: true });
      expect(much.stdout).toHaveLength(100);
      await expect(task.run({ args: ["nope"], maxOutput: 10 })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
      const who = await task.run({
        args: ["sh", "-c", 'id -u; id -G; pwd; echo "$A"'],
        user: "app",
        cwd: "/tmp",
        env: ["A=b c"],
        maxOutput: 100,
      });
      expect(Buffer.from(who.stdout).toString()).toBe("1000\n1000 50\n/tmp\nb c\n");
      await expect(
        task.run({ args: ["true"], user: "nobody-here", maxOutput: 10 }),
      ).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { field: "user" } });
    });

    it("ends a command whose caller has gone", async () => {
      const task = await desk.run("abort", "sleep 99");
      const controller = new AbortController();
      const running = task.run(
        { args: ["sleep", "77"], maxOutput: 10 },
        { signal: controller.signal },
      );
      await until(async () => (await task.pids()).length === 2);
      controller.abort();
      await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
      await until(async () => (await task.pids()).length === 1);
    });

    it("gives a shell on a terminal that outlives the manager", async () => {
      const task = await desk.run("term", "sleep 99");
      const shell = await task.exec({
        id: "sh",
        args: ["sh"],
        terminal: true,
        size: { cols: 90, rows: 30 },
      });
      const input = await shell.openInput();
      const log = async (): Promise<string> => logText(await readFile(shell.logPath, "utf8"));
      await input.write(Buffer.from("stty size; echo 'grüße 你好 👋'\r"));
      await until(async () => (await log()).includes("30 90\r\n"));
      await until(async () => (await log()).includes("\r\ngrüße 你好 👋\r\n"));
      input.dispose();
      await desk.reopen();
      const again = desk.get("term").process("sh");
      expect(again).toMatchObject({ terminal: true, args: ["sh"], state: { status: "running" } });
      await again?.resize({ cols: 70, rows: 20 });
      const second = await again?.openInput();
      await second?.write(Buffer.from("stty size\r"));
      await until(async () => (await log()).includes("20 70\r\n"));
      await second?.write(Buffer.from("exit 5\r"));
      expect((await again?.wait())?.code).toBe(5);
      await until(() => desk.eventsOf("term", "exit").length === 1);
      await expect(second?.write(Buffer.from("x"))).rejects.toMatchObject({
        code: "UNAVAILABLE",
      });
      await again?.remove();
      expect(desk.get("term").processes()).toHaveLength(1);
    });

    it("keeps every byte of a terminal, whatever it is", async () => {
      const task = await desk.run("bytes", "sleep 99");
      const script =
        "stty raw -echo; i=0; while [ $i -lt 300 ]; do printf 'a\\000\\377\\033[1m%s\\n\\r' $i; i=$((i+1)); done; printf end";
      const shell = await task.exec({ id: "raw", args: ["sh", "-c", script], terminal: true });
      expect((await shell.wait()).code).toBe(0);
      const expected = Buffer.concat([
        ...Array.from({ length: 300 }, (_, i) => Buffer.from(`a\0\xff\x1b[1m${i}\n\r`, "latin1")),
        Buffer.from("end"),
      ]);
      expect(logText(await readFile(shell.logPath, "latin1"))).toBe(expected.toString("latin1"));
    });

    it("keeps standard input open for one client after another", async () => {
      const task = await desk.run("stdin", "while read line; do echo got $line; done", {
        stdin: true,
      });
      for (const word of ["one", "two"]) {
        const input = await desk.get("stdin").process("init")?.openInput();
        await input?.write(Buffer.from(`${word}\n`));
        await until(async () => (await desk.root.log("stdin")).includes(`got ${word}`));
        input?.dispose();
        await desk.reopen();
      }
      const closed = await desk.run("closed", "sleep 99");
      await expect(closed.process("init")?.openInput()).rejects.toMatchObject({
        code: "FAILED_PRECONDITION",
      });
      task.dispose();
    });

    it("lists processes, refuses a second of the same name and unknown commands", async () => {
      const task = await desk.run("list", "sleep 99");
      const exec = await task.exec({
        id: "one",
        args: ["sleep", "99"],
        terminal: false,
        user: "1000:50",
      });
      expect(task.processes().map(({ id }) => id)).toEqual(["init", "one"]);
      expect(exec.user).toBe("1000:50");
      await expect(task.exec({ id: "one", args: ["true"], terminal: false })).rejects.toMatchObject(
        { code: "ALREADY_EXISTS" },
      );
      await expect(
        task.exec({ id: "two", args: ["no-such"], terminal: true }),
      ).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("no-such") });
      await expect(
        task.exec({ id: "../x", args: ["true"], terminal: false }),
      ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await exec.kill(9);
      expect((await exec.wait()).code).toBe(137);
      await desk.reopen();
      expect(desk.get("list").process("one")?.state.exit?.code).toBe(137);
    });
  });

  describe("resources", () => {
    it.runIf(info.abilities.pause.ok)("pauses, resumes, and is stopped while paused", async () => {
      const task = await desk.run("pause", "while :; do echo x; sleep 0.02; done");
      await task.pause();
      expect(task.state.status).toBe("paused");
      await desk.reopen();
      expect(desk.get("pause").state.status).toBe("paused");
      const before = await desk.root.log("pause");
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await desk.root.log("pause")).toBe(before);
      await desk.get("pause").resume();
      await until(async () => (await desk.root.log("pause")) !== before);
      await desk.get("pause").pause();
      await desk.get("pause").kill(9);
      expect((await desk.get("pause").wait()).code).toBe(137);
      task.dispose();
    });

    it.runIf(info.abilities.limits.ok)(
      "changes limits while it runs, and refuses the impossible",
      async () => {
        const task = await desk.run("limits", "sleep 99");
        await task.update({
          memory: { limit: 48 * 1024 ** 2, swap: 48 * 1024 ** 2 },
          pids: { limit: 32 },
        });
        const dirs = (await task.cgroup()) ?? {};
        const file = dirs.pids ? join(dirs.pids, "pids.max") : join(dirs.unified ?? "", "pids.max");
        expect((await readFile(file, "utf8")).trim()).toBe("32");
        await expect(task.update({ cpu: { quota: 5, period: 1 } })).rejects.toMatchObject({
          details: { output: expect.any(String) },
        });
        expect((await task.refresh()).status).toBe("running");
      },
    );

    it.runIf(info.abilities.limits.ok)("tells when it ran out of memory", async () => {
      const task = await desk.run("oom", "exec dd if=/dev/zero of=/dev/null bs=200M count=3", {
        spec: (spec) => ({
          ...spec,
          linux: {
            ...spec.linux,
            resources: { memory: { limit: 16 * 1024 ** 2, swap: 16 * 1024 ** 2 } },
          },
        }),
      });
      expect(await task.wait()).toMatchObject({ code: 137, oomKilled: true });
      expect(desk.eventsOf("oom", "oom")).toHaveLength(1);
      await desk.reopen();
      expect(desk.get("oom").state.exit).toMatchObject({ oomKilled: true });
    });
  });
}
