import { expect, test } from "vitest";
import { HealthCheck } from "../contract/health.ts";
import { healthDefaults, wholeHealthCheck } from "./health-check.ts";

const image: HealthCheck = { test: ["CMD", "check"], intervalSeconds: 7, retries: 2 };

test("a container has its image's check, each value of which it may change", () => {
  expect(wholeHealthCheck(undefined, undefined)).toBeUndefined();
  expect(wholeHealthCheck({ intervalSeconds: 5 }, undefined)).toBeUndefined();
  expect(wholeHealthCheck(undefined, image)).toEqual({ ...healthDefaults, ...image });
  expect(wholeHealthCheck({ retries: 9 }, image)).toEqual({
    ...healthDefaults,
    ...{ test: ["CMD", "check"], intervalSeconds: 7, retries: 9 },
  });
  expect(wholeHealthCheck({ test: ["CMD-SHELL", "true"] }, image)).toMatchObject({
    ...{ test: ["CMD-SHELL", "true"], intervalSeconds: 7 },
  });
  expect(wholeHealthCheck({ test: ["NONE"] }, image)).toBeUndefined();
});

test.each([
  [["NONE"], true],
  [["NONE", "x"], false],
  [["CMD"], false],
  [["CMD", ""], false],
  [["CMD", "true", ""], true],
  [["CMD-SHELL", " "], false],
  [["CMD-SHELL", "a", "b"], false],
  [["SHELL", "a"], false],
  [[], false],
])("%j is a test: %s", (words, ok) => {
  expect(HealthCheck.safeParse({ test: words }).success).toBe(ok);
});
