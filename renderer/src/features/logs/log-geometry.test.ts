import { describe, expect, it } from "vitest";
import {
  anchorAt,
  type Geometry,
  maximumScrollHeight,
  moveAnchor,
  scrollHeight,
  scrollTopOf,
} from "./log-geometry.ts";

const small: Geometry = { total: 1000, rowHeight: 20, viewport: 400, wrap: false };
const large: Geometry = { ...small, total: 50_000_000 };

describe("geometry of a log", () => {
  it("is exact while the rows fit the scroll space", () => {
    expect(scrollHeight(small)).toBe(20_000);
    expect(anchorAt(small, 0)).toEqual({ line: 0, offset: 0 });
    expect(anchorAt(small, 50)).toEqual({ line: 2, offset: 10 });
    expect(anchorAt(small, 19_600)).toEqual({ line: 980, offset: 0 });
    expect(scrollTopOf(small, { line: 2, offset: 10 })).toBeCloseTo(50);
  });

  it("never asks for more height than a browser has, and reaches both ends", () => {
    expect(scrollHeight(large)).toBe(maximumScrollHeight);
    const range = scrollHeight(large) - large.viewport;
    expect(anchorAt(large, 0).line).toBe(0);
    expect(anchorAt(large, range).line).toBe(large.total - 20);
    for (const line of [1, 1_000_000, 49_999_000]) {
      expect(anchorAt(large, scrollTopOf(large, { line, offset: 0 })).line).toBeCloseTo(line, -1);
    }
  });

  it("lets every wrapped line be the top one", () => {
    const wrapped = { ...small, wrap: true };
    const range = scrollHeight(wrapped) - wrapped.viewport;
    expect(anchorAt(wrapped, range)).toEqual({ line: 999, offset: 0 });
    expect(anchorAt(wrapped, scrollTopOf(wrapped, { line: 321, offset: 7 })).line).toBe(321);
  });

  it("is at rest without lines or without height", () => {
    expect(anchorAt({ ...small, total: 0 }, 100)).toEqual({ line: 0, offset: 0 });
    expect(scrollTopOf({ ...small, total: 3 }, { line: 2, offset: 0 })).toBe(0);
  });
});

describe("moveAnchor", () => {
  const heights = [20, 60, 20, 40, 20];
  const move = (line: number, offset: number, delta: number) =>
    moveAnchor({ line, offset }, delta, heights.length, (n) => heights[n] ?? 20);

  it("walks over rows of any height", () => {
    expect(move(0, 0, 30)).toEqual({ line: 1, offset: 10 });
    expect(move(1, 10, 70)).toEqual({ line: 3, offset: 0 });
    expect(move(3, 5, -30)).toEqual({ line: 1, offset: 55 });
    expect(move(2, 0, -1)).toEqual({ line: 1, offset: 59 });
  });

  it("stops at the first line and at the last", () => {
    expect(move(1, 0, -500)).toEqual({ line: 0, offset: 0 });
    expect(move(3, 0, 500).line).toBe(4);
  });
});
