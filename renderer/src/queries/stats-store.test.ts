import { AsyncQueue } from "#shared/base/async-queue";
import type { AppContract } from "#shared/contract/index";
import type { Sample } from "#shared/contract/stats";
import type { CallerOptions, Client } from "#shared/rpc/define";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { historySpan, sparklinePoints, StatsStore } from "./stats-store.ts";

interface Item {
  time: number;
  samples: Record<string, Sample>;
}

const sample = (time: number, cpu = 0.5): Sample => ({ time, cpu, memory: 1, pids: 1 });
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

function setUp(history: Sample[] = []) {
  const streams: AsyncQueue<Item>[] = [];
  const asked: unknown[] = [];
  const client = {
    stream: (_method: string, _input: unknown, { signal }: CallerOptions) => {
      const queue = new AsyncQueue<Item>();
      signal?.addEventListener("abort", () => queue.end());
      streams.push(queue);
      return queue;
    },
    call: async (_method: string, input: unknown) => {
      asked.push(input);
      return history;
    },
  } as unknown as Client<AppContract>;
  const push = async (time: number, ...ids: string[]): Promise<void> => {
    const samples = Object.fromEntries(ids.map((id) => [id, sample(time)]));
    streams.at(-1)?.push({ time, samples });
    await settle();
  };
  return { store: new StatsStore(client), streams, push, asked };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("StatsStore", () => {
  it("has one subscription for all, while anyone looks", async () => {
    const { store, streams, push } = setUp();
    const a = vi.fn();
    const stopA = store.watch("a", a);
    const stopB = store.watch("b", () => undefined);
    expect(streams).toHaveLength(1);
    await push(1000, "a", "b");
    expect(store.sample("a")).toMatchObject({ time: 1000 });
    await push(2000, "b");
    expect(a).toHaveBeenCalledTimes(2);
    stopA();
    stopB();
    const again = store.watch("a", () => undefined);
    await settle();
    expect(streams).toHaveLength(1);
    again();
    await settle();
    store.watch("a", () => undefined);
    expect(streams).toHaveLength(2);
  });

  it("shows nothing of what no longer runs", async () => {
    const { store, push } = setUp();
    store.watch("a", () => undefined);
    await push(1000, "a");
    await push(2000);
    expect(store.sample("a")).toBeUndefined();
    expect(store.sparkline("a")).toEqual([]);
  });

  it("keeps a minute for rows and gives the same array until it changes", async () => {
    const { store, push } = setUp();
    store.watch("a", () => undefined);
    for (let second = 1; second <= sparklinePoints + 5; second += 1) await push(second * 1000, "a");
    expect(store.sparkline("a")).toHaveLength(sparklinePoints);
    expect(store.sparkline("a")).toBe(store.sparkline("a"));
    expect(store.history("a")).toEqual([]);
  });

  it("begins a row with the minute that the core has, but only a row that is shown", async () => {
    const { store, push, asked } = setUp([sample(1000, 0.1), sample(2000, 0.2), sample(3000)]);
    store.watch("a", () => undefined);
    await push(3000, "a");
    expect(asked).toEqual([]);
    const stop = store.watchSparkline("a", () => undefined);
    await push(4000, "a");
    await push(5000, "a");
    expect(asked).toEqual([{ id: "a", since: 4000 - 1000 * sparklinePoints }]);
    expect(store.sparkline("a")).toEqual([0.1, 0.2, 0.5, 0.5, 0.5]);
    stop();
  });

  it("keeps ten minutes for a chart, beginning with what the core has", async () => {
    const now = 2 * historySpan;
    const { store, push } = setUp([sample(now - historySpan), sample(now - 1000)]);
    const stop = store.watchHistory("a", () => undefined);
    await settle();
    expect(store.history("a")).toHaveLength(2);
    await push(now, "a");
    await push(now + 1000, "a");
    expect(store.history("a").map(({ time }) => time)).toEqual([now - 1000, now, now + 1000]);
    stop();
    expect(store.history("a")).toEqual([]);
  });

  it("draws no line from before nobody looked to now", async () => {
    const { store, push } = setUp([sample(1000, 0.1), sample(62_000, 0.7)]);
    const stop = store.watchSparkline("a", () => undefined);
    await push(1000, "a");
    stop();
    await settle();
    expect(store.sample("a")).toBeUndefined();
    store.watchSparkline("a", () => undefined);
    await push(63_000, "a");
    await push(64_000, "a");
    expect(store.sparkline("a")).toEqual([0.1, 0.7, 0.5, 0.5]);
  });

  it("asks the core for what it missed while the stream was away", async () => {
    const kept = [sample(1000, 0.1)];
    const { store, streams, push } = setUp(kept);
    store.watchHistory("a", () => undefined);
    store.watchSparkline("a", () => undefined);
    await push(2000, "a");
    kept.push(sample(2000), sample(3000, 0.9));
    streams[0]?.fail(new Error("gone"));
    await vi.advanceTimersByTimeAsync(1500);
    await push(4000, "a");
    expect(store.history("a").map(({ time }) => time)).toEqual([1000, 2000, 3000, 4000]);
    expect(store.sparkline("a").slice(-2)).toEqual([0.9, 0.5]);
  });

  it("forgets what has gone and nobody looks at", async () => {
    const { store, push } = setUp();
    store.watch("a", () => undefined);
    await push(1000, "a", "b");
    expect(store.sample("b")).toBeDefined();
    await push(2000, "a");
    expect(store.sample("b")).toBeUndefined();
  });

  it("subscribes again when the stream broke", async () => {
    const { store, streams } = setUp();
    store.watch("a", () => undefined);
    streams[0]?.fail(new Error("gone"));
    await vi.advanceTimersByTimeAsync(1500);
    expect(streams).toHaveLength(2);
  });
});
