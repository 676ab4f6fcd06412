import { expect, test } from "vitest";
import { healthDefaults, type WholeHealthCheck } from "#shared/base/health-check";
import { judge, nextDelay, startingVerdict, type Verdict } from "./health-rule.ts";

const check: WholeHealthCheck = { ...healthDefaults, test: ["CMD", "true"] };

/** The states that results lead to, each told as its second since the start and its exit status. */
function after(results: [second: number, exitCode: number | undefined][], own = check): string[] {
  let verdict: Verdict = startingVerdict;
  return results.map(([second, exitCode]) => {
    verdict = judge(verdict, { startedAt: 1000 * second, exitCode }, own, 0);
    return `${verdict.status} ${verdict.failingStreak}`;
  });
}

test("one success is healthy, so many failures in a row are not", () => {
  const results: [number, number | undefined][] = [
    ...([
      [1, 1],
      [2, 0],
      [3, 1],
      [4, undefined],
    ] as [number, number | undefined][]),
    ...([
      [5, 0],
      [6, 1],
      [7, 137],
      [8, 1],
      [9, 1],
      [10, 0],
    ] as [number, number][]),
  ];
  expect(after(results)).toEqual([
    ...["starting 1", "healthy 0", "healthy 1", "healthy 2", "healthy 0"],
    ...["healthy 1", "healthy 2", "unhealthy 3", "unhealthy 4", "healthy 0"],
  ]);
});

test("failures in the start period count only once it was healthy", () => {
  const own = { ...check, startPeriodSeconds: 10, retries: 1 };
  expect(
    after(
      [
        [1, 1],
        [9, 1],
        [10, 1],
      ],
      own,
    ),
  ).toEqual(["starting 0", "starting 0", "unhealthy 1"]);
  expect(
    after(
      [
        [1, 0],
        [2, 1],
      ],
      own,
    ),
  ).toEqual(["healthy 0", "unhealthy 1"]);
  // Unhealthy before the period was over, it is told as any other.
  expect(
    after(
      [
        [1, 0],
        [2, 1],
        [3, 1],
      ],
      own,
    ).at(-1),
  ).toBe("unhealthy 2");
});

test("checks come more often until the start period is over or it is healthy", () => {
  const own = { ...check, startPeriodSeconds: 10, intervalSeconds: 60, startIntervalSeconds: 2 };
  expect(nextDelay("starting", own, 0, 9999)).toBe(2000);
  expect(nextDelay("healthy", own, 0, 9999)).toBe(60_000);
  expect(nextDelay("starting", own, 0, 10_000)).toBe(60_000);
  expect(nextDelay("starting", check, 0, 0)).toBe(30_000);
});
