import type { ProcessInfo } from "#shared/contract/containers";

export type ProcessColumn = "pid" | "user" | "cpu" | "memory" | "threads" | "time" | "command";

export interface ProcessSort {
  column: ProcessColumn;
  descending: boolean;
}

export interface ProcessRow {
  process: ProcessInfo;
  /** How deep below the container's first processes. */
  depth: number;
  /** CPUs in use between the last two samples; undefined in the first. */
  cpu: number | undefined;
}

/** CPU in use per process, from two samples of the table `seconds` apart. */
export function cpuUse(
  before: readonly ProcessInfo[],
  now: readonly ProcessInfo[],
  seconds: number,
): ReadonlyMap<number, number> {
  const earlier = new Map(before.map((process) => [process.pid, process]));
  const use = new Map<number, number>();
  if (seconds <= 0) return use;
  for (const process of now) {
    const last = earlier.get(process.pid);
    // A pid that was given anew is another process.
    if (!last || last.startedAt !== process.startedAt) continue;
    use.set(process.pid, Math.max(0, process.cpuSeconds - last.cpuSeconds) / seconds);
  }
  return use;
}

/** The rows in order: children below their parents, or sorted flat when a column is chosen. */
export function processRows(
  processes: readonly ProcessInfo[],
  use: ReadonlyMap<number, number>,
  sort: ProcessSort | undefined,
): ProcessRow[] {
  const row = (process: ProcessInfo, depth: number): ProcessRow => ({
    process,
    depth,
    cpu: use.get(process.pid),
  });
  if (sort) {
    const sign = sort.descending ? -1 : 1;
    return processes
      .map((process) => row(process, 0))
      .sort((a, b) => sign * compare[sort.column](a, b) || a.process.pid - b.process.pid);
  }
  const pids = new Set(processes.map(({ pid }) => pid));
  const children = new Map<number | undefined, ProcessInfo[]>();
  for (const process of [...processes].sort((a, b) => a.pid - b.pid)) {
    const parent =
      pids.has(process.ppid) && process.ppid !== process.pid ? process.ppid : undefined;
    const siblings = children.get(parent);
    if (siblings) siblings.push(process);
    else children.set(parent, [process]);
  }
  const rows: ProcessRow[] = [];
  const add = (parent: number | undefined, depth: number): void => {
    for (const process of children.get(parent) ?? []) {
      rows.push(row(process, depth));
      add(process.pid, depth + 1);
    }
  };
  add(undefined, 0);
  return rows;
}

const compare: Record<ProcessColumn, (a: ProcessRow, b: ProcessRow) => number> = {
  pid: (a, b) => a.process.pid - b.process.pid,
  user: (a, b) => a.process.user.localeCompare(b.process.user),
  cpu: (a, b) => (a.cpu ?? 0) - (b.cpu ?? 0),
  memory: (a, b) => a.process.rss - b.process.rss,
  threads: (a, b) => a.process.threads - b.process.threads,
  time: (a, b) => a.process.cpuSeconds - b.process.cpuSeconds,
  command: (a, b) => a.process.args.join(" ").localeCompare(b.process.args.join(" ")),
};
