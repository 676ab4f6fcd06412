import { describe, expect, it } from "vitest";
import { findInLines, jsonTokens, prettyJson, stepIndex } from "./json-text.ts";

describe("prettyJson", () => {
  it("indents what is JSON and leaves the rest", () => {
    expect(prettyJson('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(prettyJson("not json")).toBe("not json");
  });
});

describe("jsonTokens", () => {
  it("tells keys, strings, numbers and words apart", () => {
    expect(jsonTokens('  "pid": -12.5e3, "x": "a\\"b: 1", true')).toEqual([
      { text: "  ", kind: "plain" },
      { text: '"pid"', kind: "key" },
      { text: ": ", kind: "plain" },
      { text: "-12.5e3", kind: "number" },
      { text: ", ", kind: "plain" },
      { text: '"x"', kind: "key" },
      { text: ": ", kind: "plain" },
      { text: '"a\\"b: 1"', kind: "string" },
      { text: ", ", kind: "plain" },
      { text: "true", kind: "word" },
    ]);
  });

  it("marks what was found, also across parts", () => {
    const line = '"pid": 1';
    const [match] = findInLines([line], 'D": 1');
    expect(match).toEqual({ line: 0, from: 3, to: 8 });
    const parts = jsonTokens(line, match ? [match] : [], match);
    expect(parts.map(({ text }) => text).join("")).toBe(line);
    expect(parts.filter((part) => part.match).map(({ text }) => text)).toEqual(['d"', ": ", "1"]);
    expect(parts.every((part) => !part.match || part.match === "current")).toBe(true);
  });
});

describe("findInLines", () => {
  it("finds every place, in any case, without overlaps", () => {
    expect(findInLines(["aAa", "", "xAA"], "aa")).toEqual([
      { line: 0, from: 0, to: 2 },
      { line: 2, from: 1, to: 3 },
    ]);
    expect(findInLines(["abc"], "")).toEqual([]);
  });
});

describe("stepIndex", () => {
  it("goes round", () => {
    expect([stepIndex(-1, 1, 3), stepIndex(2, 1, 3), stepIndex(0, -1, 3)]).toEqual([0, 0, 2]);
    expect(stepIndex(-1, -1, 3)).toBe(2);
    expect(stepIndex(0, 1, 0)).toBe(-1);
  });
});
