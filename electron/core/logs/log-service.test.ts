import { appendFile, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogLine } from "#shared/contract/logs";
import { isCode } from "#shared/errors";
import { encodeFrame } from "#shared/rpc/codec";
import { appendOutput, criRecord } from "./cri-log.stand-in.ts";
import { maxText } from "./log-lines.ts";
import { LogService } from "./log-service.ts";

let directory: string;
let path: string;
let service: LogService;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-logs-"));
  path = join(directory, "log");
  service = new LogService({ logPath: (id) => (id === "c" ? path : undefined) });
});

afterEach(async () => {
  service.dispose();
  await rm(directory, { recursive: true });
});

const numbers = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_none, at) => `line ${from + at}\n`).join("");

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test("reads any part, and says how much there is", async () => {
  expect(await service.read({ id: "c", from: 0, count: 10 })).toEqual({ lines: [], total: 0 });
  appendOutput(path, `${numbers(0, 5000)}open`);
  const { lines, total } = await service.read({ id: "c", from: 4990, count: 100 });
  expect(total).toBe(5001);
  expect(lines.map((line) => line.text)).toEqual([
    ...numbers(4990, 5000).trimEnd().split("\n"),
    "open",
  ]);
  expect(lines.at(-1)).toMatchObject({ line: 5000, open: true, stream: "stdout" });
  appendOutput(path, " no more\n");
  const again = await service.read({ id: "c", from: 5000, count: 1 });
  expect(again).toMatchObject({ total: 5001, lines: [{ line: 5000, text: "open no more" }] });
  await expect(service.read({ id: "other", from: 0, count: 1 })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

test("a log that is too long for the main thread is indexed in a worker and kept on disk", async () => {
  const text = "x".repeat(90);
  const part = Buffer.concat(
    Array.from({ length: 20_000 }, (_none, at) => criRecord(`${at} ${text}`)),
  );
  for (let at = 0; at < 8; at += 1) await appendFile(path, part);
  const last = await service.read({ id: "c", from: 159_999, count: 10 });
  expect(last.total).toBe(160_000);
  expect(last.lines.map((line) => line.text)).toEqual([`19999 ${text}`]);
  expect(await readdir(directory)).toContain("log.index");
  await appendFile(path, criRecord("after"));

  const second = new LogService({ logPath: () => path });
  const read = await second.read({ id: "c", from: 100_000, count: 60_001 });
  expect(read.lines[0]).toMatchObject({ line: 100_000, text: `0 ${text}` });
  const end = await second.read({ id: "c", from: 160_000, count: 5 });
  expect(end).toMatchObject({ total: 160_001, lines: [{ text: "after" }] });
  second.dispose();

  // The same inode with something else in it: the kept index must not be believed.
  await writeFile(path, criRecord("short"));
  const fresh = await service.read({ id: "c", from: 0, count: 5 });
  expect(fresh).toMatchObject({ total: 1, lines: [{ text: "short" }] });
});

test("a follower that pauses gets every line once, in order, from a file that grows meanwhile", async () => {
  appendOutput(path, numbers(0, 100));
  const controller = new AbortController();
  const follow = service.follow({ id: "c", tail: 10 }, controller);
  const first = (await follow.next()).value;
  expect(first).toMatchObject({ reset: true, total: 100 });
  const seen: LogLine[] = [...(first?.lines ?? [])];
  const writer = (async () => {
    for (let at = 100; at < 20_100; at += 100) {
      appendOutput(path, numbers(at, at + 100));
      if (at % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  let batches = 0;
  for await (const { reset, lines } of follow) {
    expect(reset).toBe(false);
    expect(lines.length).toBeLessThanOrEqual(1000);
    seen.push(...lines.filter((line) => !line.open));
    batches += 1;
    // A slow reader: everything is written while it does something else.
    if (batches === 2) await writer;
    if (seen.length >= 20_010) break;
  }
  controller.abort();
  expect(seen.map((line) => line.text)).toEqual(numbers(90, 20_100).trimEnd().split("\n"));
  expect(seen.map((line) => line.line)).toEqual(seen.map((_line, at) => 90 + at));
});

test("long lines full of control characters fit into messages, in whatever part they are asked for", async () => {
  const line = "\u0001".repeat(maxText);
  const all = Buffer.concat(Array.from({ length: 100 }, () => criRecord(line)));
  await appendFile(path, all);
  const sizeOf = (value: unknown): number => encodeFrame({ t: "item", id: 1, value }).length;
  const controller = new AbortController();
  const follow = service.follow({ id: "c", tail: 100 }, controller);
  const first = (await follow.next()).value;
  expect(sizeOf(first)).toBeGreaterThan(0);
  expect(first).toMatchObject({ reset: true, total: 100 });
  expect(first?.lines.at(-1)).toMatchObject({ line: 99, text: line });
  controller.abort();
  await follow.return(undefined);
  const read = await service.read({ id: "c", from: 0, count: 100 });
  expect(sizeOf(read)).toBeGreaterThan(0);
  expect(read.lines[0]).toMatchObject({ line: 0, text: line });
  // The same as new lines: of a file that takes the place of another, and then goes itself.
  const again = service.follow({ id: "c", tail: 1 }, {});
  await again.next();
  for (let turn = 0; turn < 2; turn += 1) {
    const other = join(directory, "other");
    await writeFile(other, all);
    await rename(other, path);
  }
  let seen = 0;
  while (seen < 100) {
    const item = (await again.next()).value;
    expect(sizeOf(item)).toBeGreaterThan(0);
    seen += item?.lines.length ?? 0;
  }
  await again.return(undefined);
});

test("a line that is longer than a message is downloaded, broken into several", async () => {
  const long = "x".repeat(17 * 1024 * 1024);
  appendOutput(path, `${long}\n`);
  const pieces = await collect(service.download({ id: "c", timestamps: false }, {}));
  for (const value of pieces) encodeFrame({ t: "item", id: 1, value });
  const lines = Buffer.concat(pieces).toString().split("\n");
  expect(lines.map(({ length }) => length)).toEqual([16 * 1024 * 1024, 1024 * 1024, 0]);
  expect(lines.join("") === long).toBe(true);
});

test("a follower sees a prompt, then the same line when it ends", async () => {
  const controller = new AbortController();
  const follow = service.follow({ id: "c", tail: 10 }, controller);
  expect((await follow.next()).value).toEqual({ reset: true, lines: [], total: 0 });
  appendOutput(path, "Name? ");
  const made = (await follow.next()).value;
  expect(made).toMatchObject({ reset: true });
  const prompt = made?.lines.length ? made : (await follow.next()).value;
  expect(prompt?.lines).toMatchObject([{ line: 0, text: "Name? ", open: true }]);
  appendOutput(path, "Ada\n");
  const ended = (await follow.next()).value;
  expect(ended?.lines).toEqual([
    { line: 0, text: "Name? Ada", stream: "stdout", time: prompt?.lines[0]?.time },
  ]);
  controller.abort();
  expect(await follow.next()).toEqual({ done: true, value: undefined });
});

test("a replaced file starts over, a removed directory ends", async () => {
  appendOutput(path, numbers(0, 3));
  const follow = service.follow({ id: "c", tail: 10 }, {});
  expect((await follow.next()).value).toMatchObject({ reset: true, total: 3 });
  const other = join(directory, "other");
  appendOutput(other, "new\n");
  await rename(other, path);
  const again = (await follow.next()).value;
  expect(again).toMatchObject({ reset: true, lines: [{ line: 0, text: "new" }] });
  await rm(directory, { recursive: true });
  expect(await follow.next()).toEqual({ done: true, value: undefined });
  await import("node:fs/promises").then((fs) => fs.mkdir(directory));
});

test("searches the whole log: text, expressions, one stream, through colours", async () => {
  appendOutput(path, `${numbers(0, 2000)}a \u001b[31mred\u001b[0mdish fox\n`);
  appendOutput(path, "line 7 of errors\n", "stderr");
  const find = async (
    text: string,
    options: { regex?: boolean; caseSensitive?: boolean; stream?: "stderr" } = {},
  ): Promise<number[]> => {
    const input = { id: "c", text, regex: false, caseSensitive: false, ...options };
    const items = await collect(service.search(input));
    expect(items.at(-1)).toMatchObject({ done: true, progress: 1, limited: false });
    return items.flatMap((item) => item.matches);
  };
  expect(await find("LINE 1999")).toEqual([1999]);
  expect(await find("LINE 1999", { caseSensitive: true })).toEqual([]);
  expect(await find("^line 7\\b", { regex: true })).toEqual([7, 2001]);
  expect(await find("line 7", { stream: "stderr" })).toEqual([2001]);
  expect(await find("reddish")).toEqual([2000]);
  expect(await find("7.*")).toEqual([]);
  const wrong = await collect(
    service.search({ id: "c", text: "(", regex: true, caseSensitive: true }),
  ).catch((error: unknown) => error);
  expect(isCode(wrong, "INVALID_ARGUMENT") && wrong.details.output).toContain("Unterminated group");
});

test("searches also what of a long line is not shown", async () => {
  // Behind it, and over the edge of what is.
  appendOutput(path, `${"-".repeat(maxText - 3)}needle${"-".repeat(maxText)}thimble\nneedle\n`);
  const find = async (text: string, regex = false): Promise<number[]> => {
    const input = { id: "c", text, regex, caseSensitive: true };
    return (await collect(service.search(input))).flatMap((item) => item.matches);
  };
  expect(await find("needle")).toEqual([0, 1]);
  expect(await find("thimble$", true)).toEqual([0]);
});

test("a search that never ends is ended by cancelling", async () => {
  appendOutput(path, `${"a".repeat(40)}b\n`);
  const controller = new AbortController();
  const input = { id: "c", text: "^(a+)+$", regex: true, caseSensitive: true };
  const running = collect(service.search(input, controller));
  setTimeout(() => controller.abort(), 50);
  await expect(running).rejects.toMatchObject({ name: "AbortError" });
});

test("more matches than can be listed are limited", async () => {
  await appendFile(path, Buffer.concat(Array.from({ length: 100_500 }, () => criRecord("hit"))));
  const input = { id: "c", text: "hit", regex: false, caseSensitive: true };
  const items = await collect(service.search(input));
  expect(items.flatMap((item) => item.matches)).toHaveLength(100_000);
  expect(items.at(-1)).toMatchObject({ done: true, limited: true });
});

test("downloads what was written, bytes untouched", async () => {
  const long = "ä".repeat(50_000);
  appendOutput(path, `one\n${long}\n`);
  await appendFile(path, criRecord(Buffer.from([0xff, 0xfe])));
  appendOutput(path, "wrong\n", "stderr");
  appendOutput(path, "end");
  const all = Buffer.concat(await collect(service.download({ id: "c", timestamps: false })));
  expect(all).toEqual(
    Buffer.concat([
      Buffer.from(`one\n${long}\n`),
      Buffer.from([0xff, 0xfe, 0x0a]),
      Buffer.from("wrong\nend\n"),
    ]),
  );
  const errors = await collect(service.download({ id: "c", timestamps: true, stream: "stderr" }));
  expect(Buffer.concat(errors).toString()).toMatch(/^2026-11-21T\S+ stderr wrong\n$/);
});
