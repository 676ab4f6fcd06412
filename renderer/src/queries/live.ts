import type { QueryClient } from "@tanstack/react-query";
import type { AppContract } from "#shared/contract/index";
import type { ErrorInfo } from "#shared/errors";
import type { Client, ItemOf, MethodName, MethodOf } from "#shared/rpc/define";
import { keepReading } from "./keep-reading.ts";

type Streams = MethodName<AppContract, "stream">;
type StreamItem<N extends Streams> = ItemOf<MethodOf<AppContract, N>>;

/** The streams that keep a list current: first everything, then what changed. */
export type DeltaMethod = {
  [N in Streams]: StreamItem<N> extends { reset: boolean; put: { id: string }[]; removed: string[] }
    ? N
    : never;
}[Streams];

export type DeltaItem<N extends DeltaMethod> =
  StreamItem<N> extends { put: (infer T extends { id: string })[] } ? T : never;

/**
 * A list as last heard. `stale`: the stream broke and is being tried again; what was known stays
 * shown, for a list that turns empty because the core hiccups is a lie.
 */
export interface Collection<T> {
  items: ReadonlyMap<string, T>;
  status: "loading" | "live" | "stale";
  error?: ErrorInfo;
}

export interface CollectionSource<N extends DeltaMethod> {
  key: readonly unknown[];
  method: N;
}

export const emptyCollection: Collection<never> = {
  items: new Map<string, never>(),
  status: "loading",
};

/** Applies one step; items that did not change keep their identity, so that memoised rows stay. */
export function applyDelta<T extends { id: string }>(
  before: Collection<T> | undefined,
  delta: { reset: boolean; put: T[]; removed: string[] },
): Collection<T> {
  const items = new Map(delta.reset ? undefined : before?.items);
  for (const id of delta.removed) items.delete(id);
  for (const item of delta.put) items.set(item.id, item);
  return { items, status: "live" };
}

/**
 * Runs every watched stream once, whoever asks and however often, and writes what it says into
 * react-query's cache. A stream that breaks is opened again, for ever: the core's end of it comes
 * back when the core does.
 */
export class Live {
  readonly #client: Client<AppContract>;
  readonly #queries: QueryClient;
  readonly #running = new Set<string>();
  readonly #abort = new AbortController();

  constructor(client: Client<AppContract>, queries: QueryClient) {
    this.#client = client;
    this.#queries = queries;
  }

  watchCollection<N extends DeltaMethod>(source: CollectionSource<N>): void {
    type T = DeltaItem<N>;
    const write = (update: (before: Collection<T> | undefined) => Collection<T>): void => {
      this.#queries.setQueryData<Collection<T>>(source.key, update);
    };
    this.#watch(
      source.method,
      (item) =>
        write((before) =>
          applyDelta(before, item as unknown as { reset: boolean; put: T[]; removed: string[] }),
        ),
      (error) =>
        write((before) => ({
          items: before?.items ?? new Map<string, T>(),
          status: "stale",
          error,
        })),
    );
  }

  /** A stream whose every item is the whole value. */
  watchValue(method: Streams, key: readonly unknown[]): void {
    this.#watch(
      method,
      (item) => this.#queries.setQueryData(key, item),
      () => undefined,
    );
  }

  /** Calls `take` with every item of a stream that is opened again whenever it breaks, and `again` when it was. */
  watchItems<N extends Streams>(
    method: N,
    take: (item: StreamItem<N>) => void,
    again?: () => void,
  ): void {
    this.#watch(method, take, () => undefined, again);
  }

  dispose(): void {
    this.#abort.abort();
  }

  #watch<N extends Streams>(
    method: N,
    take: (item: StreamItem<N>) => void,
    broken: (error: ErrorInfo) => void,
    again?: () => void,
  ): void {
    if (this.#running.has(method)) return;
    this.#running.add(method);
    // Every watched stream takes an empty input.
    void keepReading((signal) => this.#client.stream(method, {} as never, { signal }), {
      ...{ signal: this.#abort.signal, take, again },
      broken: (error) => {
        broken(error.toInfo());
        return true;
      },
    });
  }
}
