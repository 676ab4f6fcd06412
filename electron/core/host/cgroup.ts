import { readdir, readFile, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** This host's cgroup hierarchies: mount point by v1 controller, and `unified` where cgroup2 is mounted. */
export interface CgroupHost {
  mode: "v1" | "hybrid" | "v2" | "none";
  mounts: Record<string, string>;
}

const controllers = new Set([
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "devices",
  "freezer",
  "blkio",
  "pids",
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "rdma",
]);

/** Parses /proc/self/mountinfo (proc(5)). */
export function parseCgroupMounts(mountinfo: string): CgroupHost {
  const mounts: Record<string, string> = {};
  for (const line of mountinfo.split("\n")) {
    const [left, right] = line.split(" - ");
    if (!left || !right) continue;
    const point = left.split(" ")[4];
    const [type, , options = ""] = right.split(" ");
    if (!point) continue;
    if (type === "cgroup2") mounts.unified ??= point;
    if (type === "cgroup") {
      for (const name of options.split(",")) {
        // name=systemd: a hierarchy without a controller, in which runtimes make a cgroup all the same.
        if (controllers.has(name) || name.startsWith("name=")) mounts[name] ??= point;
      }
    }
  }
  const v1 = Object.keys(mounts).some((name) => name !== "unified");
  const v2 = mounts.unified !== undefined;
  return { mode: v1 ? (v2 ? "hybrid" : "v1") : v2 ? "v2" : "none", mounts };
}

let once: Promise<CgroupHost> | undefined;

/** Read once: the hierarchies of a running host do not change. */
export function cgroupHost(): Promise<CgroupHost> {
  once ??= readFile("/proc/self/mountinfo", "utf8").then(parseCgroupMounts);
  return once;
}

/**
 * Where a cgroup is below its hierarchy's mount point. A path in systemd's form, `SLICE:PREFIX:NAME`, is one of a user's
 * own systemd.
 */
export function cgroupPath(cgroupsPath: string, uid = process.getuid?.() ?? 0): string {
  if (cgroupsPath.startsWith("/")) return cgroupsPath;
  const [slice = "", prefix = "", name = ""] = cgroupsPath.split(":");
  return `/user.slice/user-${uid}.slice/user@${uid}.service/${slice}/${prefix}-${name}.scope`;
}

/** The directories of a cgroup (spec `linux.cgroupsPath`) that exist. */
export async function cgroupDirs(path: string): Promise<Record<string, string> | undefined> {
  const { mounts } = await cgroupHost();
  const found: Record<string, string> = {};
  await Promise.all(
    Object.entries(mounts).map(async ([name, mount]) => {
      const dir = join(mount, cgroupPath(path));
      if (await isDirectory(dir)) found[name] = dir;
    }),
  );
  return Object.keys(found).length > 0 ? found : undefined;
}

/** Host pids of everything in a cgroup, and in those that a container has made below its own, as systemd does. */
export async function cgroupPids(dirs: Record<string, string>): Promise<number[]> {
  // On v1 every hierarchy holds the same processes; on a hybrid host runc leaves the unified one out.
  const dir = dirs.pids ?? dirs.memory ?? dirs.freezer ?? Object.values(dirs)[0];
  return dir === undefined ? [] : pidsBelow(dir);
}

async function pidsBelow(dir: string): Promise<number[]> {
  const [text, below] = await Promise.all([readOr(join(dir, "cgroup.procs"), ""), cgroupsIn(dir)]);
  const own = text.split("\n").map(Number);
  const others = await Promise.all(below.map(pidsBelow));
  // 0 is one that this pid namespace does not have.
  return [...own, ...others.flat()].filter((pid) => pid > 0);
}

async function cgroupsIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(dir, name));
}

/** Whether the cgroup is frozen (cgroup-v1/freezer-subsystem.txt, cgroup-v2 cgroup.freeze). */
export async function isFrozen(dirs: Record<string, string>): Promise<boolean> {
  if (dirs.freezer) {
    const state = (await readOr(join(dirs.freezer, "freezer.state"), "")).trim();
    return state === "FROZEN" || state === "FREEZING";
  }
  if (!dirs.unified) return false;
  return (await readOr(join(dirs.unified, "cgroup.freeze"), "0")).trim() === "1";
}

/** How many processes of the cgroup the kernel killed for want of memory. */
export async function oomKills(dirs: Record<string, string>): Promise<number> {
  const text = dirs.memory
    ? await readOr(join(dirs.memory, "memory.oom_control"), "")
    : await readOr(join(dirs.unified ?? "/nowhere", "memory.events"), "");
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** Removes a container's cgroup from every hierarchy, with those below it. False when something is still in it. */
export async function removeCgroup(path: string): Promise<boolean> {
  const { mounts } = await cgroupHost();
  const points = new Set(Object.values(mounts));
  const gone = await Promise.all(
    [...points].map((point) => removeEmpty(join(point, cgroupPath(path)))),
  );
  return gone.every(Boolean);
}

async function removeEmpty(dir: string): Promise<boolean> {
  if (await removeOne(dir)) return true;
  const below = await cgroupsIn(dir);
  if (below.length === 0) return false;
  await Promise.all(below.map(removeEmpty));
  return removeOne(dir);
}

async function removeOne(dir: string): Promise<boolean> {
  try {
    await rmdir(dir);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

async function readOr(path: string, otherwise: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return otherwise;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
