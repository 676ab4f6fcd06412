import { quoteShellWords } from "../base/shell-words.ts";
import { emptyDraft, type RunDraft } from "../run-line/draft.ts";
import { parseRunLine } from "../run-line/parse-run-line.ts";

/** The values of a key in a unit, with continued lines joined (systemd.syntax(7)). */
export function unitValues(unit: string, key: string): string[] {
  return unit
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

const escapes: Record<string, string> = {
  ...{ a: "\u0007", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", s: " " },
};

/** Of words; other spaces are none. */
const separator = /[ \t\n\r]/;

/** The words that systemd makes of a command line: quotes, C escapes, doubled % and $ (systemd.service(5)). */
export function systemdWords(line: string): string[] {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    if (separator.test(line[at] as string)) {
      at += 1;
      continue;
    }
    let word = "";
    let quote = "";
    for (; at < line.length && (quote !== "" || !separator.test(line[at] as string)); at += 1) {
      const one = line[at] as string;
      if (one === "\\") {
        const hex = /^x([0-9a-f]{2})/.exec(line.slice(at + 1));
        word += hex
          ? String.fromCharCode(Number.parseInt(hex[1] as string, 16))
          : (escapes[line[at + 1] as string] ?? line[at + 1]);
        at += hex ? 3 : 1;
      } else if (one === quote) quote = "";
      else if (quote === "" && (one === '"' || one === "'")) quote = one;
      else word += one;
    }
    // A command's end, and variables that it would put in place.
    if (word === ";" && line[at - 1] === ";") throw new Error(`${line} has an end in it`);
    const left = word.replaceAll("$$", "").replaceAll("%%", "");
    // But for the file where podman keeps its id.
    if (/%|\$\{|^\$/.test(left) && !left.startsWith("--cidfile="))
      throw new Error(`${word} has something put in place`);
    words.push(word.replaceAll("%%", "%").replaceAll("$$", "$"));
  }
  return words;
}

/** What the words of a podman or docker command that makes a container say of it. */
export function draftOfWords(words: readonly string[]): { draft: RunDraft; image: string } {
  const [program = "", ...rest] = words;
  const parsed = parseRunLine(quoteShellWords([program.split("/").at(-1) ?? "", ...rest]));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed;
}

/** What of a draft is its own in a unit: restarts are systemd's, and order counts where it means something. */
export function comparable(draft: RunDraft): RunDraft {
  const { env, mounts, autoRemove: _, ...rest } = draft;
  const values = new Map(env.map((entry) => [entry.split("=", 1)[0], entry]));
  return {
    ...rest,
    restart: emptyDraft.restart,
    env: [...values.values()].sort(),
    ...(mounts ? { mounts: mounts.toSorted((a, b) => (a.target < b.target ? -1 : 1)) } : {}),
  };
}
