/** How well a text matches what was typed, and where. */
export interface Match {
  /** Higher is better. */
  score: number;
  /** Indices of the matched characters, for showing them. */
  at: number[];
}

/**
 * Finds the typed letters in order. Letters that begin a word or follow each other count more, letters
 * skipped before the first one less. Undefined when they aren't all there.
 */
export function fuzzyMatch(typed: string, text: string): Match | undefined {
  const needle = typed.toLowerCase().replaceAll(/\s+/g, "");
  if (needle === "") return { score: 0, at: [] };
  const hay = text.toLowerCase();
  const together = typed.toLowerCase().trim();
  let whole = hay.indexOf(together);
  while (whole >= 0 && !beginsWord(text, whole)) whole = hay.indexOf(together, whole + 1);
  if (whole >= 0) {
    const { length } = together;
    return {
      score: 100 - whole - (text.length - length) / 10,
      at: Array.from({ length }, (_, index) => whole + index),
    };
  }
  const at: number[] = [];
  let score = 0;
  let from = 0;
  for (const letter of needle) {
    const next = bestNext(hay, text, letter, from, at.at(-1));
    if (next < 0) return undefined;
    score += beginsWord(text, next) ? 8 : at.at(-1) === next - 1 ? 6 : 1;
    at.push(next);
    from = next + 1;
  }
  return { score: score - (at[0] ?? 0) / 5 - text.length / 20, at };
}

/** The next place of a letter: right behind the one before, else at a word's beginning, else anywhere. */
function bestNext(
  hay: string,
  text: string,
  letter: string,
  from: number,
  before: number | undefined,
): number {
  if (before !== undefined && hay[before + 1] === letter) return before + 1;
  const first = hay.indexOf(letter, from);
  for (let index = first; index >= 0; index = hay.indexOf(letter, index + 1)) {
    if (beginsWord(text, index)) return index;
  }
  return first;
}

function beginsWord(text: string, index: number): boolean {
  if (index === 0) return true;
  return (
    /[^A-Za-z0-9]/.test(text[index - 1] as string) && /[A-Za-z0-9]/.test(text[index] as string)
  );
}
