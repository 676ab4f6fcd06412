import { expect, test } from "vitest";
import { parseDuration } from "./durations.ts";
import { parseEnvFile } from "./env-file.ts";
import { interpolate } from "./interpolate.ts";
import { Notes } from "./note.ts";

const values: Record<string, string> = { A: "1", EMPTY: "", NAME: "x y" };
const lookup = (name: string): string | undefined => values[name];

test.each([
  ["$A and ${A}", "1 and 1"],
  ["$$A $${A}", "$A ${A}"],
  ["${B:-two}${B-two}", "twotwo"],
  ["${EMPTY:-two}|${EMPTY-two}", "two|"],
  ["${B:-${C:-${A}}}", "1"],
  ["${A:+set}${B:+set}${EMPTY:+set}${EMPTY+set}", "setset"],
  ["${A:?no}${EMPTY?no}", "1"],
  ["${B:-a:b-c?d}", "a:b-c?d"],
  ["${B-}", ""],
  ["$A_", ""],
  ["${B:-$${A}}", "${A}"],
  ["$NAME!", "x y!"],
])("%s is %s", (text, expected) => {
  expect(interpolate(text, lookup).text).toBe(expected);
});

test.each([
  ["${B?}", "The variable B is needed, and not set"],
  ["${B:?give it}", "give it"],
  ["${EMPTY:?${A} is wrong}", "1 is wrong"],
  ["${A", "A variable's { is never closed"],
  ["${}", "“${}” names no variable"],
  ["${A!x}", "“${A!x}” names no variable"],
  ["a $ b", "A single $ begins a variable: write $$ where a dollar sign is meant"],
  ["$1", "A single $ begins a variable: write $$ where a dollar sign is meant"],
])("%s is wrong", (text, message) => {
  expect(() => interpolate(text, lookup)).toThrow(message);
});

test("what stands for nothing is told", () => {
  expect(interpolate("$X${Y}${Z:-}", lookup)).toEqual({ text: "", unset: ["X", "Y"] });
});

test("a file of variables", () => {
  const notes = new Notes();
  const text = [
    ...["# a comment", "", "A=9", "export B = two words # and a comment", "C='$A # kept'"],
    ...['D="two\\nlines', 'and a third $A"', "E=${A}-$B", "F", "NONE", "G: yaml", "H=a#b", "I=#c"],
    ...["wrong line here", 'J="open'],
  ].join("\n");
  const found = parseEnvFile(
    text,
    { name: ".env", directory: undefined },
    (name) => (name === "F" ? "given" : undefined),
    notes,
  );
  expect(Object.fromEntries(found)).toEqual({
    ...{ A: "9", B: "two words", C: "$A # kept", D: "two\nlines\nand a third 9", E: "9-two words" },
    ...{ F: "given", G: "yaml", H: "a#b", I: "" },
  });
  expect(notes.list().map(({ line, message }) => [line, message])).toEqual([
    [14, "“wrong line here” is no variable: write KEY=VALUE"],
    [15, 'The " of J is never closed'],
  ]);
});

test.each([
  ["90s", 90],
  ["1h30m", 5400],
  ["500ms", 0.5],
  ["1.5s", 1.5],
  ["0", 0],
])("%s is %d seconds", (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test.each(["10", "", "1x", "s", "-1s"])("“%s” is no duration", (text) => {
  expect(() => parseDuration(text)).toThrow("is no duration");
});
