import { closeSync, fstatSync, watch } from "node:fs";
import { setImmediate, setTimeout as delay } from "node:timers/promises";
import type { FileList } from "#shared/contract/files";
import type { z } from "zod";
import { AppError } from "#shared/errors";
import type { Changes } from "./changes.ts";
import { entryOf, type Owners, readOwners } from "./entries.ts";
import { nameOf } from "./name-bytes.ts";
import { namesIn } from "./read.ts";
import { type RootDirectory, self } from "./root-directory.ts";

type Page = z.infer<typeof FileList>;

/** Entries of a page: some 100 KiB as JSON. */
const pageSize = 500;
/** A window can't make use of more, and keeps them in memory. */
const mostEntries = 200_000;
/** That the directory itself was removed the kernel does not tell who holds it. Milliseconds between two looks. */
const lookEvery = 2000;
/** Changes are gathered for so long, milliseconds: a log is written to many times a second. */
const gathering = 250;

/** The entries of a directory, and then what changes in it, for as long as the signal lets it. */
export async function* list(
  root: RootDirectory,
  changes: Changes | undefined,
  directory: string,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  const fd = root.open(directory, { directory: true });
  try {
    yield* new Listing(root, changes, fd).run(signal);
  } finally {
    closeSync(fd);
  }
}

class Listing {
  readonly #root: RootDirectory;
  readonly #changes: Changes | undefined;
  readonly #fd: number;
  readonly #path: string;
  readonly #owners: Owners;

  constructor(root: RootDirectory, changes: Changes | undefined, fd: number) {
    this.#root = root;
    // What is mounted in it is no part of its overlay.
    this.#changes = root.has(fd) ? changes : undefined;
    this.#fd = fd;
    this.#path = root.pathOf(fd);
    this.#owners = readOwners(root);
  }

  async *run(signal: AbortSignal): AsyncGenerator<Page> {
    const changed = new Changed(this.#fd, signal);
    try {
      const limited = yield* this.#everything(signal);
      // Of a part nobody can tell what has come or gone.
      if (!limited) yield* this.#follow(changed);
    } finally {
      changed.close();
    }
  }

  async *#everything(signal: AbortSignal): AsyncGenerator<Page, boolean> {
    let names: Buffer[] = [];
    let count = 0;
    const change = this.#changes?.among(this.#path);
    for (const name of namesIn(this.#fd)) {
      if (count === mostEntries) break;
      count += 1;
      names.push(name);
      if (names.length < pageSize) continue;
      yield { ...this.#page(names, change), removed: [] };
      names = [];
      // Other calls have their turn.
      await setImmediate();
      signal.throwIfAborted();
    }
    const limited = count === mostEntries;
    yield { ...this.#page(names, change), removed: [], complete: true, limited };
    return limited;
  }

  async *#follow(changed: Changed): AsyncGenerator<Page> {
    for (;;) {
      const names = await changed.next();
      if (fstatSync(this.#fd).nlink === 0) {
        throw new AppError("NOT_FOUND", "The directory was removed");
      }
      if (names.length === 0) continue;
      const page = this.#page(names, this.#changes?.among(this.#path));
      yield { ...page, complete: true };
    }
  }

  /** What is there now of these names; `removed` has the others. */
  #page(names: Buffer[], changeOf: ReturnType<Changes["among"]> | undefined): Page {
    const page: Page = {
      ...{ path: this.#path, put: [], removed: [], complete: false, limited: false },
    };
    for (const name of names) {
      try {
        const place = { fd: this.#fd, name };
        const entry = entryOf(this.#root, this.#path, place, this.#owners);
        const change = changeOf?.(entry.name);
        page.put.push(change ? { ...entry, change } : entry);
      } catch {
        page.removed.push(nameOf(name));
      }
    }
    return page;
  }
}

/** Names in a directory of which the kernel tells that something happened to them (inotify(7)). */
class Changed {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  readonly #names = new Set<string>();
  readonly #signal: AbortSignal;
  readonly #timer = setInterval(() => this.#wake?.(), lookEvery);
  #wake: (() => void) | undefined;

  constructor(fd: number, signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
    try {
      this.#watcher = watch(self(fd), { encoding: "buffer", persistent: false }, (_type, name) => {
        if (name) this.#names.add(name.toString("latin1"));
        this.#wake?.();
      });
      this.#watcher.on("error", () => undefined);
    } catch {
      // No more watches are to be had, or the file system has none: then the list stays as it was.
    }
  }

  /** Resolves when there are some, or it is time to look at the directory itself; rejects when the signal is aborted. */
  async next(): Promise<Buffer[]> {
    if (this.#names.size === 0 && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#signal.throwIfAborted();
    if (this.#names.size === 0) return [];
    await delay(gathering, undefined, { signal: this.#signal });
    const names = [...this.#names].map((name) => Buffer.from(name, "latin1"));
    this.#names.clear();
    return names;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }
}
