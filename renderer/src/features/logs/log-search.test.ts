import { AsyncQueue } from "#shared/base/async-queue";
import type { AppContract } from "#shared/contract/index";
import type { LogLine } from "#shared/contract/logs";
import { AppError } from "#shared/errors";
import type { Client } from "#shared/rpc/define";
import { describe, expect, it } from "vitest";
import type { LogSnapshot, LogSource } from "../../queries/logs.ts";
import { LogMerge } from "./log-merge.ts";
import { firstAtOrAfter, LogSearch, type SearchSnapshot } from "./log-search.ts";

type Item = Omit<SearchSnapshot, "error">;
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const line = (n: number, text: string, time = n): LogLine => ({
  line: n,
  time: new Date(time * 1000).toISOString(),
  stream: "stdout",
  text,
});

function search(text: string, regex = false) {
  const items = new AsyncQueue<Item>();
  const client = { stream: () => items } as unknown as Client<AppContract>;
  return { items, found: new LogSearch(client, "c", { text, regex, caseSensitive: false }) };
}

describe("LogSearch", () => {
  it("gathers matches as they come", async () => {
    const { items, found } = search("x");
    items.push({ matches: [1, 5], progress: 0.5, done: false, limited: false });
    await settle();
    expect(found.snapshot()).toMatchObject({ matches: [1, 5], progress: 0.5, done: false });
    items.push({ matches: [900_000], progress: 1, done: true, limited: false });
    items.end();
    await settle();
    expect(found.snapshot()).toMatchObject({ matches: [1, 5, 900_000], done: true });
  });

  it("counts each line that is written meanwhile once", async () => {
    const { items, found } = search("x");
    found.append([line(10, "x"), line(11, "no"), line(12, "\u001b[1mX\u001b[0m")]);
    items.push({ matches: [3, 10], progress: 1, done: true, limited: false });
    items.end();
    await settle();
    expect(found.snapshot().matches).toEqual([3, 10, 12]);
    found.append([line(13, "x"), line(13, "x and more")]);
    expect(found.snapshot().matches).toEqual([3, 10, 12, 13]);
  });

  it("says what is wrong with an expression, and with the core", async () => {
    expect(search("(", true).found.snapshot()).toMatchObject({
      done: true,
      error: { code: "INVALID_ARGUMENT" },
    });
    const { items, found } = search("x");
    items.fail(new AppError("UNAVAILABLE", "gone"));
    await settle();
    expect(found.snapshot()).toMatchObject({ done: true, error: { code: "UNAVAILABLE" } });
  });
});

describe("firstAtOrAfter", () => {
  it("finds the place in a sorted list", () => {
    expect([0, 3, 4, 9, 10].map((n) => firstAtOrAfter([3, 9], n))).toEqual([0, 0, 1, 1, 2]);
  });
});

/** A log that is all there, but whose lines must be asked for once before they are. */
class SlowLog implements LogSource {
  lines: LogLine[];
  readonly #read = new Set<number>();
  #listeners: (() => void)[] = [];

  constructor(lines: LogLine[]) {
    this.lines = lines;
  }
  snapshot(): LogSnapshot {
    return { total: this.lines.length, status: { state: "following" }, version: 0 };
  }
  subscribe(listener: () => void): () => void {
    this.#listeners.push(listener);
    return () => undefined;
  }
  onAppend(): () => void {
    return () => undefined;
  }
  line(n: number): LogLine | undefined {
    if (this.#read.has(n)) return this.lines[n];
    setTimeout(() => {
      this.#read.add(n);
      this.changed();
    }, 0);
    return undefined;
  }
  changed(): void {
    for (const listen of this.#listeners) listen();
  }
}

describe("LogMerge", () => {
  const whole = async (merge: LogMerge): Promise<(string | undefined)[]> => {
    const { total } = merge.snapshot();
    for (let tries = 0; tries < 50 && merge.ordered < total; tries += 1) {
      merge.place(0);
      await settle();
    }
    return Promise.all(
      Array.from({ length: total }, async (_, n) => {
        merge.line(n);
        await settle();
        return merge.line(n)?.text;
      }),
    );
  };

  it("orders by time, from the end backwards", async () => {
    const a = new SlowLog([line(0, "a0", 1), line(1, "a1", 4), line(2, "a2", 6)]);
    const b = new SlowLog([line(0, "b0", 2), line(1, "b1", 3), line(2, "b2", 5)]);
    const merge = new LogMerge([a, b]);
    merge.subscribe(() => undefined);
    expect(merge.snapshot().total).toBe(6);
    expect(await whole(merge)).toEqual(["a0", "b0", "b1", "a1", "b2", "a2"]);
    expect(merge.place(5)).toEqual({ source: 0, line: 2 });
  });

  it("puts what is appended at the end, and starts over with a log that does", async () => {
    const a = new SlowLog([line(0, "a0", 1)]);
    const b = new SlowLog([line(0, "b0", 2)]);
    const merge = new LogMerge([a, b]);
    merge.subscribe(() => undefined);
    await whole(merge);
    a.lines = [...a.lines, line(1, "a1", 9)];
    a.changed();
    b.lines = [...b.lines, line(1, "b1", 10)];
    b.changed();
    expect(await whole(merge)).toEqual(["a0", "b0", "a1", "b1"]);
    b.lines = [];
    b.changed();
    expect(await whole(merge)).toEqual(["a0", "a1"]);
  });

  it("finds matches among all, reading back to the first", async () => {
    const a = new SlowLog([line(0, "a0", 1), line(1, "a1", 4)]);
    const b = new SlowLog([line(0, "b0", 2), line(1, "b1", 3)]);
    const merge = new LogMerge([a, b]);
    merge.subscribe(() => undefined);
    const wanted = [[0], [1]];
    for (let tries = 0; tries < 20 && !merge.locate(wanted).complete; tries += 1) await settle();
    expect(merge.locate(wanted)).toEqual({ matches: [0, 2], complete: true });
  });
});
