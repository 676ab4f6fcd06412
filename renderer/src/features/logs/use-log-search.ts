import { useEffect, useEffectEvent, useMemo, useRef, useState, useSyncExternalStore } from "react";
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
  /**
   * Steps to the next (1) or previous (-1) match and reveals its line; where it is not known yet, as when Enter
   * follows the last letter at once, as soon as it is.
   */
  step: (by: 1 | -1, topLine: number) => void;
}

interface Step {
  by: 1 | -1;
  topLine: number;
  query: LogQuery;
}

/** Searches one log, or several while they are shown as one, as long as the query is not empty. */
export function useLogSearch(
  models: readonly LogModel[],
  merge: LogMerge | undefined,
  query: LogQuery,
  reveal: (line: number) => void,
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
  /** Asked for before what it goes by was known. */
  const pending = useRef<Step>(undefined);
  const { matches, done } = snapshot;
  const take = ({ by, topLine }: Step): void => {
    pending.current = undefined;
    if (!searches || matches.length === 0) return;
    const from = firstAtOrAfter(matches, current ?? topLine);
    const known = current !== undefined && matches[from] === current;
    const next = by === -1 ? from - 1 : known ? from + 1 : from;
    const line = matches[(next + matches.length) % matches.length];
    setPlace({ of: searches, line });
    if (line !== undefined) reveal(line);
  };
  const ready = ({ query: meant, topLine }: Step): boolean =>
    sameQuery(meant, settled) && (done || (matches.at(-1) ?? -1) >= (current ?? topLine));
  const takePending = useEffectEvent(() => {
    const step = pending.current;
    if (!step) return;
    if (!sameQuery(step.query, query)) pending.current = undefined;
    else if (ready(step)) take(step);
  });
  useEffect(() => takePending());
  const at = current === undefined ? -1 : firstAtOrAfter(matches, current);
  return {
    ...snapshot,
    pattern: searches?.pattern,
    at: matches[at] === current ? at : -1,
    currentLine: current,
    step: (by, topLine) => {
      const step = { by, topLine, query };
      if (ready(step)) take(step);
      else pending.current = step;
    },
  };
}

function sameQuery(a: LogQuery, b: LogQuery): boolean {
  return a.text === b.text && a.regex === b.regex && a.caseSensitive === b.caseSensitive;
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
