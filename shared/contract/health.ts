import { z } from "zod";
import { Time } from "./common.ts";

/** As long as a timer can run, a little over 24 days (setTimeout's limit is 2^31 - 1 ms). */
const longestSeconds = 2_147_483;
const Seconds = z.number().min(0.001, "At least a millisecond").max(longestSeconds);

const Test = z
  .array(z.string().max(65_536))
  .max(4096)
  .refine(
    ([form, ...rest]) =>
      form === "NONE"
        ? rest.length === 0
        : form === "CMD"
          ? rest.length > 0 && rest[0] !== ""
          : form === "CMD-SHELL" && rest.length === 1 && rest[0]?.trim() !== "",
    'Write ["NONE"], ["CMD", program, ...] or ["CMD-SHELL", text]',
  );

/**
 * How a container is asked whether it works, in docker's terms (moby: api/types/container/health.go). What is absent
 * is as its image has it, else docker's default; shared/base/health-check.ts joins them.
 */
export const HealthCheck = z.object({
  /** `["NONE"]`, `["CMD", program, ...]`, or `["CMD-SHELL", text]` for the container's /bin/sh. Exit 0 is healthy. */
  test: Test.optional(),
  /** From the end of a check to the next. Default 30. */
  intervalSeconds: Seconds.optional(),
  /** A check that takes longer is killed, and has failed. Default 30. */
  timeoutSeconds: Seconds.optional(),
  /** So many failures in a row make it unhealthy. Default 3. */
  retries: z.number().int().min(1).max(1_000_000).optional(),
  /** From its start; failures until then don't count unless it was healthy already. Default 0. */
  startPeriodSeconds: z.number().min(0).max(longestSeconds).optional(),
  /** In place of the interval until the start period is over or it is healthy. Default 5. */
  startIntervalSeconds: Seconds.optional(),
});
export type HealthCheck = z.infer<typeof HealthCheck>;

/** `starting` is also what nobody has looked at since the app began. */
export const HealthStatus = z.enum(["starting", "healthy", "unhealthy"]);
export type HealthStatus = z.infer<typeof HealthStatus>;

export const HealthResult = z.object({
  startedAt: Time,
  endedAt: Time,
  /** Absent when it was killed at its timeout or could not be run: `output` says which. */
  exitCode: z.number().optional(),
  /** Both streams, the first 4 KiB. */
  output: z.string(),
});
export type HealthResult = z.infer<typeof HealthResult>;

/** What is known of a container's health. */
export const Health = z.object({
  /** Absent while it does not run. */
  status: HealthStatus.optional(),
  /** Failures in a row. */
  failingStreak: z.number(),
  /** The last ones, oldest first; of earlier runs too. */
  results: z.array(HealthResult),
  /** Since when this app has been checking it; before that nobody did. Absent while nothing is checked. */
  watchedSince: Time.optional(),
});
export type Health = z.infer<typeof Health>;
