import { existsSync } from "node:fs";
import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { run, until } from "./command.ts";

interface ProcessRow {
  pid: number;
  ppid: number;
  args: string;
}

async function readProcess(pid: number): Promise<ProcessRow | undefined> {
  try {
    const [stat, cmdline] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    // The name in parentheses may hold anything, so the fields are counted from its last ')'.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { pid, ppid: Number(fields[1]), args: cmdline.replaceAll("\0", " ") };
  } catch {
    return undefined; // It ended while we looked.
  }
}

async function processes(): Promise<ProcessRow[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const rows = await Promise.all(names.map((name) => readProcess(Number(name))));
  return rows.filter((row) => row !== undefined);
}

/** These pids and all that descend from them, except `stop` and what descends from that. */
function withDescendants(rows: ProcessRow[], pids: number[], stop: Set<number>): Set<number> {
  const found = new Set(pids.filter((pid) => !stop.has(pid)));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const { pid, ppid } of rows) {
      if (found.has(ppid) && !stop.has(pid)) found.add(pid);
    }
  }
  return found;
}

/**
 * The host's processes as seen from a manager: those that exist because of its containers (whatever
 * names `root` in its arguments, and what descends from that), and the manager's own (`managers` and
 * their other descendants).
 */
export async function census(
  root: string,
  managers: number[],
): Promise<{ forContainers: number[]; manager: number[] }> {
  const rows = await processes();
  const apart = new Set([process.pid, ...managers]);
  const named = rows.filter(({ pid, args }) => !apart.has(pid) && args.includes(root));
  const forContainers = withDescendants(
    rows,
    named.map(({ pid }) => pid),
    apart,
  );
  const manager = withDescendants(rows, managers, forContainers);
  return { forContainers: [...forContainers], manager: [...manager] };
}

/** Kills every process that names `root` in its arguments, and their descendants; answers how many. */
export async function killAll(root: string): Promise<number> {
  const { forContainers } = await census(root, []);
  for (const pid of forContainers) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }
  return forContainers.length;
}

/** KiB of `Pss` as the kernel sums it up; 0 for a process that has ended. */
export async function pssKib(pid: number): Promise<number> {
  return field(`/proc/${pid}/smaps_rollup`, "Pss");
}

/** KiB of resident memory; 0 for a process that has ended. */
export async function rssKib(pid: number): Promise<number> {
  return field(`/proc/${pid}/status`, "VmRSS");
}

async function field(path: string, name: string): Promise<number> {
  try {
    const text = await readFile(path, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Whether a process runs; one that has ended but was not waited for does not. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const state = stat.charAt(stat.lastIndexOf(")") + 2);
    return state !== "Z" && state !== "X";
  } catch {
    return false;
  }
}

/**
 * Of these paths, those that are not there now; called, removes them. For what a peer makes outside
 * the directory that it was given, whatever its options say.
 */
export function strays(paths: string[]): () => Promise<void> {
  const made = paths.filter((path) => !existsSync(path));
  return async () => {
    for (const path of made) await rm(path, { recursive: true, force: true });
  };
}

/** Unmounts everything below `root`, innermost first, then removes it. */
export async function removeTree(root: string): Promise<void> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${root}/`))
    .sort((a, b) => b.length - a.length);
  for (const point of mounts) await run(["umount", "--lazy", point]);
  await rm(root, { recursive: true, force: true });
}

/**
 * Where everybody's containers have their cgroups, which is where ours have them: what else runs on this machine takes
 * the same share of the CPUs from each.
 */
export const cgroupParent = "/shimyard";

/** Removes a cgroup that we made, with those in it, from every hierarchy. `path` begins with '/'. */
export async function removeCgroup(path: string): Promise<void> {
  const hierarchies = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4] ?? "");
  for (const hierarchy of hierarchies) await removeCgroupTree(join(hierarchy, path));
}

async function removeCgroupTree(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) await removeCgroupTree(join(directory, entry.name));
  }
  // Busy for as long as a process in it was not waited for by its parent.
  await until(`The end of what runs in ${directory}`, () =>
    rmdir(directory).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "EBUSY") return false;
        if (error.code === "ENOENT") return true;
        throw error;
      },
    ),
  );
}
