import { expect, test } from "vitest";
import { PidPool } from "./pid-pool.ts";

test("numbers that no host has, each held by one, and not given again at once", () => {
  const pool = new PidPool();
  const pids = [pool.take(), pool.take(), pool.take()];
  expect(new Set(pids).size).toBe(3);
  expect(Math.min(...pids)).toBeGreaterThan(2 ** 22);
  pool.release(pids[0] ?? 0);
  pool.release(4);
  expect(pids).not.toContain(pool.take());
});
