import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StandInProcess } from "./process.stand-in.ts";
import { TerminalLog, type TerminalLogReader } from "./terminal-log.ts";

let parent: string;
let process: StandInProcess;
let log: TerminalLog;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "shimyard-terminal-log-"));
  process = new StandInProcess(parent, "term-1");
  log = new TerminalLog(process.logPath);
});

afterEach(() => {
  process.close();
  rmSync(parent, { recursive: true });
});

async function readAll(reader: TerminalLogReader): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for (;;) {
    const output = await reader.next();
    if (!output) return Buffer.concat(all);
    expect(output.gap).toBe(false);
    expect(output.offset).toBe(reader.position);
    all.push(output.bytes);
  }
}

const reopen = (): Promise<void> => process.reopenLog();

test("the exact bytes, however conmon cut them and wherever one goes on", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          bytes: fc.uint8Array({ maxLength: 200 }),
          chunk: fc.integer({ min: 1, max: 50 }),
        }),
        { maxLength: 12 },
      ),
      fc.array(fc.boolean(), { maxLength: 12 }),
      async (writes, rotations) => {
        process.close();
        rmSync(process.directory, { recursive: true });
        process = new StandInProcess(parent, "term-1");
        const first = log.reader(0);
        let second = log.reader(0);
        const seen: Buffer[] = [];
        for (const [at, { bytes, chunk }] of writes.entries()) {
          process.print(bytes, chunk);
          // One that reads along, and goes on elsewhere from where it was.
          seen.push(await readAll(second));
          await second.close();
          second = log.reader(second.position);
          if (rotations[at] && at < 2) await log.rotate(0, reopen);
        }
        const whole = Buffer.concat(writes.map(({ bytes }) => bytes));
        expect(Buffer.concat(seen)).toEqual(whole);
        expect((await log.range()).end).toBe(second.position);
        if (!rotations[0] || !rotations[1]) expect(await readAll(first)).toEqual(whole);
        await first.close();
        await second.close();
      },
    ),
    { numRuns: 60 },
  );
});

test("half a record waits for its other half", async () => {
  const reader = log.reader(0);
  const record = Buffer.from("2026-11-21T23:15:31.971987875+00:00 stdout P über\n");
  process.printRaw(record.subarray(0, 47));
  expect(await reader.next()).toBeUndefined();
  expect(reader.position).toBe(0);
  process.printRaw(record.subarray(47));
  expect(Buffer.from((await reader.next())?.bytes ?? []).toString()).toBe("über");
  expect(reader.position).toBe(record.length);
  await reader.close();
});

test("one generation is kept; a reader who holds an older one finishes it", async () => {
  process.print("first\n");
  const slow = log.reader(0);
  expect((await slow.next())?.bytes.length).toBe(6);
  process.print("unread\n");
  expect(await log.rotate(1, reopen)).toBe(true);
  process.print("second\n");
  expect((await readAll(slow)).toString()).toBe("unread\nsecond\n");
  const held = log.reader(0);
  expect(Buffer.from((await held.next())?.bytes ?? []).toString()).toBe("first\nunread\n");
  expect(await log.rotate(1, reopen)).toBe(true);
  process.print("third\n");
  // The generation it holds is removed by now, but open.
  expect((await readAll(held)).toString()).toBe("second\nthird\n");
  expect((await readAll(slow)).toString()).toBe("third\n");
  expect(readdirSync(process.directory).filter((name) => name.startsWith("log."))).toHaveLength(1);
  const newcomer = log.reader(0);
  const late = await newcomer.next();
  expect(late).toMatchObject({ gap: true });
  expect(Buffer.from(late?.bytes ?? []).toString()).toBe("second\n");
  expect(await log.rotate(1_000_000, reopen)).toBe(false);
  for (const reader of [slow, held, newcomer]) await reader.close();
});

test("a rotation that failed, or that a crash cut in two, loses nothing", async () => {
  process.print("before\n");
  process.reachable = false;
  await expect(log.rotate(1, reopen)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(readdirSync(process.directory)).toEqual(["log"]);
  process.reachable = true;
  // Renamed, and then the manager was killed.
  renameSync(process.logPath, `${process.logPath}.0`);
  process.print("between\n");
  const reader = log.reader(0);
  expect((await readAll(reader)).toString()).toBe("before\nbetween\n");
  await log.rotate(1_000_000, reopen);
  process.print("after\n");
  expect((await readAll(reader)).toString()).toBe("after\n");
  await reader.close();
});

test("a place to begin is the start of a line", async () => {
  for (let at = 0; at < 2000; at += 1) process.print(`line ${at} with some words\r\n`, 7);
  const { end } = await log.range();
  const reader = log.reader(await log.lineStart(end - 5000));
  const text = (await readAll(reader)).toString();
  await reader.close();
  expect(text).toMatch(/^line \d+ with/);
  expect(text.endsWith("line 1999 with some words\r\n")).toBe(true);
});
