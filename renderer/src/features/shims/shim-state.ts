import type { Shim } from "#shared/contract/shims";
import type { StatusLook } from "../../components/status-mark.tsx";
import type { MemoryByPid } from "../../queries/shims.ts";

/** A shape and a word for each state, worst first. */
export const shimLooks: Record<Shim["status"], StatusLook> = {
  broken: { shape: "dot", tone: "bad", word: "Broken" },
  lost: { shape: "diamond", tone: "lost", word: "Lost" },
  unreachable: { shape: "query", tone: "lost", word: "No answer" },
  alive: { shape: "dot", tone: "run", word: "Alive" },
};

const order = Object.keys(shimLooks);

/** Trouble first, then the oldest. */
export function compareShims(a: Shim, b: Shim): number {
  return (
    order.indexOf(a.status) - order.indexOf(b.status) ||
    (a.startedAt ?? 0) - (b.startedAt ?? 0) ||
    a.id.localeCompare(b.id)
  );
}

/** Bytes of all these processes; undefined until something is known of one. PSS where it may be asked for. */
export function memoryOf(processes: Shim["processes"], memory: MemoryByPid): number | undefined {
  const known = processes.flatMap(({ pid }) => memory[pid] ?? []);
  if (known.length === 0) return undefined;
  return known.reduce((sum, { pss, rss }) => sum + (pss ?? rss), 0);
}

/** What follows when it is killed, in words for who is about to do it. */
export function consequence({ kind }: Shim): string {
  if (kind === "containerd")
    return "containerd ends a container whose shim was killed, with exit status 137.";
  return kind === "conmon"
    ? "The container itself runs on, but nobody keeps what it writes any more, its terminal can't be attached to, and its exit status will not be known. Stop, kill and delete still work."
    : "The container itself runs on, but commands, limits and checkpoints are not to be had for it any more, and its exit status will not be known. Stop, kill and delete still work.";
}
