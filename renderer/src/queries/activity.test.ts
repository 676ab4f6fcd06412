import { expect, it } from "vitest";
import type { Event } from "#shared/contract/activity";
import { activityKeys, addEvent } from "./activity.ts";
import { createQueryClient } from "./client.tsx";

const event = (seq: number): Event => ({
  ...{ seq, time: seq, topic: "/tasks/start", namespace: "default", data: {} },
});

it("keeps the newest of a journal that is open for days, in pages", () => {
  const queries = createQueryClient();
  const key = activityKeys.events(undefined);
  queries.setQueryData(key, { pages: [[event(1)]], pageParams: [undefined] });
  for (let seq = 2; seq <= 6000; seq += 1) addEvent(queries, event(seq));
  const data = queries.getQueryData<{ pages: Event[][]; pageParams: unknown[] }>(key);
  const seqs = data?.pages.flat().map(({ seq }) => seq) ?? [];
  expect(seqs.length).toBeLessThan(5400);
  expect(seqs).toEqual(seqs.map((_, index) => 6000 - index));
  // Where it goes on is known of each page, the last one too.
  expect(data?.pageParams).toHaveLength(data?.pages.length ?? 0);
  expect(data?.pages.slice(1).every((page) => page.length === 200)).toBe(true);
});
