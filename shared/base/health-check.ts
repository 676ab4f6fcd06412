import type { HealthCheck } from "../contract/health.ts";

/** docker's (moby: daemon/health.go). */
export const healthDefaults = {
  intervalSeconds: 30,
  timeoutSeconds: 30,
  retries: 3,
  startPeriodSeconds: 0,
  startIntervalSeconds: 5,
} as const;

export type WholeHealthCheck = Required<HealthCheck>;

/**
 * A container's check with what it leaves to its image and to the defaults; undefined where there is none, or where
 * the container wants none (moby: daemon/commit.go, merge: each value by itself).
 */
export function wholeHealthCheck(
  own: HealthCheck | undefined,
  image: HealthCheck | undefined,
): WholeHealthCheck | undefined {
  const test = own?.test ?? image?.test;
  if (test === undefined || test[0] === "NONE") return undefined;
  return { ...healthDefaults, ...image, ...own, test };
}
