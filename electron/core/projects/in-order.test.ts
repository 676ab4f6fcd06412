import { expect, test } from "vitest";
import { inOrder } from "./in-order.ts";

/** What each waits for; `!` before a name: it is enough that it was tried. */
const graph: Record<string, string[]> = {
  web: ["api", "!mail"],
  api: ["db"],
  mail: ["db"],
  db: [],
};

async function run(failing: readonly string[] = [], names = Object.keys(graph)) {
  const done: string[] = [];
  const skipped: string[] = [];
  const failures = await inOrder({
    names,
    before: (name) =>
      (graph[name] ?? []).map((other) => ({
        ...{ name: other.replace("!", ""), required: !other.startsWith("!") },
      })),
    work: async (name) => {
      await Promise.resolve();
      if (failing.includes(name)) throw new Error(`${name} failed`);
      done.push(name);
    },
    skip: (name, failed) => skipped.push(`${name} for ${failed}`),
  });
  return { done, skipped, failed: [...failures.keys()] };
}

test("each comes after what it waits for", async () => {
  const { done } = await run();
  expect(done[0]).toBe("db");
  expect(done.at(-1)).toBe("web");
  expect(done).toHaveLength(4);
});

test("what fails keeps back who needs it, all the way, and nobody else", async () => {
  expect(await run(["api"])).toEqual({
    ...{ done: ["db", "mail"], skipped: ["web for api"], failed: ["api"] },
  });
  expect(await run(["mail"])).toEqual({
    ...{ done: ["db", "api", "web"], skipped: [], failed: ["mail"] },
  });
  expect((await run(["db"])).skipped.sort()).toEqual(["api for db", "mail for db", "web for api"]);
});

test("what is not among the names is not waited for", async () => {
  expect((await run([], ["web"])).done).toEqual(["web"]);
});
