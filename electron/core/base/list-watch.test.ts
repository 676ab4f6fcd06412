import { expect, test } from "vitest";
import { ListWatch } from "./list-watch.ts";

test("a subscriber gets everything once, then only what changed, in its newest state", async () => {
  const items = new Map([
    ["a", 1],
    ["b", 1],
  ]);
  const list = new ListWatch({
    list: () => [...items],
    get: (id) => (items.has(id) ? ([id, items.get(id)] as [string, number]) : undefined),
  });
  const abort = new AbortController();
  const watch = list.watch(abort.signal);
  expect((await watch.next()).value).toEqual({
    reset: true,
    put: [
      ["a", 1],
      ["b", 1],
    ],
    removed: [],
  });
  for (let i = 0; i < 1000; i += 1) {
    items.set("a", i);
    list.changed("a");
  }
  items.delete("b");
  list.changed("b");
  expect((await watch.next()).value).toEqual({ reset: false, put: [["a", 999]], removed: ["b"] });
  const last = watch.next();
  abort.abort();
  expect((await last).done).toBe(true);
});
