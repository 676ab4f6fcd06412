import { expect, it } from "vitest";
import { BoundedQueue } from "./bounded-queue.ts";

it("handles one after another in order, and lets who adds too much wait", async () => {
  const handled: number[] = [];
  const goOn: (() => void)[] = [];
  const queue = new BoundedQueue<number>(2, async (item) => {
    await new Promise<void>((resolve) => goOn.push(resolve));
    handled.push(item);
  });
  const added: number[] = [];
  const adding = [1, 2, 3, 4, 5, 6].map(async (item) => {
    await queue.push(item);
    added.push(item);
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  await settle();
  // One is at work, two wait their turn.
  expect(added).toEqual([1, 2, 3]);
  expect(handled).toEqual([]);
  goOn.shift()?.();
  await settle();
  expect(handled).toEqual([1]);
  expect(added).toEqual([1, 2, 3, 4]);
  while (handled.length < 6) {
    goOn.shift()?.();
    await settle();
  }
  await Promise.all(adding);
  expect(handled).toEqual([1, 2, 3, 4, 5, 6]);
});

it("lets go of everyone when it is closed", async () => {
  const handled: number[] = [];
  const queue = new BoundedQueue<number>(1, async (item) => {
    handled.push(item);
    await new Promise(() => {});
  });
  const adding = [1, 2, 3].map((item) => queue.push(item));
  queue.close();
  await Promise.all([...adding, queue.push(4)]);
  expect(handled).toEqual([1]);
});
