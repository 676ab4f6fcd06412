import { AppError } from "../errors.ts";
import { interpolate, type Lookup } from "./interpolate.ts";
import type { Notes, SourceFile } from "./note.ts";

/**
 * A file of variables as docker compose reads it: `KEY=VALUE` or `KEY: VALUE`, an `export` before it, comments, values
 * within single quotes (as they are) or double quotes (with \n and the like, over several lines too), and variables
 * in values. A bare `KEY` takes its value from `lookup`. Lines that are wrong are noted.
 */
export function parseEnvFile(
  text: string,
  file: SourceFile,
  lookup: Lookup,
  notes: Notes,
): Map<string, string> {
  const found = new Map<string, string>();
  const known: Lookup = (name) => found.get(name) ?? lookup(name);
  const lines = text
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n")
    .split("\n");
  for (let index = 0; index < lines.length; index += 1) {
    const at = { file, line: index + 1 };
    const line = (lines[index] as string).trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = /^(?:export\s+)?([^\s=:#]+)\s*(?:[=:]\s*([^]*))?$/.exec(line);
    const [, key = "", raw] = match ?? [];
    if (!match) {
      notes.add("error", at, "", `“${line}” is no variable: write KEY=VALUE`);
      continue;
    }
    if (raw === undefined) {
      const value = lookup(key);
      if (value !== undefined) found.set(key, value);
      continue;
    }
    try {
      const quote = raw[0];
      if (quote !== '"' && quote !== "'") {
        // A comment begins after a blank.
        const value = raw.startsWith("#") ? "" : raw.replace(/\s#[^]*$/, "").trimEnd();
        found.set(key, interpolate(value, known).text);
        continue;
      }
      let whole = raw;
      while (closeOf(whole, quote) < 0 && index + 1 < lines.length) {
        index += 1;
        whole += `\n${lines[index]}`;
      }
      const close = closeOf(whole, quote);
      if (close < 0) {
        notes.add("error", at, "", `The ${quote} of ${key} is never closed`);
        break;
      }
      const inner = whole.slice(1, close);
      found.set(key, quote === "'" ? inner : unescape(interpolate(inner, known).text));
    } catch (error) {
      notes.add("error", at, "", AppError.from(error).message);
    }
  }
  return found;
}

/** Index of the quote that closes the one at 0; -1 where there is none. */
function closeOf(text: string, quote: string): number {
  for (let at = 1; at < text.length; at += 1) {
    if (quote === '"' && text[at] === "\\") at += 1;
    else if (text[at] === quote) return at;
  }
  return -1;
}

const escapes: Record<string, string> = { n: "\n", r: "\r", t: "\t" };
const unescape = (text: string): string =>
  text.replaceAll(/\\(.)/gs, (_all, letter: string) => escapes[letter] ?? letter);
