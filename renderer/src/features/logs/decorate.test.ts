import { describe, expect, it } from "vitest";
import { decorate } from "./decorate.ts";
import { queryPattern } from "./log-search.ts";

const find = (text: string, more: { regex?: boolean; caseSensitive?: boolean } = {}) =>
  queryPattern({ text, regex: false, caseSensitive: false, ...more });
const matches = (line: string, pattern: RegExp | undefined): string[] =>
  decorate(line, pattern)
    .filter(({ match }) => match)
    .map(({ text }) => text);

describe("decorate", () => {
  it("marks what was searched for, across colours", () => {
    expect(matches("Timeout, timeout", find("timeout"))).toEqual(["Timeout", "timeout"]);
    expect(matches("Timeout, timeout", find("timeout", { caseSensitive: true }))).toEqual([
      "timeout",
    ]);
    expect(matches("\u001b[31mtime\u001b[0mout", find("timeout"))).toEqual(["time", "out"]);
    expect(matches("a.b axb", find("a.b"))).toEqual(["a.b"]);
    expect(matches("a.b axb", find("a.b", { regex: true }))).toEqual(["a.b", "axb"]);
    expect(matches("abc", find("x*", { regex: true }))).toEqual([]);
    expect(find("(", { regex: true })).toBeUndefined();
  });

  it("loses no text, whatever overlaps", () => {
    const line = "ERROR \u001b[1mat https://a.example/b?c=1\u001b[0m.";
    const pieces = decorate(line, find("example/b"));
    expect(pieces.map(({ text }) => text).join("")).toBe("ERROR at https://a.example/b?c=1.");
    expect(pieces.filter(({ match, href }) => match && href).map(({ text }) => text)).toEqual([
      "example/b",
    ]);
  });

  it("marks each of thousands of matches in a line, and only them", () => {
    const line = "a,".repeat(20_000);
    const pieces = decorate(line, find(","));
    expect(pieces).toHaveLength(40_000);
    expect(pieces.every(({ text, match }) => match === (text === ","))).toBe(true);
  });

  it("links addresses without the sentence's full stop, and nothing but http", () => {
    const links = (line: string): (string | undefined)[] =>
      decorate(line, undefined).flatMap(({ href }) => (href ? [href] : []));
    expect(links("see https://x.example/a, (http://y.example/b).")).toEqual([
      "https://x.example/a",
      "http://y.example/b",
    ]);
    expect(links("javascript:alert(1) file:///etc/passwd")).toEqual([]);
  });

  it("knows the level's word, unless the line has colours of its own", () => {
    const level = (line: string): unknown =>
      decorate(line, undefined).find((piece) => piece.level)?.level;
    expect(level("2026-11-22 WARN slow")).toBe("warn");
    expect(level('{"level":"error","msg":"x"}')).toBe("error");
    expect(level("INF ready")).toBe("info");
    expect(level("an error in the text")).toBeUndefined();
    expect(level("\u001b[31mERROR\u001b[0m x")).toBeUndefined();
  });
});
