import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AsyncQueue } from "#shared/base/async-queue";
import type { TerminalInput, TerminalOutput } from "#shared/contract/terminals";
import { StandInProcess } from "./process.stand-in.ts";
import { TerminalSession } from "./terminal-session.ts";

let parent: string;
let process: StandInProcess;
let sessions: TerminalSession[];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "shimyard-session-"));
  process = new StandInProcess(parent, "term-1");
  sessions = [];
});

afterEach(async () => {
  for (const session of sessions) session.dispose();
  for (const session of sessions) await session.settled();
  process.close();
  rmSync(parent, { recursive: true });
});

function makeSession(maxLog?: number): TerminalSession {
  const session = new TerminalSession({
    id: process.id,
    containerId: "c",
    kind: "exec",
    process,
    createdAt: 1,
    maxLog,
  });
  sessions.push(session);
  return session;
}

/** Items until one of the type, that one included. */
async function until(
  items: AsyncGenerator<TerminalOutput>,
  type: TerminalOutput["type"],
): Promise<TerminalOutput[]> {
  const all: TerminalOutput[] = [];
  for (;;) {
    const { value, done } = await items.next();
    if (done) return all;
    all.push(value);
    if (value.type === type) return all;
  }
}

const text = (items: TerminalOutput[]): string =>
  Buffer.concat(
    items.map((item) => (item.type === "data" ? item.bytes : Buffer.alloc(0))),
  ).toString();

const nothing = (): AsyncQueue<TerminalInput> => new AsyncQueue<TerminalInput>();

test("what was printed before, then live, then what comes, then the exit", async () => {
  process.print("before\r\n");
  const session = makeSession();
  const items = session.connect(nothing());
  const replay = await until(items, "live");
  expect(replay[0]).toEqual({ type: "screen", data: "", offset: 0, cols: 80, rows: 24 });
  expect(text(replay)).toBe("before\r\n");
  process.print("日本 ✓ é", 1);
  const live = await until(items, "data");
  process.print(" last words");
  process.exit(3);
  const rest = await until(items, "exit");
  expect(text([...live, ...rest])).toBe("日本 ✓ é last words");
  expect(rest.at(-1)).toEqual({ type: "exit", exitCode: 3 });
  expect(await items.next()).toEqual({ done: true, value: undefined });
  expect(session.terminal).toMatchObject({ status: "exited", exitCode: 3 });
});

test("the next connection begins with the saved screen and goes on after it, byte for byte", async () => {
  const session = makeSession();
  process.print("one ");
  const first = session.connect(nothing());
  const seen = await until(first, "live");
  const offset = seen.findLast((item) => item.type === "data")?.offset ?? -1;
  await session.saveScreen({ data: "SCREEN", offset, cols: 100, rows: 30 });
  await first.return(undefined);
  process.print("two ");

  // As after a crash: another session of the same process.
  const again = makeSession().connect(nothing());
  const items = await until(again, "live");
  expect(items[0]).toEqual({ type: "screen", data: "SCREEN", offset, cols: 100, rows: 30 });
  expect(text(items)).toBe("two ");
  await again.return(undefined);

  // A screen that can't be read is no screen.
  writeFileSync(join(process.directory, "screen.json"), '{"data":');
  const third = makeSession().connect(nothing());
  expect(text(await until(third, "live"))).toBe("one two ");
  await third.return(undefined);
});

test("a very long history is replayed from near its end, and that is said", async () => {
  const line = `${"x".repeat(98)}\r\n`;
  for (let at = 0; at < 60; at += 1) process.print(line.repeat(1000));
  process.print("the end");
  const connection = makeSession().connect(nothing());
  const items = await until(connection, "live");
  await connection.return(undefined);
  const [screen] = items;
  expect(screen).toMatchObject({ data: expect.stringContaining("\u001bc") });
  expect(screen).toMatchObject({ data: expect.stringContaining("not shown") });
  const shown = text(items);
  expect(shown.length).toBeLessThan(2 * 1024 * 1024);
  expect(shown.length).toBeGreaterThan(1024 * 1024);
  expect(shown.startsWith("xxx")).toBe(true);
  expect(shown.endsWith(`${line}the end`)).toBe(true);
});

test("input arrives in order, as fast as it is taken, and resizes with it", async () => {
  const up = nothing();
  const items = makeSession().connect(up);
  await until(items, "live");
  for (let at = 0; at < 100; at += 1) up.push({ type: "input", bytes: Buffer.from(`${at} `) });
  up.push({ type: "resize", cols: 120, rows: 40 });
  up.push({ type: "input", bytes: Buffer.from("end") });
  await expect
    .poll(() => Buffer.concat(process.typed).toString())
    .toBe(`${Array.from({ length: 100 }, (_none, at) => `${at} `).join("")}end`);
  expect(process.sizes).toEqual([{ cols: 120, rows: 40 }]);
  await items.return(undefined);
});

test("a shim that does not take input is an error; a lost one ends the connection", async () => {
  process.reachable = false;
  const up = nothing();
  const session = makeSession();
  const items = session.connect(up);
  await until(items, "live");
  up.push({ type: "input", bytes: Buffer.from("x") });
  await expect(items.next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const watching = session.connect(nothing());
  await until(watching, "live");
  session.lose({ code: "UNAVAILABLE", message: "conmon was killed", details: {} });
  expect(await until(watching, "exit")).toEqual([{ type: "exit", exitCode: undefined }]);
  expect(session.terminal).toMatchObject({
    status: "lost",
    error: { message: "conmon was killed" },
  });
});

test("a log that grows too long is put aside while it is read, and nothing is lost", async () => {
  const session = makeSession(100_000);
  const items = session.connect(nothing());
  await until(items, "live");
  const line = `${"y".repeat(98)}\r\n`;
  process.print(line.repeat(1200));
  const seen: TerminalOutput[] = [];
  while (text(seen).length < 120_000) seen.push(...(await until(items, "data")));
  await expect
    .poll(async () => (await import("node:fs")).readdirSync(process.directory), { timeout: 5000 })
    .toContain("log.0");
  await session.settled();
  process.print("in the new file\r\n");
  process.exit(0);
  seen.push(...(await until(items, "exit")));
  expect(text(seen)).toBe(`${line.repeat(1200)}in the new file\r\n`);
});

test("a cancelled connection ends", async () => {
  const controller = new AbortController();
  const items = makeSession().connect(nothing(), controller);
  await until(items, "live");
  const waiting = items.next();
  controller.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
});

test("one whose log can't be watched is a terminal all the same; who connects is told why nothing is seen", async () => {
  // Stands for a kernel that has no inotify watch left.
  symlinkSync("loop", join(parent, "loop"));
  Object.assign(process, { logPath: join(parent, "loop/log") });
  const session = makeSession();
  expect(session.terminal.status).toBe("running");
  await expect(session.connect(nothing()).next()).rejects.toThrow("ELOOP");
});
