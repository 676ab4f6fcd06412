/**
 * SGR colours of one log line. Everything else a program may send to a terminal (cursor moves, titles,
 * hyperlinks' envelopes) is dropped: a log has no cursor. Style does not carry over from line to line,
 * because lines are shown in any order and from the middle of a file.
 */

/** 0..15 are the theme's own colours, 16..255 xterm's palette, a string is `#rrggbb`. */
export type AnsiColor = number | string;

export interface AnsiStyle {
  fg?: AnsiColor;
  bg?: AnsiColor;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  inverse?: boolean;
}

export interface AnsiSpan {
  text: string;
  style: AnsiStyle;
}

const plain: AnsiStyle = {};

// ECMA-48: CSI, the string sequences (OSC, DCS, SOS, PM, APC) up to BEL or ST, two-byte escapes, and
// bare control characters except the tab. An unfinished one at the end of the line is dropped too.
const sequences =
  // eslint-disable-next-line no-control-regex
  /\u001b\[([0-?]*)[ -/]*([@-~]?)|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]?|\u009b([0-?]*)[ -/]*([@-~]?)|[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f]/gu;

/** The visible text of a line in runs of one style each; adjoining runs of equal style are one. */
export function parseAnsi(line: string): AnsiSpan[] {
  const text = lastRewrite(line);
  // eslint-disable-next-line no-control-regex
  if (!/[\u0000-\u0008\u000a-\u001f\u007f\u009b]/u.test(text)) {
    return text === "" ? [] : [{ text, style: plain }];
  }
  const spans: AnsiSpan[] = [];
  let style = plain;
  let from = 0;
  const take = (to: number): void => {
    if (to <= from) return;
    const piece = text.slice(from, to);
    const last = spans.at(-1);
    if (last && last.style === style) last.text += piece;
    else spans.push({ text: piece, style });
  };
  sequences.lastIndex = 0;
  for (const match of text.matchAll(sequences)) {
    take(match.index);
    from = match.index + match[0].length;
    const final = match[2] ?? match[4];
    if (final === "m") style = applySgr(style, match[1] ?? match[3] ?? "");
  }
  take(text.length);
  return spans;
}

/** The visible text alone. */
export function stripAnsi(line: string): string {
  return parseAnsi(line)
    .map((span) => span.text)
    .join("");
}

/** A progress bar rewrites its line with carriage returns: what the eye saw last is what counts. */
function lastRewrite(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  const at = text.lastIndexOf("\r");
  return at < 0 ? text : text.slice(at + 1);
}

function applySgr(before: AnsiStyle, parameters: string): AnsiStyle {
  if (!/^[0-9;:]*$/u.test(parameters)) return before;
  // A colon joins sub-parameters (ITU T.416: 38:2::r:g:b), a semicolon separates parameters.
  const codes = parameters.split(";").map((part) => part.split(":"));
  let style: AnsiStyle = { ...before };
  for (let i = 0; i < codes.length; i += 1) {
    const [head = "", ...sub] = codes[i] ?? [];
    const code = head === "" ? 0 : Number(head);
    if (code === 38 || code === 48) {
      const { color, used } = extendedColor(sub, codes.slice(i + 1));
      i += used;
      if (color !== undefined) style = { ...style, [code === 38 ? "fg" : "bg"]: color };
      continue;
    }
    style = applyCode(style, code, sub[0]);
  }
  return Object.keys(style).length === 0 ? plain : style;
}

function applyCode(style: AnsiStyle, code: number, sub: string | undefined): AnsiStyle {
  if (code >= 30 && code <= 37) return { ...style, fg: code - 30 };
  if (code >= 40 && code <= 47) return { ...style, bg: code - 40 };
  if (code >= 90 && code <= 97) return { ...style, fg: code - 82 };
  if (code >= 100 && code <= 107) return { ...style, bg: code - 92 };
  switch (code) {
    case 0:
      return {};
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, dim: true };
    case 3:
      return { ...style, italic: true };
    case 4:
      return sub === "0" ? without(style, "underline") : { ...style, underline: true };
    case 21:
      return { ...style, underline: true };
    case 7:
      return { ...style, inverse: true };
    case 9:
      return { ...style, strike: true };
    case 22:
      return without(style, "bold", "dim");
    case 23:
      return without(style, "italic");
    case 24:
      return without(style, "underline");
    case 27:
      return without(style, "inverse");
    case 29:
      return without(style, "strike");
    case 39:
      return without(style, "fg");
    case 49:
      return without(style, "bg");
    default:
      return style;
  }
}

function without(style: AnsiStyle, ...keys: (keyof AnsiStyle)[]): AnsiStyle {
  const rest = { ...style };
  for (const key of keys) delete rest[key];
  return rest;
}

/** `5;n` or `2;r;g;b`, either as sub-parameters or as the parameters that follow. */
function extendedColor(sub: string[], following: string[][]): { color?: AnsiColor; used: number } {
  if (sub.length > 0) {
    const [mode, ...rest] = sub;
    if (mode === "5") return { color: indexed(rest[0]), used: 0 };
    // With the colour space's place (which is mostly empty) there are four values, else three.
    const [r, g, b] = rest.length > 3 ? rest.slice(1) : rest;
    return { color: mode === "2" ? rgb(r, g, b) : undefined, used: 0 };
  }
  const mode = following[0]?.[0];
  if (mode === "5") return { color: indexed(following[1]?.[0]), used: 2 };
  if (mode === "2") {
    return { color: rgb(following[1]?.[0], following[2]?.[0], following[3]?.[0]), used: 4 };
  }
  return { used: mode === undefined ? 0 : 1 };
}

function indexed(value: string | undefined): AnsiColor | undefined {
  const n = Number(value ?? "");
  return Number.isInteger(n) && n >= 0 && n <= 255 ? n : undefined;
}

function rgb(...values: (string | undefined)[]): AnsiColor | undefined {
  const bytes = values.map((value) => Number(value ?? ""));
  if (bytes.some((n) => !Number.isInteger(n) || n < 0 || n > 255)) return undefined;
  return `#${bytes.map((n) => n.toString(16).padStart(2, "0")).join("")}`;
}

const cube = [0, 95, 135, 175, 215, 255];

/** A colour as CSS; the first sixteen are variables that the theme sets (`--ansi-0` ... `--ansi-15`). */
export function ansiCss(color: AnsiColor): string {
  if (typeof color === "string") return color;
  if (color < 16) return `var(--ansi-${color})`;
  if (color >= 232) {
    const grey = 8 + (color - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const n = color - 16;
  return `rgb(${cube[Math.floor(n / 36)]} ${cube[Math.floor(n / 6) % 6]} ${cube[n % 6]})`;
}
