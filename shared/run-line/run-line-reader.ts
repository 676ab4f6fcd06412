import { applyFlag } from "./apply-flag.ts";
import type { PastedWord } from "./commands.ts";
import { emptyDraft, type RunDraft, type RunNote } from "./draft.ts";
import type { Program } from "./flag.ts";
import { aliases, flags, shortFlags } from "./flags.ts";
import { fromDirectory, type Place } from "./place.ts";
import { settle } from "./settle.ts";
import { parseWhole } from "./values.ts";

export type Read =
  | { ok: true; draft: RunDraft; image: string; inDirectory: boolean }
  /** `position` is where in the text it goes wrong; absent: where the words end. */
  | { ok: false; message: string; position?: number };

/** Flags that speak of the first network, wherever that is named. */
const ofFirstNetwork = new Set(["ip", "ip6", "mac-address", "network-alias"]);

/** What docker divides a quota of CPU time by, where no period is given: microseconds. */
const defaultPeriod = 100_000;

/** The words that follow `docker run`, read one flag after the other. */
export class RunLineReader {
  readonly #words: readonly PastedWord[];
  readonly #program: Program;
  readonly #place: Place;
  readonly #notes: RunNote[];
  readonly #late: (() => void)[] = [];
  readonly #quota: { quota?: string; period?: string; shown: string[] } = { shown: [] };
  #draft: RunDraft = emptyDraft;
  #inDirectory = false;
  #at = 0;

  /** What is not carried over comes to `notes`. */
  constructor(words: readonly PastedWord[], program: Program, place: Place, notes: RunNote[]) {
    this.#words = words;
    this.#program = program;
    this.#place = place;
    this.#notes = notes;
  }

  read(): Read {
    for (;;) {
      const word = this.#words[this.#at];
      if (!word) return { ok: false, message: "The line names no image" };
      const { value } = word;
      if (value === "--") this.#at += 1;
      if (value === "--" || !value.startsWith("-") || value === "-") break;
      this.#at += 1;
      if (!(value.startsWith("--") ? this.#long(word) : this.#cluster(word))) {
        return { ok: false, position: word.start, message: `“${value}” has no value` };
      }
    }
    for (const apply of this.#late) apply();
    this.#applyQuota();
    const rest = this.#words.slice(this.#at);
    for (const word of rest) this.#noteOpen(word);
    const [image, ...args] = rest.map(({ value }) => value);
    if (image === undefined) return { ok: false, message: "The line names no image" };
    const draft = settle({ ...this.#draft, args });
    return { ok: true, draft, image, inDirectory: this.#inDirectory };
  }

  /** `--name=value`, `--name value`, `--switch`. False when its value is missing. */
  #long(word: PastedWord): boolean {
    const { value } = word;
    const at = value.indexOf("=");
    const written = at < 0 ? value.slice(2) : value.slice(2, at);
    const given = at < 0 ? undefined : value.slice(at + 1);
    return this.#take(`--${written}`, aliases[written] ?? written, word, given);
  }

  /** `-itd`, `-p8080:80`, `-p 8080:80`, `-p=8080:80`. */
  #cluster(word: PastedWord): boolean {
    const { value: letters } = word;
    for (let at = 1; at < letters.length; at += 1) {
      const letter = letters[at] as string;
      const name = shortFlags[letter] ?? "";
      const rest = letters.slice(at + 1);
      const given = flags.get(name)?.takesValue || rest.startsWith("=");
      const value = given && rest !== "" ? rest.replace(/^=/, "") : undefined;
      if (!this.#take(`-${letter}`, name, word, value)) return false;
      if (given) break;
    }
    return true;
  }

  #take(written: string, name: string, word: PastedWord, given: string | undefined): boolean {
    const flag = flags.get(name);
    if (!flag) {
      const shown = given === undefined ? written : `${written}=${given}`;
      this.#note(shown, `${this.#program} has no such flag that is known here`, true);
      return true;
    }
    const next = given === undefined && flag.takesValue ? this.#words[this.#at++] : word;
    const pasted = given ?? (flag.takesValue ? next?.value : "true");
    if (next === undefined || pasted === undefined) return false;
    const shown = flag.takesValue ? `${written} ${pasted}` : written;
    const value = this.#atPlace(name, pasted);
    if (name === "cpu-quota" || name === "cpu-period") {
      this.#quota[name === "cpu-quota" ? "quota" : "period"] = value;
      this.#quota.shown.push(shown);
    } else if ("reason" in flag) {
      // `--privileged=false` asks for nothing.
      if (name === "env-file") this.#noteEnvFile(shown, value, flag.reason);
      else if (flag.takesValue || value !== "false") this.#note(shown, flag.reason, flag.lost);
    } else {
      const apply = (): void => {
        const applied = applyFlag(flag, value, this.#draft, this.#program);
        if (!applied.ok) return this.#note(shown, applied.message, true);
        this.#draft = applied.draft;
        return this.#noteOpen(next);
      };
      if (ofFirstNetwork.has(name)) this.#late.push(apply);
      else apply();
    }
    return true;
  }

  /** A value as it is where the line is run. */
  #atPlace(name: string, value: string): string {
    const found = fromDirectory(name, value, this.#place.directory ?? "/");
    this.#inDirectory ||= found !== undefined;
    return this.#place.directory === undefined ? value : (found ?? value);
  }

  /** CPUs are given here as a number, which is a quota of time in each period. */
  #applyQuota(): void {
    const { quota = "", period = "", shown } = this.#quota;
    if (shown.length === 0) return;
    try {
      const cpus = parseWhole(quota || "-1") / (parseWhole(period || "0") || defaultPeriod);
      const flag = flags.get("cpus");
      // No quota is no limit.
      if (cpus <= 0 || !flag) return;
      const applied = applyFlag(flag, String(cpus), this.#draft);
      if (!applied.ok) this.#note(shown.join(" "), applied.message, true);
      else this.#draft = applied.draft;
    } catch {
      this.#note(shown.join(" "), "They are whole numbers of microseconds", true);
    }
  }

  #noteEnvFile(flag: string, path: string, reason: string): void {
    if (path.startsWith("/")) this.#notes.push({ flag, reason, lost: true, envFile: path });
    else {
      const where = `“${path}” depends on where the command is run`;
      this.#note(flag, `${where}: write the path from / on, or paste its lines`, true);
    }
  }

  #noteOpen({ open, value }: PastedWord): void {
    if (open) this.#note(value, "A shell would put something in its place: write what", true);
  }

  #note(flag: string, reason: string, lost: boolean): void {
    this.#notes.push({ flag, reason, lost });
  }
}
