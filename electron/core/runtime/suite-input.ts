import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { type Desk, feature } from "./suite-desk.ts";
import { logText, until } from "./testing.ts";

/** What is written to a process without a terminal, and that it ends. */
export function describeInput(desk: Desk): void {
  feature(desk, "standard input, and closing it", "input", () => {
    it("keeps standard input open for one client after another", async () => {
      await desk.run("stdin", "while read line; do echo got $line; done", {
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
    });

    it("is ended for init: everything written before is read, then the end", async () => {
      const task = await desk.run("eof", "wc -c; exit 6", { stdin: true });
      const input = await task.process("init")?.openInput();
      await input?.write(Buffer.alloc(300_000, "x"));
      input?.dispose();
      await desk.reopen();
      const init = desk.get("eof").process("init");
      const second = await init?.openInput();
      await second?.write(Buffer.from("last"));
      await init?.closeInput();
      second?.dispose();
      expect((await init?.wait())?.code).toBe(6);
      expect(logText(await desk.root.log("eof"))).toBe("300004\n");
    });

    it("is ended for an exec that goes on, and stays ended", async () => {
      const task = await desk.run("half", "sleep 99");
      const script = "cat; echo end; sleep 99";
      const made = await task.exec({ id: "c", args: ["sh", "-c", script], terminal: false });
      const input = await made.openInput();
      await input.write(Buffer.from("one\n"));
      await made.closeInput();
      await until(async () => logText(await readFile(made.logPath, "utf8")) === "one\nend\n");
      input.dispose();
      await desk.reopen();
      const exec = desk.get("half").process("c");
      for (const refused of [() => exec?.openInput(), () => exec?.closeInput()]) {
        await expect(refused()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
      }
      expect(exec?.state.status).toBe("running");
    });
  });
}
