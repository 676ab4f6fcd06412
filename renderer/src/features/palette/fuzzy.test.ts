import { expect, it } from "vitest";
import { fuzzyMatch } from "./fuzzy.ts";

function best(typed: string, ...texts: string[]): string | undefined {
  return texts
    .map((text) => ({ text, match: fuzzyMatch(typed, text) }))
    .filter(({ match }) => match)
    .sort((a, b) => (b.match?.score ?? 0) - (a.match?.score ?? 0))[0]?.text;
}

it("finds letters in order, and says where", () => {
  expect(fuzzyMatch("ow", "orders-worker")?.at).toEqual([0, 7]);
  expect(fuzzyMatch("wo", "orders-worker")?.at).toEqual([7, 8]);
  expect(fuzzyMatch("xyz", "orders-worker")).toBeUndefined();
});

it("prefers words' beginnings and what stands together", () => {
  expect(best("work", "network", "orders-worker")).toBe("orders-worker");
  expect(best("sp", "Stop postgres", "Whisper")).toBe("Stop postgres");
  expect(best("new", "New container", "Renew")).toBe("New container");
});
