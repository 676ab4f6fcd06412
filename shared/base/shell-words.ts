/**
 * Splits a command line into words as a POSIX shell does before it expands anything: quotes and
 * backslashes as in the Shell Command Language, section 2.2
 * (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_02).
 * `$`, `*`, `~`, `;`, `|` and the like are ordinary characters here: nothing reaches a shell.
 */
export type ShellWords =
  | { ok: true; words: ShellWord[] }
  /** `position` is the index of the quote or backslash that is not closed. */
  | { ok: false; position: number; message: string };

export interface ShellWord {
  value: string;
  /** Where it stands in the text: from `start` up to, not including, `end`. */
  start: number;
  end: number;
}

export function parseShellWords(text: string): ShellWords {
  const words: ShellWord[] = [];
  let at = 0;
  while (at < text.length) {
    if (isBlank(text, at)) {
      at += 1;
      continue;
    }
    const start = at;
    let value = "";
    while (at < text.length && !isBlank(text, at)) {
      const piece = readPiece(text, at);
      if ("message" in piece) return { ok: false, position: at, message: piece.message };
      value += piece.value;
      at = piece.next;
    }
    // A line continuation alone makes no word.
    if (value !== "" || text.slice(start, at).replaceAll("\\\n", "") !== "") {
      words.push({ value, start, end: at });
    }
  }
  return { ok: true, words };
}

type Piece = { value: string; next: number } | { message: string };

/** The next piece of a word: a quoted part, an escaped character, or one plain character. */
function readPiece(text: string, at: number): Piece {
  switch (text[at]) {
    case "'": {
      const close = text.indexOf("'", at + 1);
      if (close < 0) return { message: "This ' is never closed" };
      return { value: text.slice(at + 1, close), next: close + 1 };
    }
    case '"':
      return readDoubleQuoted(text, at);
    case "\\": {
      const next = text[at + 1];
      if (next === undefined) return { message: "Nothing follows this \\" };
      return { value: next === "\n" ? "" : next, next: at + 2 };
    }
    default:
      return { value: text[at] as string, next: at + 1 };
  }
}

/** Within double quotes a backslash escapes only $ ` " \ and a newline (section 2.2.3). */
function readDoubleQuoted(text: string, open: number): Piece {
  let value = "";
  let at = open + 1;
  while (at < text.length) {
    const character = text[at] as string;
    if (character === '"') return { value, next: at + 1 };
    const next = text[at + 1];
    if (character === "\\" && next !== undefined && '$`"\\\n'.includes(next)) {
      if (next !== "\n") value += next;
      at += 2;
    } else {
      value += character;
      at += 1;
    }
  }
  return { message: 'This " is never closed' };
}

function isBlank(text: string, at: number): boolean {
  return text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r";
}

/** The other way: one line that `parseShellWords` (and a shell) reads as these words. */
export function quoteShellWords(words: readonly string[]): string {
  return words
    .map((word) =>
      /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
    )
    .join(" ");
}
