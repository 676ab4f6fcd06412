import type { Container } from "#shared/contract/containers";
import type { HealthStatus } from "#shared/contract/health";
import { cx } from "./cx.ts";
import { Spinner } from "./spinner.tsx";
import "./status-mark.css";

/** How a state looks: a shape and a word, never a colour alone. */
export interface StatusLook {
  shape: "dot" | "ring" | "diamond" | "spinner" | "query";
  tone: "run" | "pause" | "stop" | "bad" | "lost" | "busy";
  word: string;
}

const activityWords: Record<NonNullable<Container["state"]["activity"]>, string> = {
  creating: "Creating",
  starting: "Starting",
  stopping: "Stopping",
  restarting: "Restarting",
  checkpointing: "Checkpointing",
  restoring: "Restoring",
  recreating: "Re-creating",
  deleting: "Deleting",
};

/** True when it ended in a way its owner will want to look at. */
export function hasFailed(state: Container["state"]): boolean {
  if (state.status === "exited") {
    return state.exitCode === undefined || state.exitCode !== 0 || Boolean(state.oomKilled);
  }
  return state.status === "created" && state.error !== undefined;
}

/** What the Trouble segment and the badge count: failed, lost, unknown, unhealthy. */
export function isTrouble(state: Container["state"]): boolean {
  const { status, health } = state;
  return (
    status === "shim-lost" || status === "unknown" || health === "unhealthy" || hasFailed(state)
  );
}

/** A running container's health, which says more than that it runs. */
export const healthLooks: Record<HealthStatus, StatusLook> = {
  healthy: { shape: "dot", tone: "run", word: "Healthy" },
  unhealthy: { shape: "dot", tone: "bad", word: "Unhealthy" },
  starting: { shape: "ring", tone: "run", word: "Unchecked" },
};

export function statusLook(state: Container["state"]): StatusLook {
  if (state.activity) {
    return { shape: "spinner", tone: "busy", word: activityWords[state.activity] };
  }
  switch (state.status) {
    case "running":
      if (state.health) return healthLooks[state.health];
      return { shape: "dot", tone: "run", word: "Running" };
    case "paused":
      return { shape: "ring", tone: "pause", word: "Paused" };
    case "created":
      return state.error
        ? { shape: "dot", tone: "bad", word: "Failed" }
        : { shape: "ring", tone: "stop", word: "Created" };
    case "exited":
      if (state.exitCode === undefined) return { shape: "dot", tone: "bad", word: "Exited ?" };
      if (state.oomKilled) return { shape: "dot", tone: "bad", word: "Out of memory" };
      return {
        shape: "dot",
        tone: hasFailed(state) ? "bad" : "stop",
        word: `Exited ${state.exitCode}`,
      };
    case "shim-lost":
      return { shape: "diamond", tone: "lost", word: "Shim lost" };
    default:
      return { shape: "query", tone: "lost", word: "Unknown" };
  }
}

/** The mark alone; say the word beside it. */
export function Mark(props: { shape: StatusLook["shape"]; tone: StatusLook["tone"] }) {
  const { shape, tone } = props;
  return (
    <span className={cx("mark", `mark--${shape}`, `tone--${tone}`)} aria-hidden="true">
      {shape === "spinner" ? <Spinner size={12} /> : shape === "query" ? "?" : null}
    </span>
  );
}

/** A container's state as mark and word. */
export function StatusMark(props: { state: Container["state"]; className?: string }) {
  const { shape, tone, word } = statusLook(props.state);
  return (
    <span className={cx("status", `status--${tone}`, props.className)}>
      <Mark shape={shape} tone={tone} />
      <span className="truncate">{word}</span>
    </span>
  );
}
