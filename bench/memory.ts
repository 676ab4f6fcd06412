import { sleep } from "./command.ts";
import type { Contender } from "./contender.ts";
import { census, pssKib, rssKib } from "./host.ts";
import { round, table } from "./statistics.ts";

export interface MemoryResult {
  name: string;
  containers: number;
  /** A container's share of what exists because of it: its command, its shim, any helper. KiB of PSS. */
  pssKib: number;
  /** As above without the container's own command, which is the same for all. */
  shimPssKib: number;
  /** Processes for each container, its command included. */
  processes: number;
  /** Resident memory of the manager's processes together, MiB, with the containers running. */
  managerRssMib: number;
}

/**
 * Milliseconds that what is freed or written late (a runtime's heap, a daemon's log) gets to settle, and what waits for a
 * next container to go: Shimyard's does for half a minute, with 8 MiB however many there are.
 */
const settle = 35_000;

/**
 * Starts `count` idle containers, measures, deletes them. PSS, because shims of one kind share their
 * code; hence one contender at a time, or conmon would be shared between two of them.
 */
export async function measureMemory(
  contender: Contender,
  count: number,
  options: { signal: AbortSignal },
): Promise<MemoryResult> {
  const handles: string[] = [];
  const commands = new Set<number>();
  for (let i = 0; i < count; i++) {
    options.signal.throwIfAborted();
    const handle = await contender.start(`idle-${i}`);
    handles.push(handle);
    const pid = await contender.pid(handle);
    if (pid === undefined) throw new Error(`${contender.name}'s idle-${i} does not run`);
    commands.add(pid);
  }
  await sleep(settle);
  const { manager } = contender;
  const { forContainers, manager: managers } = await census(manager.root, await manager.pids());
  const missing = [...commands].filter((pid) => !forContainers.includes(pid));
  if (missing.length > 0) {
    throw new Error(`${contender.name}: ${missing.length} containers without a shim were found`);
  }
  const pss = await Promise.all(forContainers.map(pssKib));
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const shims = pss.filter((_, i) => !commands.has(forContainers[i] as number));
  const rss = await Promise.all(managers.map(rssKib));
  for (const handle of handles) await contender.remove(handle);
  return {
    name: contender.name,
    containers: count,
    pssKib: sum(pss) / count,
    shimPssKib: sum(shims) / count,
    processes: forContainers.length / count,
    managerRssMib: sum(rss) / 1024,
  };
}

export function memoryTable(results: MemoryResult[]): string {
  return table([
    [
      "",
      "per container KiB PSS",
      "without its command",
      "processes each",
      "manager MiB RSS",
      "containers",
    ],
    ...results.map((result) => [
      result.name,
      result.pssKib.toFixed(0),
      result.shimPssKib.toFixed(0),
      result.processes.toFixed(2),
      result.managerRssMib.toFixed(1),
      String(result.containers),
    ]),
  ]);
}

/** The last line. `pssKiB` counts everything, the container's own command too. */
export function memorySummary(results: MemoryResult[]): {
  bench: "memory";
  pssKiB: Record<string, number>;
  managerRssMiB: Record<string, number>;
} {
  return {
    bench: "memory",
    pssKiB: Object.fromEntries(results.map((result) => [result.name, round(result.pssKib, 0)])),
    managerRssMiB: Object.fromEntries(
      results.map((result) => [result.name, round(result.managerRssMib, 1)]),
    ),
  };
}
