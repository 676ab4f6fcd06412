/** A part of a JSON text that has one colour. */
export interface JsonToken {
  text: string;
  kind: "key" | "string" | "number" | "word" | "plain";
  /** Found by the search; `current` is the one that one is at. */
  match?: "match" | "current";
}

/** Where a search found its text: a line of the text, and columns in it. */
export interface TextMatch {
  line: number;
  from: number;
  to: number;
}

/** A JSON text, indented by two; one that can't be parsed stays as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** All places of `text` in the lines, in any case. */
export function findInLines(lines: readonly string[], text: string): TextMatch[] {
  const wanted = text.toLowerCase();
  const matches: TextMatch[] = [];
  if (wanted === "") return matches;
  for (const [line, content] of lines.entries()) {
    const lower = content.toLowerCase();
    let from = lower.indexOf(wanted);
    while (from >= 0) {
      matches.push({ line, from, to: from + wanted.length });
      from = lower.indexOf(wanted, from + wanted.length);
    }
  }
  return matches;
}

export function matchesByLine(matches: readonly TextMatch[]): ReadonlyMap<number, TextMatch[]> {
  const byLine = new Map<number, TextMatch[]>();
  for (const match of matches) {
    const others = byLine.get(match.line);
    if (others) others.push(match);
    else byLine.set(match.line, [match]);
  }
  return byLine;
}

/** The index after stepping by one, round and round; -1 when there is nothing. */
export function stepIndex(at: number, by: 1 | -1, count: number): number {
  if (count === 0) return -1;
  if (at < 0) return by === 1 ? 0 : count - 1;
  return (at + by + count) % count;
}

const tokens =
  /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/gu;

/** One line of an indented JSON text in coloured parts, with the matches that are in it marked. */
export function jsonTokens(
  line: string,
  matches: readonly TextMatch[] = [],
  current?: TextMatch,
): JsonToken[] {
  const parts: JsonToken[] = [];
  let at = 0;
  const plain = (to: number): void => {
    if (to > at) parts.push({ text: line.slice(at, to), kind: "plain" });
    at = to;
  };
  for (const match of line.matchAll(tokens)) {
    plain(match.index);
    const [whole, string, colon, number] = match;
    const text = string ?? whole;
    const kind = string ? (colon ? "key" : "string") : number ? "number" : "word";
    parts.push({ text, kind });
    at += text.length;
  }
  plain(line.length);
  return matches.length === 0 ? parts : mark(parts, matches, current);
}

function mark(
  parts: readonly JsonToken[],
  matches: readonly TextMatch[],
  current: TextMatch | undefined,
): JsonToken[] {
  const marked: JsonToken[] = [];
  let at = 0;
  for (const { text, kind } of parts) {
    const end = at + text.length;
    let from = at;
    for (const match of matches) {
      const start = Math.max(match.from, from);
      const stop = Math.min(match.to, end);
      if (start >= stop) continue;
      if (start > from) marked.push({ text: text.slice(from - at, start - at), kind });
      marked.push({
        text: text.slice(start - at, stop - at),
        kind,
        match: match === current ? "current" : "match",
      });
      from = stop;
    }
    if (from < end) marked.push({ text: text.slice(from - at), kind });
    at = end;
  }
  return marked;
}
