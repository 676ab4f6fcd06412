import { type AnsiStyle, parseAnsi } from "./ansi.ts";

export type Level = "debug" | "info" | "warn" | "error";

/** A run of text that is drawn alike. */
export interface Piece {
  text: string;
  style: AnsiStyle;
  /** Found by the search. */
  match: boolean;
  href?: string;
  level?: Level;
}

// A closing bracket or full stop at the end belongs to the sentence, not to the address.
const links = /https?:\/\/[^\s"'<>`{}|\\^]+[^\s"'<>`{}|\\^.,;:!?)\]]/gu;
// The common loggers' spellings near the beginning of a line; in lower case only where a key says so.
const levels =
  /\b(TRACE|TRC|DEBUG|DBG|INFO|INF|NOTICE|WARNING|WARN|WRN|ERROR|ERR|FATAL|FTL|PANIC|CRITICAL|CRIT)\b|(?<=\blevel"?[=:]\s?"?)(trace|debug|info|notice|warning|warn|error|fatal|panic|critical)\b/u;
/** Characters of a line in which a level is looked for. */
const levelWithin = 64;

function levelOf(word: string): Level {
  const letter = word.toLowerCase();
  if (/^(tr|de|db)/u.test(letter)) return "debug";
  if (/^(inf|not)/u.test(letter)) return "info";
  return letter.startsWith("w") ? "warn" : "error";
}

interface Range {
  from: number;
  to: number;
}

/** A log line in pieces: its own colours, what was searched for, links, and the level's word. */
export function decorate(line: string, pattern: RegExp | undefined): Piece[] {
  const spans = parseAnsi(line);
  const text = spans.map((span) => span.text).join("");
  const linked = [...text.matchAll(links)].map((m) => ({ ...rangeOf(m), href: m[0] }));
  const matched = pattern ? [...text.matchAll(pattern)].map(rangeOf).filter(notEmpty) : [];
  const own = spans.some(({ style }) => style.fg !== undefined);
  const found = own ? null : levels.exec(text.slice(0, levelWithin));
  const level = found && { ...rangeOf(found), level: levelOf(found[0]) };

  const cuts = new Set<number>([0, text.length]);
  for (const { from, to } of [...linked, ...matched, ...(level ? [level] : [])]) {
    cuts.add(from);
    cuts.add(to);
  }
  let at = 0;
  for (const span of spans) cuts.add((at += span.text.length));

  const edges = [...cuts].sort((a, b) => a - b);
  const inMatch = within(matched);
  const inLink = within(linked);
  const pieces: Piece[] = [];
  let index = 0;
  let end = spans[0]?.text.length ?? 0;
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const from = edges[i] ?? 0;
    const to = edges[i + 1] ?? 0;
    while (from >= end) end += spans[(index += 1)]?.text.length ?? Infinity;
    pieces.push({
      text: text.slice(from, to),
      style: spans[index]?.style ?? {},
      match: inMatch(from, to) !== undefined,
      href: inLink(from, to)?.href,
      level: level && level.from <= from && to <= level.to ? level.level : undefined,
    });
  }
  return pieces;
}

/** Which of these, which are in order and apart, a piece is in; asked for pieces in their order. */
function within<R extends Range>(
  ranges: readonly R[],
): (from: number, to: number) => R | undefined {
  let at = 0;
  return (from, to) => {
    while ((ranges[at]?.to ?? Infinity) <= from) at += 1;
    const range = ranges[at];
    return range && range.from <= from && to <= range.to ? range : undefined;
  };
}

function rangeOf(match: RegExpExecArray): Range {
  return { from: match.index, to: match.index + match[0].length };
}

function notEmpty({ from, to }: Range): boolean {
  return to > from;
}
