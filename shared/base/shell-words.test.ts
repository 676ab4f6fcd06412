import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseShellWords, quoteShellWords } from "./shell-words.ts";

function words(text: string): string[] {
  const parsed = parseShellWords(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.words.map(({ value }) => value);
}

describe("parseShellWords", () => {
  it.each<[string, string[]]>([
    ["", []],
    ["  \t\n ", []],
    ["sh -c 'echo hi; sleep 1'", ["sh", "-c", "echo hi; sleep 1"]],
    [`a"b c"d`, ["ab cd"]],
    [`'' ""`, ["", ""]],
    ["a\\ b c", ["a b", "c"]],
    [String.raw`"a\"b" "\$x" "\n"`, ['a"b', "$x", "\\n"]],
    [String.raw`'a\b'`, [String.raw`a\b`]],
    ["a\\\nb \\\n c", ["ab", "c"]],
    [`"a\\\nb"`, ["ab"]],
    ["echo $HOME *.txt ~ a|b", ["echo", "$HOME", "*.txt", "~", "a|b"]],
    ["größe 'žluť' 🦀", ["größe", "žluť", "🦀"]],
  ])("reads %j", (text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  it("says where each word stands", () => {
    expect(parseShellWords(` a 'b c'`)).toEqual({
      ok: true,
      words: [
        { value: "a", start: 1, end: 2 },
        { value: "b c", start: 3, end: 8 },
      ],
    });
  });

  it.each([
    [`echo 'abc`, 5, "'"],
    [`echo "abc`, 5, '"'],
    ["echo abc\\", 8, "\\"],
    [`a "b\\"`, 2, '"'],
  ])("points at what is not closed in %j", (text, position, mark) => {
    const parsed = parseShellWords(text);
    expect(parsed).toMatchObject({ ok: false, position });
    expect(parsed.ok ? "" : parsed.message).toContain(mark);
  });

  it("reads back whatever quoteShellWords wrote", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (list) => {
        expect(words(quoteShellWords(list))).toEqual(list);
      }),
    );
  });
});
