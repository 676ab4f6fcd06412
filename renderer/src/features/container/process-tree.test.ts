import type { ProcessInfo } from "#shared/contract/containers";
import { describe, expect, it } from "vitest";
import { cpuUse, processRows } from "./process-tree.ts";

const process = (pid: number, ppid: number, more: Partial<ProcessInfo> = {}): ProcessInfo => ({
  pid,
  ppid,
  user: "root",
  state: "S",
  cpuSeconds: 1,
  rss: pid,
  threads: 1,
  startedAt: 5,
  args: ["p"],
  ...more,
});

describe("processRows", () => {
  const all = [process(30, 10), process(10, 1), process(40, 30), process(20, 10), process(50, 2)];

  it("puts children below their parents", () => {
    expect(
      processRows(all, new Map(), undefined).map((row) => [row.process.pid, row.depth]),
    ).toEqual([
      [10, 0],
      [20, 1],
      [30, 1],
      [40, 2],
      [50, 0],
    ]);
  });

  it("sorts flat by a column", () => {
    const use = new Map([[40, 0.5]]);
    const pids = (column: "cpu" | "memory", descending: boolean): number[] =>
      processRows(all, use, { column, descending }).map((row) => row.process.pid);
    expect(pids("cpu", true)[0]).toBe(40);
    expect(pids("memory", false)).toEqual([10, 20, 30, 40, 50]);
  });
});

describe("cpuUse", () => {
  it("is the time used over the time that passed, and nothing for a pid given anew", () => {
    const before = [process(1, 0), process(2, 0)];
    const now = [process(1, 0, { cpuSeconds: 2 }), process(2, 0, { startedAt: 9 }), process(3, 0)];
    expect([...cpuUse(before, now, 2)]).toEqual([[1, 0.5]]);
    expect(cpuUse(before, now, 0).size).toBe(0);
  });
});
