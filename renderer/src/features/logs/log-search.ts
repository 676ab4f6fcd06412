import type { AppContract } from "#shared/contract/index";
import type { LogLine } from "#shared/contract/logs";
import type { Client } from "#shared/rpc/define";
import { AppError } from "#shared/errors";
import { stripAnsi } from "./ansi.ts";

export interface LogQuery {
  text: string;
  regex: boolean;
  caseSensitive: boolean;
}

export interface SearchSnapshot {
  /** Line numbers, ascending. */
  matches: readonly number[];
  /** 0..1 */
  progress: number;
  done: boolean;
  /** More matched than are listed. */
  limited: boolean;
  error?: AppError;
}

/** The query as a regular expression for highlighting; undefined when it is none. */
export function queryPattern({ text, regex, caseSensitive }: LogQuery): RegExp | undefined {
  if (text === "") return undefined;
  const source = regex ? text : text.replace(/[\\^$.*+?()[\]{}|/-]/gu, "\\$&");
  const flags = caseSensitive ? "gu" : "giu";
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}

/** Index of the first match at or after `line`; `matches.length` when there is none. */
export function firstAtOrAfter(matches: readonly number[], line: number): number {
  let low = 0;
  let high = matches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((matches[middle] ?? 0) < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * One search of one log: the core goes through what is written, this through what is appended meanwhile.
 * Runs from its making until `dispose`.
 */
export class LogSearch {
  readonly pattern: RegExp | undefined;
  readonly #abort = new AbortController();
  readonly #listeners = new Set<() => void>();
  #appended: number[] = [];
  #snapshot: SearchSnapshot = { matches: [], progress: 0, done: false, limited: false };

  constructor(client: Client<AppContract>, id: string, query: LogQuery) {
    this.pattern = queryPattern(query);
    if (this.pattern) {
      void this.#run(client, id, query);
    } else {
      const error = new AppError("INVALID_ARGUMENT", "That is not a regular expression");
      this.#snapshot = { ...this.#snapshot, done: true, error };
    }
  }

  snapshot = (): SearchSnapshot => this.#snapshot;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Lines that were written after the search began. */
  append(lines: readonly LogLine[]): void {
    const { pattern } = this;
    if (!pattern) return;
    for (const { line, text } of lines) {
      pattern.lastIndex = 0;
      if (pattern.test(stripAnsi(text))) this.#appended.push(line);
    }
    if (this.#snapshot.done) this.#takeAppended();
  }

  dispose(): void {
    this.#abort.abort();
    this.#listeners.clear();
  }

  async #run(client: Client<AppContract>, id: string, query: LogQuery): Promise<void> {
    const { signal } = this.#abort;
    try {
      const found: number[] = [];
      for await (const item of client.stream("logs.search", { id, ...query }, { signal })) {
        for (const line of item.matches) found.push(line);
        const { progress, done, limited } = item;
        this.#update({ matches: [...found], progress, done, limited });
      }
      this.#update({ ...this.#snapshot, progress: 1, done: true });
      this.#takeAppended();
    } catch (error) {
      if (signal.aborted) return;
      this.#update({ ...this.#snapshot, done: true, error: AppError.from(error) });
    }
  }

  /** The core may have read some of them too: only what lies behind its last match is new. */
  #takeAppended(): void {
    const last = this.#snapshot.matches.at(-1) ?? -1;
    // A line that had no newline yet comes again when it grows.
    const added = [...new Set(this.#appended)].filter((line) => line > last);
    this.#appended = [];
    if (added.length === 0 || this.#snapshot.limited) return;
    this.#update({ ...this.#snapshot, matches: [...this.#snapshot.matches, ...added] });
  }

  #update(snapshot: SearchSnapshot): void {
    this.#snapshot = snapshot;
    for (const listen of this.#listeners) listen();
  }
}
