import { expect, test } from "vitest";
import { allDone } from "./all-done.ts";

test("it answers in order, each its own", async () => {
  expect(await allDone([Promise.resolve(1), Promise.resolve("two")])).toEqual([1, "two"]);
});

test("a failure is told when the others have ended", async () => {
  const ended: string[] = [];
  const slow = new Promise<void>((resolve) => {
    setTimeout(() => {
      ended.push("slow");
      resolve();
    }, 5);
  });
  await expect(allDone([Promise.reject(new Error("no")), slow])).rejects.toThrow("no");
  expect(ended).toEqual(["slow"]);
});
