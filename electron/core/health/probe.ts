import { setTimeout as delay } from "node:timers/promises";
import type { WholeHealthCheck } from "#shared/base/health-check";
import type { HealthResult } from "#shared/contract/health";
import { AppError, isCode } from "#shared/errors";
import type { RunResult, Task } from "../runtime/runtime.ts";

/** moby: daemon/health.go, maxOutputLen. Bytes of a result's output that are kept. */
const maxOutput = 4096;
/** Milliseconds that a killed check has to be seen to end; what it left behind may hold its output open. */
const killGrace = 2000;

/**
 * Asks a container once. A check that takes too long is killed with all that it has started. Undefined when there is
 * nothing to judge by: `signal` aborted, or the container itself was gone or frozen.
 */
export async function probe(
  task: Task,
  check: WholeHealthCheck,
  signal: AbortSignal,
): Promise<HealthResult | undefined> {
  const startedAt = Date.now();
  // Not AbortSignal.any: `signal` lives as long as the container runs, and would remember each check.
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, check.timeoutSeconds * 1000);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const options = { signal: stopping.signal };
  const running = task.run({ args: commandOf(check.test), maxOutput }, options);
  try {
    const ran = await Promise.race([running, givenUp(stopping.signal)]);
    const result = { startedAt, endedAt: Date.now(), exitCode: ran.exitCode, output: textOf(ran) };
    return ran.exitCode === 0 || (await stillRuns(task, signal)) ? result : undefined;
  } catch (error) {
    if (signal.aborted || !(await stillRuns(task, signal))) return undefined;
    const output = late ? `It was killed after ${check.timeoutSeconds} s` : wordsOf(error);
    return { startedAt, endedAt: Date.now(), output };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    running.catch(() => undefined);
  }
}

/** docker's (moby: daemon/health.go, getShell). */
function commandOf([form, ...rest]: readonly string[]): string[] {
  return form === "CMD-SHELL" ? ["/bin/sh", "-c", ...rest] : rest;
}

/** Rejects a moment after `signal` aborts. */
async function givenUp(signal: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await delay(killGrace, undefined, { ref: false });
  throw new AppError("DEADLINE_EXCEEDED", "The check did not end when it was killed");
}

/** A check that fails may do so because the container ends, which its shim tells a moment later. */
async function stillRuns(task: Task, signal: AbortSignal): Promise<boolean> {
  try {
    return (await task.refresh({ signal })).status === "running";
  } catch (error) {
    return !isCode(error, "NOT_FOUND") && task.state.status === "running";
  }
}

function textOf({ stdout, stderr }: RunResult): string {
  return Buffer.concat([stdout, stderr]).subarray(0, maxOutput).toString("utf8");
}

function wordsOf(error: unknown): string {
  const { message, details } = AppError.from(error);
  return [message, details.output].filter(Boolean).join("\n").slice(0, maxOutput);
}
