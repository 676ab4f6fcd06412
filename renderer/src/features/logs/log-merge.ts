import type { LogLine } from "#shared/contract/logs";
import type { LogSnapshot, LogSource } from "../../queries/logs.ts";

/** Lines that are put in order in one go, before the window gets its turn. */
const batch = 2000;

/**
 * Several logs as one, by time. The order is found from the end backwards, as far as one looks: the
 * n-th line of all is known without reading what lies before it.
 */
export class LogMerge implements LogSource {
  readonly #sources: readonly LogSource[];
  readonly #listeners = new Set<() => void>();
  /** What is ordered already, newest first: which source, and its line. */
  #order: { source: number; line: number }[] = [];
  /** Per source: lines not yet ordered, at its beginning. */
  #left: number[];
  /** Per source: lines there were when last looked. */
  #totals: number[];
  /** The line of all that must be ordered at least. */
  #wanted = Infinity;
  /** Appended lines in the order of their coming, after all of `#order`. */
  #appended: { source: number; line: number }[] = [];
  #snapshot: LogSnapshot = { total: 0, status: { state: "connecting" }, version: 0 };
  #unsubscribe: (() => void)[] = [];

  constructor(sources: readonly LogSource[]) {
    this.#sources = sources;
    this.#left = sources.map(() => 0);
    this.#totals = sources.map(() => -1);
  }

  snapshot(): LogSnapshot {
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#unsubscribe.length === 0) {
      this.#unsubscribe = this.#sources.map((source) => source.subscribe(() => this.#changed()));
      this.#changed();
    }
    return () => {
      this.#listeners.delete(listener);
      setTimeout(() => {
        if (this.#listeners.size > 0) return;
        for (const unsubscribe of this.#unsubscribe) unsubscribe();
        this.#unsubscribe = [];
      }, 0);
    };
  }

  onAppend(listener: (lines: LogLine[]) => void): () => void {
    const stop = this.#sources.map((source) => source.onAppend(listener));
    return () => {
      for (const each of stop) each();
    };
  }

  line(n: number): LogLine | undefined {
    const place = this.place(n);
    return place && this.#sources[place.source]?.line(place.line);
  }

  /** Which source's which line is the n-th of all; undefined while that is not known. */
  place(n: number): { source: number; line: number } | undefined {
    const { total } = this.#snapshot;
    if (n < 0 || n >= total) return undefined;
    const fromEnd = total - 1 - n;
    if (fromEnd < this.#appended.length) {
      return this.#appended[this.#appended.length - 1 - fromEnd];
    }
    const place = this.#order[fromEnd - this.#appended.length];
    if (!place && n < this.#wanted) {
      // A batch more: who looks there looks on.
      this.#wanted = Math.max(0, n - batch);
      queueMicrotask(() => this.#extend());
    }
    return place;
  }

  /**
   * Where lines of the sources are among all, ascending; and orders as far back as the first of them.
   * `complete` is false until that is done. `lines` holds, per source, its line numbers, ascending.
   */
  locate(lines: readonly (readonly number[])[]): { matches: number[]; complete: boolean } {
    const { total } = this.#snapshot;
    const wanted = lines.map((each) => new Set(each));
    const matches: number[] = [];
    for (let n = total - this.ordered; n < total; n += 1) {
      const place = this.place(n);
      if (place && wanted[place.source]?.has(place.line)) matches.push(n);
    }
    const complete = matches.length === wanted.reduce((sum, each) => sum + each.size, 0);
    const n = total - this.ordered - 1;
    if (!complete && n >= 0) this.place(n);
    return { matches, complete };
  }

  /** How many lines at the end are in order: those before are not known yet. */
  get ordered(): number {
    return this.#order.length + this.#appended.length;
  }

  #changed(): void {
    const snapshots = this.#sources.map((source) => source.snapshot());
    const totals = snapshots.map(({ total }) => total);
    const failed = snapshots.find(({ status }) => status.state === "failed");
    const waiting = snapshots.find(({ status }) => status.state === "connecting");
    const status = (failed ?? waiting ?? snapshots[0])?.status ?? this.#snapshot.status;
    // Until all are known the order of their ends is not; a log that began anew changes all.
    const ready = !waiting;
    const begunAnew = totals.some((total, index) => total < (this.#totals[index] ?? -1));
    if (ready && (this.#totals.includes(-1) || begunAnew)) {
      this.#totals = totals;
      this.#left = [...totals];
      this.#order = [];
      this.#appended = [];
      this.#wanted = Infinity;
    } else if (ready) {
      for (const [source, total] of totals.entries()) {
        for (let line = this.#totals[source] ?? 0; line < total; line += 1) {
          this.#appended.push({ source, line });
        }
      }
      this.#totals = totals;
    }
    const total = ready ? totals.reduce((sum, each) => sum + each, 0) : this.#snapshot.total;
    this.#snapshot = { total, status, version: this.#snapshot.version + 1 };
    this.#extend();
    for (const listen of this.#listeners) listen();
  }

  /** Orders backwards until what is wanted is known, or a page must be read first. */
  #extend(): void {
    const { total } = this.#snapshot;
    const before = this.#order.length;
    while (total - this.ordered > this.#wanted) {
      if (this.#order.length - before >= batch) {
        setTimeout(() => this.#extend(), 0);
        break;
      }
      let newest: { source: number; line: number; time: string } | undefined;
      let missing = false;
      for (const [source, left] of this.#left.entries()) {
        if (left === 0) continue;
        const line = this.#sources[source]?.line(left - 1);
        if (!line) missing = true;
        else if (!newest || line.time >= newest.time) {
          newest = { source, line: left - 1, time: line.time };
        }
      }
      // The source tells when it has read it, and this goes on.
      if (missing || !newest) break;
      this.#order.push({ source: newest.source, line: newest.line });
      this.#left[newest.source] = newest.line;
    }
    if (this.#order.length === before) return;
    this.#snapshot = { ...this.#snapshot, version: this.#snapshot.version + 1 };
    for (const listen of this.#listeners) listen();
  }
}
