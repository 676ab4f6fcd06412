import { describe, expect, it } from "vitest";
import { unfinished } from "./boundary.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const finished = (text: string): boolean => unfinished(undefined, encode(text)) === undefined;

describe("unfinished", () => {
  it("is nothing after whole text and whole sequences", () => {
    for (const text of [
      "",
      "abc\r\n",
      "é日👩",
      "\x1b[0m",
      "\x1b[1;31mx",
      "\x1b]0;t\x07",
      "\x1b]0;t\x1b\\",
    ]) {
      expect(finished(text), JSON.stringify(text)).toBe(true);
    }
    expect(finished("\x1b(B")).toBe(true);
    expect(finished("\x1b7")).toBe(true);
  });

  it("is there within a sequence", () => {
    for (const text of ["x\x1b", "x\x1b[", "x\x1b[38;5", "\x1b]0;tit", "\x1bP1$r", "\x1b("]) {
      expect(finished(text), JSON.stringify(text)).toBe(false);
    }
  });

  it("is there within a character, at each of its bytes", () => {
    for (const character of ["é", "日", "👩"]) {
      const bytes = encode(`a${character}`);
      for (let cut = 2; cut < bytes.length; cut += 1) {
        expect(unfinished(undefined, bytes.subarray(0, cut))).toBeDefined();
      }
      expect(unfinished(undefined, bytes)).toBeUndefined();
    }
  });

  it("carries over from chunk to chunk", () => {
    const first = unfinished(undefined, encode("\x1b]0;a long"));
    const second = unfinished(first, encode(" title"));
    expect(second).toBeDefined();
    expect(unfinished(second, encode(" ends\x07$ "))).toBeUndefined();
  });
});
