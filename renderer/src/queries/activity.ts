import {
  type InfiniteData,
  type QueryClient,
  useInfiniteQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback, useEffect } from "react";
import type { Event, Operation } from "#shared/contract/activity";
import { notify } from "../components/notices.ts";
import { useClient, useCollection, useLive } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

export const activityKeys = {
  operations: ["operations"] as const,
  allEvents: ["events"] as const,
  events: (containerId: string | undefined) => ["events", containerId ?? null] as const,
};

export const operationSource: CollectionSource<"activity.watchOperations"> = {
  key: activityKeys.operations,
  method: "activity.watchOperations",
};

/** Running operations, and those of the last 10 minutes. */
export function useOperations(): Collection<Operation> {
  return useCollection(operationSource);
}

/** Cancels an operation from where there is no room to say that it could not be: a notice does. */
export function useCancelOperation(): (id: string) => void {
  const client = useClient();
  return useCallback(
    (id) =>
      void client
        .call("activity.cancel", { id })
        .catch((error: unknown) => notify({ tone: "bad", title: "It was not cancelled", error })),
    [client],
  );
}

/** Events in one page when scrolling back. */
const pageSize = 200;
type EventPages = InfiniteData<Event[], number | undefined>;

/** Pages of a journal that are kept: what was let go at its end is read again when one scrolls there. */
const mostPages = 25;

function withEvent(data: EventPages, event: Event): EventPages {
  const [first = [], ...rest] = data.pages;
  const top = [event, ...first];
  if (top.length < 2 * pageSize) return { ...data, pages: [top, ...rest] };
  const [newest, next] = [top.slice(0, pageSize), top.slice(pageSize)];
  const [begin, ...params] = data.pageParams;
  return {
    pages: [newest, next, ...rest].slice(0, mostPages),
    pageParams: [begin, newest.at(-1)?.seq, ...params].slice(0, mostPages),
  };
}

/** Puts a new event in front of every journal that is loaded and concerns it. */
export function addEvent(queries: QueryClient, event: Event): void {
  for (const [key, data] of queries.getQueriesData<EventPages>({
    queryKey: activityKeys.allEvents,
  })) {
    const containerId = key[1];
    if (event.partOf !== undefined) continue;
    if (!data || (containerId !== null && containerId !== event.containerId)) continue;
    const newest = data.pages[0]?.[0];
    if (newest && newest.seq >= event.seq) continue;
    queries.setQueryData<EventPages>(key, withEvent(data, event));
  }
}

/** After the stream broke: journals that are shown are read again, others when they next are. */
async function readAnew(queries: QueryClient): Promise<void> {
  queries.removeQueries({ queryKey: activityKeys.allEvents, type: "inactive" });
  await queries.invalidateQueries({ queryKey: activityKeys.allEvents });
}

/** The journal, newest first: the top grows by itself, `fetchNextPage` goes further back. */
export function useEvents(containerId?: string) {
  const client = useClient();
  const live = useLive();
  const queries = useQueryClient();
  useEffect(
    () =>
      live.watchItems(
        "activity.watchEvents",
        (event) => addEvent(queries, event),
        () => void readAnew(queries),
      ),
    [live, queries],
  );
  return useInfiniteQuery({
    queryKey: activityKeys.events(containerId),
    queryFn: ({ pageParam, signal }) =>
      client.call(
        "activity.events",
        { containerId, before: pageParam, limit: pageSize, brief: true },
        { signal },
      ),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => (last.length < pageSize ? undefined : last.at(-1)?.seq),
    // What was pushed while nothing was mounted is in the cache: it never goes stale.
  });
}
