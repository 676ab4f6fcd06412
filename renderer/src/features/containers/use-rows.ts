import { useEffect, useMemo, useReducer } from "react";
import type { Container } from "#shared/contract/containers";
import { useStats } from "../../queries/stats.ts";
import { useContainerList } from "../../state/container-list.ts";
import { comparator, inSegment, parseFilter, segmentCounts } from "./view.ts";

/** How often a list that is sorted by load is put in order again: often enough to be true, seldom enough to click. */
const resortEvery = 3000;

/** The containers that the filter and segment let through, in order; and how many are in each segment. */
export function useRows(items: ReadonlyMap<string, Container>) {
  const { filter, segment, sort } = useContainerList();
  const stats = useStats();
  const byLoad = sort.key === "cpu" || sort.key === "memory";
  const [round, nextRound] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (!byLoad) return undefined;
    const timer = setInterval(nextRound, resortEvery);
    return () => clearInterval(timer);
  }, [byLoad]);

  const matching = useMemo(() => {
    const test = parseFilter(filter);
    return [...items.values()].filter(test);
  }, [items, filter]);
  const counts = useMemo(() => segmentCounts(matching), [matching]);
  const rows = useMemo(
    () =>
      matching
        .filter((container) => inSegment(container, segment))
        .sort(comparator(sort, (id) => stats.sample(id))),
    // `round` is why it is put in order again; the loads it reads change silently.
    // oxlint-disable-next-line react/exhaustive-deps
    [matching, segment, sort, stats, round],
  );
  return { rows, counts };
}
