import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useClient } from "../../queries/client.tsx";
import type { LogModel } from "../../queries/logs.ts";
import type { LogMerge } from "./log-merge.ts";
import { firstAtOrAfter, type LogQuery, type SearchSnapshot } from "./log-search.ts";
import { noMatches, Searches } from "./searches.ts";

/** Milliseconds without a key before a search begins. */
const typingPause = 120;

export interface LogSearchState extends SearchSnapshot {
  pattern: RegExp | undefined;
  /** Index into `matches` of the one that one is at; -1 before the first step. */
  at: number;
  /** The line of it. */
  currentLine: number | undefined;
  /** Steps to the next (1) or previous (-1) match and returns its line. */
  step: (by: 1 | -1, topLine: number) => number | undefined;
}

/** Searches one log, or several while they are shown as one, as long as the query is not empty. */
export function useLogSearch(
  models: readonly LogModel[],
  merge: LogMerge | undefined,
  query: LogQuery,
): LogSearchState {
  const client = useClient();
  const settled = useDebounced(query);
  const searches = useMemo(
    () => (settled.text === "" ? undefined : new Searches(client, models, merge, settled)),
    [client, models, merge, settled],
  );
  const [place, setPlace] = useState<{ of: Searches; line: number | undefined }>();
  const current = place && place.of === searches ? place.line : undefined;
  const snapshot = useSyncExternalStore(
    searches?.subscribe ?? noSubscription,
    searches?.snapshot ?? noSnapshot,
  );
  return useMemo(() => {
    const { matches } = snapshot;
    const at = current === undefined ? -1 : firstAtOrAfter(matches, current);
    return {
      ...snapshot,
      pattern: searches?.pattern,
      at: matches[at] === current ? at : -1,
      currentLine: current,
      step: (by, topLine) => {
        if (!searches || matches.length === 0) return undefined;
        const from = firstAtOrAfter(matches, current ?? topLine);
        const known = current !== undefined && matches[from] === current;
        const next = by === -1 ? from - 1 : known ? from + 1 : from;
        const line = matches[(next + matches.length) % matches.length];
        setPlace({ of: searches, line });
        return line;
      },
    };
  }, [snapshot, searches, current]);
}

const noSubscription = (): (() => void) => () => undefined;
const noSnapshot = (): SearchSnapshot => noMatches;

function useDebounced(query: LogQuery): LogQuery {
  const [settled, setSettled] = useState(query);
  const { text, regex, caseSensitive } = query;
  useEffect(() => {
    const timer = setTimeout(() => setSettled({ text, regex, caseSensitive }), typingPause);
    return () => clearTimeout(timer);
  }, [text, regex, caseSensitive]);
  return settled;
}
