import { describe, expect, it } from "vitest";
import { columns, niceCeiling } from "./series.ts";

const sample = (time: number, cpu: number) => ({ time, cpu, memory: 10, pids: 1 });

describe("columns", () => {
  it("is a column for each value, and null for what is not known", () => {
    expect(columns([{ ...sample(1000, 0.5), memoryLimit: 99, readRate: 3, writeRate: 4 }])).toEqual(
      {
        times: [1],
        cpu: [0.5],
        memory: [10],
        limit: [99],
        pids: [1],
        read: [3],
        write: [4],
      },
    );
    expect(columns([sample(1000, 0)])).toMatchObject({
      limit: [null],
      read: [null],
      write: [null],
    });
  });

  it("goes on through the samples of each five seconds from when nobody looked", () => {
    const { times } = columns([sample(1000, 0.1), sample(6000, 0.2), sample(11_100, 0.3)]);
    expect(times).toEqual([1, 6, 11.1]);
  });

  it("breaks the lines where nothing was measured", () => {
    const { times, cpu } = columns([sample(1000, 0.1), sample(2000, 0.2), sample(60_000, 0.3)]);
    expect(times).toEqual([1, 2, 2.001, 60]);
    expect(cpu).toEqual([0.1, 0.2, null, 0.3]);
  });
});

describe("niceCeiling", () => {
  it("rounds up in steps", () => {
    expect(niceCeiling(0.03, 10, 0.05)).toBeCloseTo(0.05);
    expect(niceCeiling(0.38, 10, 0.05)).toBeCloseTo(0.5);
    expect(niceCeiling(7, 10, 4)).toBe(10);
    expect(niceCeiling(506 * 1024 * 1024, 1024, 1024)).toBe(512 * 1024 * 1024);
    expect(niceCeiling(1024, 1024, 1)).toBe(1024);
  });
});
