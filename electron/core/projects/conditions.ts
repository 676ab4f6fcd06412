import type { Condition } from "#shared/compose/project";
import type { Container } from "#shared/contract/containers";
import { AppError } from "#shared/errors";

/**
 * Whether a container is what another one waits for; undefined while it may still become that. FAILED_PRECONDITION
 * when it will not.
 */
export function isMet(row: Container | undefined, condition: Condition): true | undefined {
  // It is listed in a moment.
  if (!row) return undefined;
  const { status, exitCode, health, error } = row.state;
  const failed = (what: string): never => {
    throw new AppError("FAILED_PRECONDITION", `“${row.name}” ${what}`, {
      subject: `container "${row.name}"`,
      hint: "Its log may say why.",
      ...(error ? { output: error.message } : {}),
    });
  };
  if (status === "unknown" || status === "shim-lost") return failed("can't be seen any more");
  if (condition === "service_started") return status === "created" ? undefined : true;
  const code = exitCode === undefined ? "" : ` with ${exitCode}`;
  if (condition === "service_completed_successfully") {
    if (status !== "exited") return undefined;
    if (exitCode === 0) return true;
    return hasEnded(row) ? failed(`ended${code}`) : undefined;
  }
  if (health === "healthy") return true;
  if (health === "unhealthy") return failed("is unhealthy");
  return hasEnded(row) ? failed(`ended${code} before it was healthy`) : undefined;
}

/** It has exited, and no policy starts it again. */
function hasEnded({ state, restart, restartCount }: Container): boolean {
  if (state.status !== "exited" || state.activity !== undefined) return false;
  const { name, maximumRetries = Infinity } = restart;
  if (name === "no") return true;
  if (name !== "on-failure") return false;
  return state.exitCode === 0 || restartCount >= maximumRetries;
}

export const conditionWords: Record<Condition, string> = {
  service_started: "is started",
  service_healthy: "is healthy",
  service_completed_successfully: "has ended well",
};
