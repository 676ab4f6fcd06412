import type { AppContract } from "#shared/contract/index";
import type { LogLine } from "#shared/contract/logs";
import type { Client } from "#shared/rpc/define";
import { AppError, isCode } from "#shared/errors";

/** Lines a request asks for, and the unit that is kept or forgotten. */
export const pageSize = 500;
/** Characters of text kept per log: some 30 MiB of strings at most. Only what is far away is forgotten. */
const keptCharacters = 16_000_000;
/** Never fewer than what a tall window and its overscan show. */
const keptPages = 6;
/** After a broken connection, milliseconds; doubles up to the last. */
const retryDelays = [250, 500, 1000, 2000];

interface Page {
  lines: (LogLine | undefined)[];
  characters: number;
}

export type LogStatus =
  | { state: "connecting" }
  | { state: "following" }
  | { state: "failed"; error: AppError };

const following: LogStatus = { state: "following" };

export interface LogSnapshot {
  /** How many lines there are; the oldest is 0. */
  total: number;
  status: LogStatus;
  /** Grows with everything that could change what is seen. */
  version: number;
}

/** What a log view shows: lines by number, loaded when asked for. */
export interface LogSource {
  subscribe(listener: () => void): () => void;
  snapshot(): LogSnapshot;
  /** The line if it is here; else it is fetched and listeners hear of it. */
  line(n: number): LogLine | undefined;
  /** Lines as they are appended, for the search. */
  onAppend(listener: (lines: LogLine[]) => void): () => void;
}

/**
 * One container's whole log, held a few pages at a time: what is looked at is read, what is appended
 * is followed. Follows while anyone subscribes, and again by itself after the connection broke.
 */
export class LogModel implements LogSource {
  readonly id: string;
  readonly #client: Client<AppContract>;
  /** In the order of use, least recent first. */
  readonly #pages = new Map<number, Page>();
  readonly #loading = new Map<number, AbortController>();
  readonly #listeners = new Set<() => void>();
  readonly #appendListeners = new Set<(lines: LogLine[]) => void>();
  #snapshot: LogSnapshot = { total: 0, status: { state: "connecting" }, version: 0 };
  #follow: AbortController | undefined;
  /** Lines that were asked for could not be read, and have not been since. */
  #unread = false;
  #characters = 0;

  constructor(client: Client<AppContract>, id: string) {
    this.#client = client;
    this.id = id;
  }

  snapshot(): LogSnapshot {
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (!this.#follow) {
      this.#follow = new AbortController();
      void this.#followOn(this.#follow.signal);
    }
    return () => {
      this.#listeners.delete(listener);
      // React unsubscribes and subscribes again within a tick: that must not restart the stream.
      setTimeout(() => {
        if (this.#listeners.size === 0) this.#stop();
      }, 0);
    };
  }

  onAppend(listener: (lines: LogLine[]) => void): () => void {
    this.#appendListeners.add(listener);
    return () => this.#appendListeners.delete(listener);
  }

  line(n: number): LogLine | undefined {
    if (n < 0 || n >= this.#snapshot.total) return undefined;
    const number = Math.floor(n / pageSize);
    const page = this.#pages.get(number);
    if (page) {
      this.#pages.delete(number);
      this.#pages.set(number, page);
      const line = page.lines[n - number * pageSize];
      if (line) return line;
    }
    void this.#load(number);
    return undefined;
  }

  async #followOn(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        const items = this.#client.stream(
          "logs.follow",
          { id: this.id, tail: pageSize },
          { signal },
        );
        for await (const item of items) {
          attempt = 0;
          if (item.reset) this.#forget();
          this.#put(item.lines);
          this.#update({ total: item.total, status: following });
          if (!item.reset) for (const listen of this.#appendListeners) listen(item.lines);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#unread = false;
        this.#update({ status: { state: "failed", error: AppError.from(error) } });
        if (isCode(error, "NOT_FOUND")) return;
      }
      if (signal.aborted) return;
      const delay = retryDelays[Math.min(attempt, retryDelays.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }

  async #load(number: number): Promise<void> {
    if (this.#loading.has(number)) return;
    // Scrolling fast passes many pages: those asked for first are no longer looked at.
    if (this.#loading.size >= keptPages) {
      const [oldest] = this.#loading;
      if (oldest) oldest[1].abort();
    }
    const abort = new AbortController();
    this.#loading.set(number, abort);
    try {
      const { lines, total } = await this.#client.call(
        "logs.read",
        { id: this.id, from: number * pageSize, count: pageSize },
        { signal: abort.signal },
      );
      if (abort.signal.aborted) return;
      this.#loading.delete(number);
      this.#put(lines);
      const recovered = this.#unread && this.#follow ? { status: following } : {};
      this.#unread = false;
      this.#update({ total: Math.max(total, this.#snapshot.total), ...recovered });
    } catch (error) {
      if (!abort.signal.aborted) {
        this.#unread = this.#snapshot.status.state === "following" || this.#unread;
        this.#update({ status: { state: "failed", error: AppError.from(error) } });
        // The rows keep asking as they are drawn; a log that can't be read must not be asked each frame.
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    } finally {
      if (this.#loading.get(number) === abort) this.#loading.delete(number);
      // A row that waits for this page asks again when it is drawn.
      if (abort.signal.aborted) this.#update({});
    }
  }

  #put(lines: LogLine[]): void {
    for (const line of lines) {
      const number = Math.floor(line.line / pageSize);
      let page = this.#pages.get(number);
      if (!page) {
        page = { lines: [], characters: 0 };
        this.#pages.set(number, page);
      }
      const at = line.line - number * pageSize;
      const known = page.lines[at];
      // An ended line never changes, and what is read may be older than what was followed.
      if (known && (!known.open || (line.open && line.text.length <= known.text.length))) continue;
      const added = line.text.length - (known?.text.length ?? 0);
      page.lines[at] = line;
      page.characters += added;
      this.#characters += added;
    }
    for (const [number, page] of this.#pages) {
      if (this.#characters <= keptCharacters || this.#pages.size <= keptPages) break;
      this.#pages.delete(number);
      this.#characters -= page.characters;
    }
  }

  #forget(): void {
    for (const abort of this.#loading.values()) abort.abort();
    this.#loading.clear();
    this.#pages.clear();
    this.#characters = 0;
  }

  #stop(): void {
    this.#follow?.abort();
    this.#follow = undefined;
    for (const abort of this.#loading.values()) abort.abort();
  }

  #update(change: Partial<LogSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change, version: this.#snapshot.version + 1 };
    for (const listen of this.#listeners) listen();
  }
}
