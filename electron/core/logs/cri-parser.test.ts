import fc from "fast-check";
import { expect, test } from "vitest";
import { criRecord, criRecords } from "./cri-log.stand-in.ts";
import { CriParser } from "./cri-parser.ts";
import { LogIndex } from "./log-index.ts";
import { LineJoiner, logStart, toLogLine } from "./log-lines.ts";
import type { LogLine } from "#shared/contract/logs";

/** All lines of a log that arrives in pieces of the given lengths. */
function lines(log: Buffer, cuts: number[], mark = logStart): LogLine[] {
  const joiner = new LineJoiner(mark);
  const found: LogLine[] = [];
  let at = mark.position;
  for (const length of [...cuts, log.length]) {
    joiner.push(log.subarray(at, at + length), (line) => found.push(toLogLine(line)));
    at += length;
  }
  return [...found, ...joiner.open().map((line) => toLogLine(line, true))].sort(
    (a, b) => a.line - b.line,
  );
}

const write = fc.record({
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  text: fc.string({ unit: "binary", maxLength: 60 }).map((text) => text.replaceAll("\r\n", "\n")),
  chunk: fc.integer({ min: 1, max: 20 }),
});
const writes = fc.array(write, { maxLength: 30 });
const cuts = fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 60 });
type Write = typeof write extends fc.Arbitrary<infer T> ? T : never;

const toLog = (all: Write[]): Buffer =>
  Buffer.concat(all.map(({ stream, text, chunk }) => criRecords(Buffer.from(text), chunk, stream)));

test("any split of the file gives what each stream wrote, whatever was split where", () => {
  fc.assert(
    fc.property(writes, cuts, (all, cuts) => {
      const found = lines(toLog(all), cuts);
      expect(found.map(({ line }) => line)).toEqual(found.map((_line, at) => at));
      const index = new LogIndex();
      index.push(toLog(all));
      expect(index.lines).toBe(found.length);
      for (const stream of ["stdout", "stderr"] as const) {
        const written = all.filter((w) => w.stream === stream).map((w) => w.text);
        const text = found
          .filter((line) => line.stream === stream)
          .map((line) => line.text + (line.open ? "" : "\n"))
          .join("");
        const whole = Buffer.from(written.join("")).toString();
        expect(text).toBe(whole.replaceAll("\r\n", "\n").replace(/\r$/, ""));
      }
    }),
    { numRuns: 300 },
  );
});

test("marks of a long log with unfinished lines lead to the same lines", () => {
  const parts: Buffer[] = [criRecord("a prompt> ", { partial: true, stream: "stderr" })];
  for (let at = 0; at < 3000; at += 1) {
    if (at === 1700) parts.push(criRecord("answered", { stream: "stderr" }));
    if (at % 7 === 0) parts.push(criRecord(`first half ${at} `, { partial: true }));
    if (at % 14 === 0) parts.push(criRecord(`between ${at}`, { stream: "stderr", partial: true }));
    parts.push(criRecord(`line ${at}`));
  }
  const log = Buffer.concat(parts);
  const whole = lines(log, []);
  const index = new LogIndex();
  for (let at = 0; at < log.length; at += 1000) index.push(log.subarray(at, at + 1000));
  const copy = new LogIndex(index.state());
  let inner = 0;
  for (const line of [0, 1, 511, 512, 513, 1700, 2047, 2999, 3000]) {
    const mark = copy.markFor(line);
    if (mark.line > 0) inner += 1;
    expect(line - mark.line).toBeLessThan(513);
    expect(lines(log, [], mark).filter((found) => found.line >= mark.line)).toEqual(
      whole.slice(mark.line),
    );
  }
  expect(inner).toBeGreaterThan(4);
});

test("a torn record waits for its end", () => {
  const log = criRecord("whole");
  for (let at = 0; at < log.length; at += 1) {
    const parser = new CriParser();
    const seen: string[] = [];
    const visit = (record: { bytes: Buffer; textStart: number; textEnd: number }): void => {
      seen.push(record.bytes.toString("utf8", record.textStart, record.textEnd));
    };
    parser.push(log.subarray(0, at), visit);
    expect(seen).toEqual([]);
    expect(parser.position).toBe(0);
    parser.push(log.subarray(at), visit);
    expect(seen).toEqual(["whole"]);
    expect(parser.position).toBe(log.length);
  }
});

test("what is no record is shown as it is", () => {
  const log = Buffer.from("not a record\n2026-11-21T23:15:31.971987875+00:00 stdout F \nx");
  expect(lines(log, [])).toEqual([
    { line: 0, time: "", stream: "stdout", text: "not a record" },
    { line: 1, time: "2026-11-21T23:15:31.971987875+00:00", stream: "stdout", text: "" },
  ]);
});

test("a very long line is cut and says so", () => {
  const log = criRecords(Buffer.concat([Buffer.alloc(200_000, "x"), Buffer.from("\nnext\n")]));
  const [long, next] = lines(log, []);
  expect(long).toMatchObject({ cut: true, text: "x".repeat(65_536) });
  expect(next).toMatchObject({ line: 1, text: "next" });
});
