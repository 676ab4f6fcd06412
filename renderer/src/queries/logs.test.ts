import { AsyncQueue } from "#shared/base/async-queue";
import type { AppContract } from "#shared/contract/index";
import type { LogLine } from "#shared/contract/logs";
import { AppError } from "#shared/errors";
import type { CallerOptions, Client } from "#shared/rpc/define";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LogModel, pageSize } from "./logs.ts";

interface Batch {
  reset: boolean;
  lines: LogLine[];
  total: number;
}

const line = (n: number, text = `line ${n}`, more: Partial<LogLine> = {}): LogLine => ({
  line: n,
  time: "2026-11-22T09:00:00.000000000+00:00",
  stream: "stdout",
  text,
  ...more,
});
const lines = (from: number, to: number): LogLine[] =>
  Array.from({ length: to - from }, (_, index) => line(from + index));
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

/** A log of `total` lines; answers reads at once unless they are held. */
function setUp(total: number, textOf: (n: number) => string = (n) => `line ${n}`) {
  const follows: AsyncQueue<Batch>[] = [];
  const reads: number[] = [];
  const state = { total, fail: false };
  const client = {
    stream: (_method: string, _input: unknown, { signal }: CallerOptions) => {
      const queue = new AsyncQueue<Batch>();
      signal?.addEventListener("abort", () => queue.end());
      follows.push(queue);
      return queue;
    },
    call: async (_method: string, input: { from: number; count: number }) => {
      reads.push(input.from);
      if (state.fail) throw new AppError("DATA_LOSS", "The log is damaged");
      const end = Math.min(state.total, input.from + input.count);
      const read = lines(input.from, end).map(({ line: n }) => line(n, textOf(n)));
      return { lines: read, total: state.total };
    },
  } as unknown as Client<AppContract>;
  const model = new LogModel(client, "c");
  const changed = vi.fn();
  const stop = model.subscribe(changed);
  const follow = (): AsyncQueue<Batch> => follows.at(-1) as AsyncQueue<Batch>;
  return { model, follows, follow, reads, state, changed, stop };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("LogModel", () => {
  it("begins at the end and reads a page only when it is looked at", async () => {
    const { model, follow, reads, changed } = setUp(1_000_000);
    follow().push({ reset: true, lines: lines(999_500, 1_000_000), total: 1_000_000 });
    await settle();
    expect(model.snapshot()).toMatchObject({ total: 1_000_000, status: { state: "following" } });
    expect(model.line(999_999)?.text).toBe("line 999999");
    expect(reads).toEqual([]);

    changed.mockClear();
    expect(model.line(123_456)).toBeUndefined();
    expect(model.line(123_457)).toBeUndefined();
    await settle();
    expect(reads).toEqual([123_000]);
    expect(changed).toHaveBeenCalledTimes(1);
    expect(model.line(123_456)?.text).toBe("line 123456");
    expect(model.line(1_000_000)).toBeUndefined();
    expect(model.line(-1)).toBeUndefined();
  });

  it("takes what is appended, and tells it to the search", async () => {
    const { model, follow } = setUp(3);
    const appended: number[] = [];
    model.onAppend((batch) => appended.push(...batch.map((each) => each.line)));
    follow().push({ reset: true, lines: lines(0, 3), total: 3 });
    follow().push({ reset: false, lines: lines(3, 5), total: 5 });
    await settle();
    expect(model.snapshot().total).toBe(5);
    expect(model.line(4)?.text).toBe("line 4");
    expect(appended).toEqual([3, 4]);
  });

  it("puts a line that grows in its place, and never an older one over it", async () => {
    const { model, follow, state } = setUp(1, () => "50");
    follow().push({ reset: true, lines: [line(0, "50 %", { open: true })], total: 1 });
    follow().push({ reset: false, lines: [line(0, "50 % 60 %")], total: 1 });
    await settle();
    expect(model.line(0)?.text).toBe("50 % 60 %");
    state.total = 2;
    follow().push({ reset: false, lines: [], total: 2 });
    await settle();
    expect(model.line(1)).toBeUndefined();
    await settle();
    expect(model.line(1)?.text).toBe("50");
    expect(model.line(0)?.text).toBe("50 % 60 %");
  });

  it("forgets what is far away when the text grows large, not what is looked at", async () => {
    const { model, follow, reads } = setUp(20 * pageSize, () => "x".repeat(8000));
    follow().push({ reset: true, lines: [], total: 20 * pageSize });
    await settle();
    for (let page = 0; page < 10; page += 1) {
      model.line(page * pageSize);
      await settle();
    }
    const before = reads.length;
    expect(model.line(9 * pageSize)).toBeDefined();
    expect(model.line(0)).toBeUndefined();
    await settle();
    expect(reads.length).toBe(before + 1);
  });

  it("starts over when the log does", async () => {
    const { model, follow } = setUp(2);
    follow().push({ reset: true, lines: [line(0, "old"), line(1, "old")], total: 2 });
    follow().push({ reset: true, lines: [line(0, "new")], total: 1 });
    await settle();
    expect(model.snapshot().total).toBe(1);
    expect(model.line(0)?.text).toBe("new");
    expect(model.line(1)).toBeUndefined();
  });

  it("follows again by itself after the connection broke", async () => {
    const { model, follow, follows } = setUp(2);
    follow().push({ reset: true, lines: lines(0, 2), total: 2 });
    await settle();
    follow().fail(new AppError("UNAVAILABLE", "The core is gone"));
    await settle();
    expect(model.snapshot().status).toMatchObject({ state: "failed" });
    expect(model.line(1)?.text).toBe("line 1");
    await vi.advanceTimersByTimeAsync(300);
    expect(follows).toHaveLength(2);
    follow().push({ reset: true, lines: lines(0, 3), total: 3 });
    await settle();
    expect(model.snapshot()).toMatchObject({ total: 3, status: { state: "following" } });
  });

  it("asks a log that can't be read once a second, not once a frame", async () => {
    const { model, follow, reads, state } = setUp(10_000);
    state.fail = true;
    follow().push({ reset: true, lines: [], total: 10_000 });
    await settle();
    for (let frame = 0; frame < 30; frame += 1) {
      model.line(0);
      await vi.advanceTimersByTimeAsync(16);
    }
    expect(reads).toHaveLength(1);
    expect(model.snapshot().status).toMatchObject({ error: { code: "DATA_LOSS" } });
  });

  it("is followed as before once what could not be read can be", async () => {
    const { model, follow, state } = setUp(10_000);
    state.fail = true;
    follow().push({ reset: true, lines: [], total: 10_000 });
    await settle();
    model.line(0);
    await settle();
    expect(model.snapshot().status).toMatchObject({ state: "failed" });
    state.fail = false;
    await vi.advanceTimersByTimeAsync(1100);
    model.line(0);
    await settle();
    expect(model.line(0)?.text).toBe("line 0");
    expect(model.snapshot().status).toEqual({ state: "following" });
  });

  it("stops when nobody looks, but not for a new rendering", async () => {
    const { model, follows, stop } = setUp(1);
    stop();
    const again = model.subscribe(() => undefined);
    await settle();
    expect(follows).toHaveLength(1);
    again();
    await settle();
    model.subscribe(() => undefined);
    expect(follows).toHaveLength(2);
  });
});
