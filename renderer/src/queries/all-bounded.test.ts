import { expect, it } from "vitest";
import { allBounded } from "./all-bounded.ts";

it("does something to many, a bounded number at once, and tells of each in their order", async () => {
  const items = Array.from({ length: 1000 }, (_, index) => index);
  let under = 0;
  let most = 0;
  const results = await allBounded(items, async (item) => {
    under += 1;
    most = Math.max(most, under);
    await new Promise((resolve) => setTimeout(resolve, item % 3));
    under -= 1;
    return item * 2;
  });
  expect(results).toEqual(items.map((item) => item * 2));
  expect(most).toBe(64);
});

it("fails with the first that fails", async () => {
  const failing = allBounded([1, 2, 3], (item) =>
    item === 2 ? Promise.reject(new Error("two")) : Promise.resolve(item),
  );
  await expect(failing).rejects.toThrow("two");
  expect(await allBounded([], () => Promise.resolve(1))).toEqual([]);
});
