import { readdir, readlink } from "node:fs/promises";

/**
 * Host pids of everything in a process's pid namespace, for a container without a cgroup of its own (an
 * ordinary user's on cgroup v1). Only the process itself when it shares ours.
 */
export async function namespacePids(pid: number): Promise<number[]> {
  const [wanted, ours] = await Promise.all([pidNamespace(pid), pidNamespace("self")]);
  if (wanted === undefined) return [];
  if (wanted === ours) return [pid];
  const all = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    all.map(async (candidate) => ((await pidNamespace(candidate)) === wanted ? candidate : 0)),
  );
  return found.filter((candidate) => candidate !== 0);
}

async function pidNamespace(pid: number | "self"): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/ns/pid`);
  } catch {
    // It ended, or it is not ours to look at.
    return undefined;
  }
}
