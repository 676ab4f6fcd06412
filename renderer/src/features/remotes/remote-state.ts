import type { RemoteContainer, RemoteOwner } from "#shared/contract/remotes";
import type { StatusLook } from "../../components/status-mark.tsx";
import type { RemoteAction } from "../../queries/remotes.ts";

export function remoteLook({ status, exitCode }: RemoteContainer): StatusLook {
  switch (status) {
    case "running":
      return { shape: "dot", tone: "run", word: "Running" };
    case "paused":
      return { shape: "ring", tone: "pause", word: "Paused" };
    case "created":
      return { shape: "ring", tone: "stop", word: "Created" };
    case "none":
      return { shape: "ring", tone: "stop", word: "No task" };
    case "exited":
      return {
        shape: "dot",
        tone: exitCode === 0 ? "stop" : "bad",
        word: `Exited ${exitCode ?? "?"}`,
      };
    default:
      return { shape: "query", tone: "lost", word: "Unknown" };
  }
}

export const ownerNames: Record<RemoteOwner, string> = {
  docker: "Docker",
  kubernetes: "Kubernetes",
  shimyard: "Shimyard",
  other: "containerd",
};

/** What can be done with one in its state, in the order of the buttons; our own are changed where they are listed. */
export function possibleActions(
  { status }: RemoteContainer,
  owner: RemoteOwner,
  deletable: boolean,
): RemoteAction[] {
  if (owner === "shimyard") return [];
  const actions: Record<RemoteContainer["status"], RemoteAction[]> = {
    running: ["pause", "stop", "kill"],
    paused: ["resume", "stop", "kill"],
    created: ["start", "kill"],
    exited: ["start"],
    none: ["start"],
    unknown: ["kill"],
  };
  return deletable ? [...actions[status], "delete"] : actions[status];
}

/** What its owner makes of it, to be said before it is done; undefined where there is nothing to say. */
export function consequence(owner: RemoteOwner, action: RemoteAction): string | undefined {
  if (action === "delete") {
    return owner === "docker"
      ? "Docker keeps its own record of the container and will fail on it: docker rm is the way that it expects."
      : owner === "kubernetes"
        ? "The kubelet makes another one, and may be confused by this one's sudden absence. Delete the pod instead."
        : "Its task is killed and its record removed from containerd, with the checkpoints taken here. Its snapshot stays.";
  }
  const said: Record<RemoteOwner, Partial<Record<RemoteAction, string>>> = {
    docker: {
      start:
        "Docker did not ask for this. What the container writes now is kept here, and not in Docker's log.",
      stop: "Docker sees it end, and starts it again if its restart policy says so.",
      kill: "Docker sees it end, and starts it again if its restart policy says so.",
      pause: "Docker shows it as paused, and its health checks fail.",
    },
    kubernetes: {
      start:
        "The kubelet has made another one by now, or will. What this one writes is kept here, and not in its log.",
      stop: "The kubelet starts another one within seconds.",
      kill: "The kubelet starts another one within seconds.",
      pause: "Its probes fail, and the kubelet kills it and starts another one.",
    },
    other: {
      kill: "It is ended at once by SIGKILL, without a chance to tidy up.",
    },
    shimyard: {},
  };
  return said[owner][action];
}

/** What a checkpoint of it does to its owner. */
export function checkpointWarning(owner: RemoteOwner): string | undefined {
  if (owner === "kubernetes") {
    return "It stands still while its memory is written. The kubelet kills it if its probes fail meanwhile.";
  }
  if (owner === "docker") {
    return "It stands still while its memory is written. Docker's health checks may fail meanwhile.";
  }
  return undefined;
}

/** Who keeps what it writes; undefined where that can be read here. */
export function logNote({ hasLog }: RemoteContainer, owner: RemoteOwner): string | undefined {
  if (hasLog) return undefined;
  const notes: Record<RemoteOwner, string> = {
    docker: "Docker keeps its log, and containerd knows nothing of it: use docker logs.",
    kubernetes: "containerd does not say where the kubelet keeps its log: use kubectl logs.",
    shimyard: "Its log is where the container is listed, under Containers.",
    other:
      "containerd keeps no logs: what it writes goes to whoever started it. Started from here, it is kept and shown.",
  };
  return notes[owner];
}
