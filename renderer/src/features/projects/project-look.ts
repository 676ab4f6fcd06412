import type { Project, ServiceStep } from "#shared/contract/projects";
import type { StatusLook } from "../../components/status-mark.tsx";

const activityWords: Record<NonNullable<Project["activity"]>, string> = {
  up: "Coming up",
  stop: "Stopping",
  down: "Going down",
  restart: "Restarting",
};

/** How a project's state looks. */
export function projectLook({ activity, state, error }: Project): StatusLook {
  if (activity) return { shape: "spinner", tone: "busy", word: activityWords[activity] };
  switch (state) {
    case "running":
      return { shape: "dot", tone: "run", word: "Running" };
    case "partial":
      return { shape: "ring", tone: error ? "bad" : "pause", word: "Partly running" };
    case "stopped":
      return { shape: "dot", tone: error ? "bad" : "stop", word: "Stopped" };
    default:
      return { shape: "ring", tone: error ? "bad" : "stop", word: error ? "Failed" : "Not up" };
  }
}

/** How far a service has come while something is done to its project; undefined when that says nothing. */
export function stepLook(step: ServiceStep | undefined): StatusLook | undefined {
  switch (step?.state) {
    case "waiting":
      return { shape: "ring", tone: "busy", word: step.detail ?? "Waiting" };
    case "working":
      return { shape: "spinner", tone: "busy", word: step.detail ?? "At it" };
    case "failed":
      return { shape: "dot", tone: "bad", word: "Failed" };
    case "skipped":
      return { shape: "ring", tone: "pause", word: step.detail ?? "Not started" };
    default:
      return undefined;
  }
}

/** `2 of 3`: services of which something runs, of all. */
export function runningText({ services }: Project): string {
  const running = services.filter((service) => service.running > 0).length;
  return `${running} of ${services.length}`;
}
