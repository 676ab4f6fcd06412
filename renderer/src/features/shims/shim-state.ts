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

/** One for each shim: of the containers that share one the first stands for all, with what lives for each of them. */
export function onePerShim(shims: Iterable<Shim>): Shim[] {
  const all = [...shims];
  const byId = new Map(all.map((shim) => [shim.id, shim]));
  return all.flatMap((shim) => {
    const others = (shim.sharedWith ?? []).flatMap((id) => byId.get(id) ?? []);
    if (others.some(({ id }) => id < shim.id)) return [];
    const processes = new Map(
      [shim, ...others].flatMap((one) => one.processes.map((process) => [process.pid, process])),
    );
    return others.length === 0 ? [shim] : [{ ...shim, processes: [...processes.values()] }];
  });
}

/** The ids of the containers that a shim holds. */
export function containersOf({ containerId, sharedWith = [] }: Shim): string[] {
  return [containerId, ...sharedWith.map((id) => id.slice(id.indexOf("/") + 1))];
}

/** Bytes of all these processes; undefined until something is known of one. PSS where it may be asked for. */
export function memoryOf(processes: Shim["processes"], memory: MemoryByPid): number | undefined {
  const known = processes.flatMap(({ pid }) => memory[pid] ?? []);
  if (known.length === 0) return undefined;
  return known.reduce((sum, { pss, rss }) => sum + (pss ?? rss), 0);
}

/** What follows when it is killed, in words for who is about to do it. `names` are its containers'. */
export function consequence({ kind }: Shim, names: string[]): string {
  if (kind === "containerd")
    return "containerd ends a container whose shim was killed, with exit status 137.";
  if (names.length > 1) {
    const all = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
    return `It holds ${names.length} containers, and is lost to all of them: ${all}. They run on, but commands, limits and checkpoints are not to be had for them any more, and their exit statuses will not be known. Stop, kill and delete still work.`;
  }
  return kind === "conmon"
    ? "The container itself runs on, but nobody keeps what it writes any more, its terminal can't be attached to, and its exit status will not be known. Stop, kill and delete still work."
    : "The container itself runs on, but commands, limits and checkpoints are not to be had for it any more, and its exit status will not be known. Stop, kill and delete still work.";
}
