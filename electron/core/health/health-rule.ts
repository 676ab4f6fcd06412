import type { WholeHealthCheck } from "#shared/base/health-check";
import type { HealthResult, HealthStatus } from "#shared/contract/health";

export interface Verdict {
  status: HealthStatus;
  /** Failures in a row. */
  failingStreak: number;
}

export const startingVerdict: Verdict = { status: "starting", failingStreak: 0 };

/**
 * What a check's result makes of a container that was started at `begunAt` (moby: daemon/health.go,
 * handleProbeResult). In its start period a failure of one that never was healthy does not count.
 */
export function judge(
  before: Verdict,
  { startedAt, exitCode }: Pick<HealthResult, "startedAt" | "exitCode">,
  { retries, startPeriodSeconds }: WholeHealthCheck,
  begunAt: number,
): Verdict {
  if (exitCode === 0) return { status: "healthy", failingStreak: 0 };
  const early = startedAt - begunAt < startPeriodSeconds * 1000;
  if (before.status === "starting" && early) return before;
  const failingStreak = before.failingStreak + 1;
  return { failingStreak, status: failingStreak >= retries ? "unhealthy" : before.status };
}

/** Milliseconds until the next check: shorter in the start period of one that is not healthy yet (moby: monitor). */
export function nextDelay(
  status: HealthStatus,
  check: WholeHealthCheck,
  begunAt: number,
  now: number,
): number {
  const early = now - begunAt < check.startPeriodSeconds * 1000;
  const seconds =
    early && status === "starting" ? check.startIntervalSeconds : check.intervalSeconds;
  return seconds * 1000;
}
