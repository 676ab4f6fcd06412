import { parseShellWords, type ShellWord } from "../base/shell-words.ts";
import { emptyDraft, type RunDraft, type RunNote } from "./draft.ts";
import { applyFlag } from "./apply-flag.ts";
import type { Flag, Program } from "./flag.ts";
import { aliases, flags, shortFlags } from "./flags.ts";

export type ParsedRunLine =
  | {
      ok: true;
      draft: RunDraft;
      /** As it stands there: `nginx:1.27`. */
      image: string;
      /** False for `create`. */
      start: boolean;
      notes: RunNote[];
    }
  /** `position` is where in the text it goes wrong. */
  | { ok: false; message: string; position: number };

/** Whether a text is a command line of this kind, so that its field may offer to read it. */
export function looksLikeRunLine(text: string): boolean {
  return /^\s*(?:[$#>]\s+)?(?:sudo\s+)?(?:docker|podman|nerdctl)\s+(?:container\s+)?(?:run|create)\s/.test(
    text,
  );
}

/**
 * Reads a `docker run`, `docker create`, `podman run` or `podman create` line. Nothing is expanded: what a shell would
 * do to the line is noted. A flag that is wrong or can't be carried over is noted, and the others are read.
 */
export function parseRunLine(text: string): ParsedRunLine {
  const parsed = parseShellWords(text.replaceAll("\r\n", "\n"));
  if (!parsed.ok) return parsed;
  const notes: RunNote[] = [];
  const words = untilOperator(text.replaceAll("\r\n", "\n"), parsed.words, notes);
  const begun = skipCommand(words);
  if (!begun) {
    return { ok: false, position: 0, message: "This is no docker run or podman run line" };
  }
  return new Reader(words, begun.next, begun.program, notes).read(begun.start);
}

interface Command {
  program: Program;
  start: boolean;
  /** Index of the first word after it. */
  next: number;
}

function skipCommand(words: readonly ShellWord[]): Command | undefined {
  let at = 0;
  const value = (): string => words[at]?.value ?? "";
  // A prompt that was copied along, and who runs it.
  while (["$", "#", ">", "sudo"].includes(value())) at += 1;
  const program = /(?:^|\/)(docker|podman|nerdctl)$/.exec(value())?.[1];
  if (program === undefined) return undefined;
  at += 1;
  if (value() === "container") at += 1;
  if (value() !== "run" && value() !== "create") return undefined;
  return {
    program: program === "podman" ? "podman" : "docker",
    start: value() === "run",
    next: at + 1,
  };
}

/** The words up to where a shell would end the command; notes what it would have put in place of some. */
function untilOperator(text: string, words: ShellWord[], notes: RunNote[]): ShellWord[] {
  const raw = ({ start, end }: ShellWord): string => text.slice(start, end);
  const stop = words.findIndex((word) => /^(\||\|\||&&?|;|\d*[<>].*)$/.test(raw(word)));
  const kept = stop < 0 ? words : words.slice(0, stop);
  for (const word of kept) {
    // A prompt is none, and within single quotes or after a backslash a shell leaves it.
    const open = raw(word).replaceAll(/'[^']*'|\\./g, "");
    if (/\$[\w({]|`/.test(open)) {
      notes.push({
        ...{ flag: word.value, lost: true },
        reason: "A shell would put something in its place: write what",
      });
    }
  }
  if (stop >= 0) {
    const rest = text.slice(words[stop]?.start).trim();
    notes.push({ flag: rest, lost: true, reason: "Only the first command is read" });
  }
  return kept;
}

class Reader {
  readonly #words: readonly ShellWord[];
  readonly #program: Program;
  readonly #notes: RunNote[];
  #draft: RunDraft = emptyDraft;
  #at: number;

  constructor(words: readonly ShellWord[], at: number, program: Program, notes: RunNote[]) {
    this.#words = words;
    this.#at = at;
    this.#program = program;
    this.#notes = notes;
  }

  read(start: boolean): ParsedRunLine {
    const end = this.#words.at(-1)?.end ?? 0;
    for (;;) {
      const word = this.#words[this.#at];
      if (!word) return { ok: false, position: end, message: "The line names no image" };
      const { value } = word;
      if (value === "--") this.#at += 1;
      if (value === "--" || !value.startsWith("-") || value === "-") break;
      this.#at += 1;
      if (!(value.startsWith("--") ? this.#long(value) : this.#cluster(value))) {
        return { ok: false, position: word.start, message: `“${value}” has no value` };
      }
    }
    const [image, ...args] = this.#words.slice(this.#at).map(({ value }) => value);
    if (image === undefined) {
      return { ok: false, position: end, message: "The line names no image" };
    }
    return {
      ...{ ok: true, image, start, notes: this.#notes },
      draft: settle({ ...this.#draft, args }),
    };
  }

  /** `--name=value`, `--name value`, `--switch`. False when its value is missing. */
  #long(word: string): boolean {
    const at = word.indexOf("=");
    const written = at < 0 ? word.slice(2) : word.slice(2, at);
    const name = aliases[written] ?? written;
    return this.#take(`--${written}`, flags.get(name), at < 0 ? undefined : word.slice(at + 1));
  }

  /** `-itd`, `-p8080:80`, `-p 8080:80`, `-p=8080:80`. */
  #cluster(word: string): boolean {
    for (let at = 1; at < word.length; at += 1) {
      const letter = word[at] as string;
      const flag = flags.get(shortFlags[letter] ?? "");
      const rest = word.slice(at + 1);
      const given = flag?.takesValue || rest.startsWith("=");
      const value = given && rest !== "" ? rest.replace(/^=/, "") : undefined;
      if (!this.#take(`-${letter}`, flag, value)) return false;
      if (given) break;
    }
    return true;
  }

  #take(written: string, flag: Flag | undefined, given: string | undefined): boolean {
    if (!flag) {
      const shown = given === undefined ? written : `${written}=${given}`;
      this.#note(shown, `${this.#program} has no such flag that is known here`, true);
      return true;
    }
    const value = given ?? (flag.takesValue ? this.#words[this.#at++]?.value : "true");
    if (value === undefined) return false;
    const shown = flag.takesValue ? `${written} ${value}` : written;
    if ("reason" in flag) {
      // `--privileged=false` asks for nothing.
      if (flag === flags.get("env-file")) this.#noteEnvFile(shown, value, flag.reason);
      else if (flag.takesValue || value !== "false") this.#note(shown, flag.reason, flag.lost);
      return true;
    }
    const applied = applyFlag(flag, value, this.#draft, this.#program);
    if (applied.ok) this.#draft = applied.draft;
    else this.#note(shown, applied.message, true);
    return true;
  }

  #noteEnvFile(flag: string, path: string, reason: string): void {
    if (path.startsWith("/")) this.#notes.push({ flag, reason, lost: true, envFile: path });
    else {
      const where = `“${path}” depends on where the command is run`;
      this.#note(flag, `${where}: write the path from / on, or paste its lines`, true);
    }
  }

  #note(flag: string, reason: string, lost: boolean): void {
    this.#notes.push({ flag, reason, lost });
  }
}

/** What follows from several flags together. */
export function settle(draft: RunDraft): RunDraft {
  const { terminal, stdin, limits, moreLimits, ...rest } = draft;
  const { memorySwap, ...others } = moreLimits ?? {};
  // No swap beside the memory is what a limit means here by itself.
  const swap = memorySwap === limits.memory ? undefined : memorySwap;
  const more = { ...others, ...(swap === undefined ? {} : { memorySwap: swap }) };
  // A terminal brings its standard input along, which docker's -t alone does not.
  const input = terminal ? (stdin === true ? undefined : false) : stdin || undefined;
  const settled: RunDraft = { ...rest, terminal, limits };
  if (input !== undefined) settled.stdin = input;
  if (Object.keys(more).length > 0) settled.moreLimits = more;
  return withoutEmpty(settled);
}

/** Without what was asked for and taken back, as by `--init=false`. */
function withoutEmpty(draft: RunDraft): RunDraft {
  const { security, dns, ...rest } = draft;
  const clean = <T extends object>(group: T | undefined): T | undefined => {
    const entries = Object.entries(group ?? {}).filter(([, value]) => value !== undefined);
    return entries.length > 0 ? (Object.fromEntries(entries) as T) : undefined;
  };
  return clean({ ...rest, security: clean(security), dns: clean(dns) }) as RunDraft;
}
