import { useMutation, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { useMemo, useSyncExternalStore } from "react";
import type { FileChange, FileEntry, FileSource, FileText } from "#shared/contract/files";
import type { AppContract } from "#shared/contract/index";
import type { Client } from "#shared/rpc/define";
import { AppError, isCode } from "#shared/errors";
import { useClient } from "./client.tsx";
import { useContainer } from "./containers.ts";

/** Bytes of a file that are read to be looked at: more lines than anyone reads, and quick to search. */
export const textLimit = 1024 * 1024;
/** Milliseconds between two times that a list is drawn while it is still coming. */
const drawEvery = 120;
/** A list that broke because the container started or ended is asked for again after so long, milliseconds. */
const againAfter = 500;

export interface Listing {
  /** The directory's path without links; the one asked for until it is known. */
  path: string;
  entries: readonly FileEntry[];
  complete: boolean;
  limited: boolean;
  error?: AppError;
}

/** One directory's entries: followed while anyone subscribes, and asked for anew when the container started or ended. */
class DirectoryModel {
  readonly #client: Client<AppContract>;
  readonly #source: FileSource;
  readonly #path: string;
  readonly #listeners = new Set<() => void>();
  #listing: Listing;
  #abort: AbortController | undefined;

  constructor(client: Client<AppContract>, source: FileSource, path: string) {
    this.#client = client;
    this.#source = source;
    this.#path = path;
    this.#listing = { path, entries: [], complete: false, limited: false };
  }

  readonly snapshot = (): Listing => this.#listing;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (!this.#abort) void this.#follow((this.#abort = new AbortController()).signal);
    return () => {
      this.#listeners.delete(listener);
      // React unsubscribes and subscribes again within a tick: that must not restart the stream.
      setTimeout(() => {
        if (this.#listeners.size > 0) return;
        this.#abort?.abort();
        this.#abort = undefined;
      }, 0);
    };
  };

  readonly retry = (): void => {
    this.#abort?.abort();
    this.#abort = new AbortController();
    this.#show({ path: this.#path, entries: [], complete: false, limited: false });
    void this.#follow(this.#abort.signal);
  };

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = AppError.from(thrown);
        // What was listed stays until it is known anew.
        const again = this.#listing.complete && isCode(error, "UNAVAILABLE");
        if (!again) this.#show({ ...this.#listing, error });
        if (!again) return;
      }
      await new Promise((resolve) => setTimeout(resolve, againAfter));
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const entries = new Map<string, FileEntry>();
    const input = { source: this.#source, path: this.#path };
    let drawn = Date.now();
    for await (const page of this.#client.stream("files.list", input, { signal })) {
      for (const name of page.removed) entries.delete(name);
      for (const entry of page.put) entries.set(entry.name, entry);
      const { path, complete, limited } = page;
      if (!complete && Date.now() - drawn < drawEvery) continue;
      this.#show({ path, complete, limited, entries: [...entries.values()] });
      drawn = Date.now();
    }
    // A part of a directory is not followed.
    await new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    );
  }

  #show(listing: Listing): void {
    this.#listing = listing;
    for (const listen of this.#listeners) listen();
  }
}

/** A directory's entries, kept current while this is mounted. */
export function useListing(source: FileSource, path: string): Listing & { retry: () => void } {
  const client = useClient();
  const model = useMemo(() => new DirectoryModel(client, source, path), [client, source, path]);
  return { ...useSyncExternalStore(model.subscribe, model.snapshot), retry: model.retry };
}

export interface ChangeList {
  changes: readonly FileChange[];
  limited: boolean;
}

/** What a container did to its image's files, as it was when this was mounted or last asked for again. */
export function useChanges(source: FileSource): UseQueryResult<ChangeList> {
  const client = useClient();
  return useQuery({
    queryKey: ["files", "changes", source],
    queryFn: async ({ signal }) => {
      const changes: FileChange[] = [];
      let limited = false;
      for await (const page of client.stream("files.diff", { source }, { signal })) {
        changes.push(...page.changes);
        limited = page.limited;
      }
      return { changes, limited };
    },
    gcTime: 0,
  });
}

/** The beginning of a file as text, as it was when this was mounted or last asked for again. */
export function useFileText(source: FileSource, path: string): UseQueryResult<FileText> {
  const client = useClient();
  return useQuery({
    queryKey: ["files", "text", source, path],
    queryFn: ({ signal }) =>
      client.call("files.readText", { source, path, limit: textLimit }, { signal }),
    gcTime: 0,
  });
}

/** Why nothing can be changed there now, as a sentence; false when it can. */
export function useReadOnlyReason(source: FileSource): string | false {
  const container = useContainer(source.kind === "container" ? source.id : undefined);
  if (source.kind === "image") return "An image is never changed: make a container of it";
  if (container?.state.activity) return `${container.name} is busy`;
  return false;
}

/** What changes files, one call each; the list tells of the outcome by itself. */
export function useFileActions(source: FileSource) {
  const client = useClient();
  const makeDirectory = useMutation({
    mutationFn: (path: string) => client.call("files.makeDirectory", { source, path }),
  });
  const rename = useMutation({
    mutationFn: (input: { path: string; to: string }) =>
      client.call("files.rename", { source, ...input }),
  });
  const remove = useMutation({
    mutationFn: (path: string) => client.call("files.delete", { source, path }),
  });
  return useMemo(() => ({ makeDirectory, rename, remove }), [makeDirectory, rename, remove]);
}
