import type { AppContract } from "#shared/contract/index";
import type { Client } from "#shared/rpc/define";
import type { LogModel } from "../../queries/logs.ts";
import type { LogMerge } from "./log-merge.ts";
import { type LogQuery, LogSearch, queryPattern, type SearchSnapshot } from "./log-search.ts";

export const noMatches: SearchSnapshot = { matches: [], progress: 0, done: true, limited: false };
const begun: SearchSnapshot = { ...noMatches, done: false };

/**
 * One query in one log, or in several that are shown as one. Of merged logs the matches are numbered by
 * time, which reads them from the end back to the first match. Runs while anyone subscribes.
 */
export class Searches {
  readonly pattern: RegExp | undefined;
  readonly #client: Client<AppContract>;
  readonly #models: readonly LogModel[];
  readonly #merge: LogMerge | undefined;
  readonly #query: LogQuery;
  readonly #listeners = new Set<() => void>();
  #searches: LogSearch[] = [];
  #stop: (() => void)[] = [];
  #parts: readonly (SearchSnapshot | number)[] = [];
  #merged: SearchSnapshot = begun;

  constructor(
    client: Client<AppContract>,
    models: readonly LogModel[],
    merge: LogMerge | undefined,
    query: LogQuery,
  ) {
    this.#client = client;
    this.#models = models;
    this.#merge = merge;
    this.#query = query;
    this.pattern = queryPattern(query);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#searches.length === 0) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      for (const stop of this.#stop) stop();
      this.#stop = [];
      this.#searches = [];
    };
  };

  snapshot = (): SearchSnapshot => {
    const snapshots = this.#searches.map((search) => search.snapshot());
    const merge = this.#merge;
    if (!merge) return snapshots[0] ?? begun;
    // React asks on every rendering: it is put together anew only when a part changed.
    const parts = [...snapshots, merge.snapshot().version];
    if (
      parts.length === this.#parts.length &&
      parts.every((part, index) => part === this.#parts[index])
    ) {
      return this.#merged;
    }
    this.#parts = parts;
    const { matches, complete } = merge.locate(snapshots.map((each) => each.matches));
    this.#merged = {
      matches,
      progress: Math.min(1, ...snapshots.map(({ progress }) => progress)),
      done: complete && snapshots.every(({ done }) => done),
      limited: snapshots.some(({ limited }) => limited),
      error: snapshots.find(({ error }) => error !== undefined)?.error,
    };
    return this.#merged;
  };

  #start(): void {
    const notify = (): void => {
      for (const listen of this.#listeners) listen();
    };
    for (const model of this.#models) {
      const search = new LogSearch(this.#client, model.id, this.#query);
      this.#searches.push(search);
      this.#stop.push(
        search.subscribe(notify),
        model.onAppend((lines) => search.append(lines)),
        () => search.dispose(),
      );
    }
    if (this.#merge) this.#stop.push(this.#merge.subscribe(notify));
  }
}
