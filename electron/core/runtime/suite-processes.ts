import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { choosePrivileges } from "#core/host/privileges";
import { type Desk, exists, feature } from "./suite-desk.ts";
import { logText, until } from "./testing.ts";

/** Processes beside init: commands, execs, terminals. */
export function describeProcesses(desk: Desk): void {
  feature(desk, "run a command to its end", undefined, () => {
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
      const runs = async (): Promise<boolean> => {
        const ps = await task.run({ args: ["ps", "-o", "args"], maxOutput: 4096 });
        return Buffer.from(ps.stdout).toString().includes("sleep 77");
      };
      await until(runs);
      controller.abort();
      await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
      await until(async () => !(await runs()));
    });
  });

  feature(desk, "exec, list and remove processes", undefined, () => {
    it("runs beside init, with its own log and exit status, until it is removed", async () => {
      const task = await desk.run("exec", "sleep 99");
      const exec = await task.exec({
        id: "job",
        args: ["sh", "-c", 'echo "$A"; id -u; pwd; echo err >&2; sleep 0.3; exit 9'],
        env: ["A=b c"],
        user: "app",
        cwd: "/tmp",
        terminal: false,
      });
      expect(exec.state.status).toBe("running");
      await desk.reopen();
      const job = desk.get("exec").process("job");
      expect(job).toMatchObject({ id: "job", terminal: false, user: "app" });
      expect((await job?.wait())?.code).toBe(9);
      expect(job?.state).toMatchObject({ status: "exited", pid: undefined, exit: { code: 9 } });
      const lines = logText(await readFile(job?.logPath ?? "", "utf8")).split("\n");
      expect(lines.sort()).toEqual(["", "/tmp", "1000", "b c", "err"]);
      await until(() => desk.eventsOf("exec", "exit").length === 1);
      await desk.reopen();
      expect(desk.get("exec").process("job")?.state.exit).toMatchObject({ code: 9 });
      expect(desk.eventsOf("exec", "exit")).toHaveLength(1);
      await desk.get("exec").process("job")?.remove();
      await desk.reopen();
      expect(
        desk
          .get("exec")
          .processes()
          .map(({ id }) => id),
      ).toEqual(["init"]);
      await expect(desk.get("exec").process("init")?.remove()).rejects.toMatchObject({
        code: "FAILED_PRECONDITION",
      });
    });

    it("is removed while it runs", async () => {
      const task = await desk.run("remove", "sleep 99");
      const exec = await task.exec({ id: "job", args: ["sleep", "98"], terminal: false });
      await exec.remove();
      expect(exec.state.exit?.code).toBe(137);
      expect(task.processes()).toHaveLength(1);
      const again = await task.exec({ id: "job", args: ["true"], terminal: false });
      expect((await again.wait()).code).toBe(0);
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

  feature(desk, "pids, and whose they are", "pids", () => {
    it("names every process of this host that is inside", async () => {
      const task = await desk.run("pids", "sleep 99 & sleep 99 & wait");
      const exec = await task.exec({ id: "e", args: ["sleep", "99"], terminal: false });
      await until(async () => (await task.pids()).length === 4);
      await desk.reopen();
      const found = await desk.get("pids").pids();
      const { pid } = desk.get("pids").state;
      expect(found).toContainEqual({ pid, process: "init" });
      expect(found).toContainEqual({ pid: exec.state.pid, process: "e" });
      expect(found.filter(({ process }) => process === undefined)).toHaveLength(2);
    });
  });

  feature(desk, "cgroups inside its own", "pids", () => {
    it.skipIf(choosePrivileges().rootless)(
      "knows what a container keeps in cgroups below its own, and removes these with it",
      async () => {
        const task = await desk.run("nested", "sleep 99 & sleep 98");
        await until(async () => (await task.pids()).length === 2);
        const before = await task.pids();
        const dirs = Object.values((await task.cgroup()) ?? {});
        // As systemd does in a container: nothing is left at the top.
        for (const dir of new Set(dirs)) {
          await mkdir(join(dir, "inner", "most"), { recursive: true });
          for (const { pid } of before) {
            // One without CPUs or memory nodes (cgroup v1's cpuset) takes no process.
            await writeFile(join(dir, "inner", "most", "cgroup.procs"), `${pid}`).catch(() => {});
          }
        }
        expect(await task.pids()).toEqual(before);
        await task.delete({ force: true });
        for (const dir of dirs) expect(await exists(dir)).toBe(false);
      },
    );
  });

  feature(desk, "terminals: exec, resize, every byte", undefined, () => {
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

    it("gives init a terminal, of any size", async () => {
      const task = await desk.run("tty", "read word; stty size; echo got $word; exit 3", {
        terminal: true,
      });
      await desk.reopen();
      const init = desk.get("tty").process("init");
      expect(init?.terminal).toBe(true);
      await init?.resize({ cols: 111, rows: 22 });
      await expect(init?.closeInput()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
      const input = await init?.openInput();
      await input?.write(Buffer.from("it\r"));
      expect((await init?.wait())?.code).toBe(3);
      const log = logText(await desk.root.log("tty"));
      expect(log).toContain("22 111\r\ngot it\r\n");
      expect(task.id).toBe("tty");
    });
  });
}
