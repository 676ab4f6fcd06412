import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupHost } from "./cgroup.ts";

/**
 * Makes the kernel ready for a runtime that is about to move a process into a container's cgroup.
 * Whoever does takes cgroup_threadgroup_rwsem for writing (kernel/cgroup/cgroup.c), and the first one
 * after a while waits for an RCU grace period: 7 to 17 ms as measured, a fifth of what starting a
 * container costs. Called beside the start of the runtime, that wait is over when the runtime comes to
 * it. Moving ourselves to where we are takes the lock and changes nothing.
 *
 * Where we may not write our own cgroup.procs (an ordinary user whose session was not delegated) the
 * runtime waits itself.
 */
export function readyCgroupLock(): void {
  until = performance.now() + duration;
  if (keeping) return;
  keeping = true;
  void keep().finally(() => {
    keeping = false;
  });
}

/** Milliseconds: a runtime has come to its cgroup by then, on a loaded machine too. */
const duration = 60;
/** Milliseconds. The kernel stays ready for one more grace period after each time; none is this short. */
const interval = 5;

let until = 0;
let keeping = false;

async function keep(): Promise<void> {
  while (performance.now() < until && (await takeCgroupLock())) {
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

/** False when it can't be done here. */
async function takeCgroupLock(): Promise<boolean> {
  const { mounts } = await cgroupHost();
  const [name, mount] = Object.entries(mounts)[0] ?? [];
  if (name === undefined || mount === undefined) return false;
  try {
    // Read anew: we may have been moved meanwhile, and are not to move ourselves back.
    const own = ownCgroup(await readFile("/proc/self/cgroup", "utf8"), name);
    if (own === undefined) return false;
    await writeFile(join(mount, own, "cgroup.procs"), String(process.pid));
    return true;
  } catch {
    return false;
  }
}

/**
 * Our cgroup in the hierarchy of a v1 controller, or `unified`, from /proc/self/cgroup (cgroups(7)):
 * lines `ID:CONTROLLERS:PATH`, of which v2's is `0::PATH`.
 */
export function ownCgroup(text: string, name: string): string | undefined {
  for (const line of text.split("\n")) {
    const [, controllers, ...path] = line.split(":");
    if (controllers === undefined) continue;
    const names = controllers === "" ? ["unified"] : controllers.split(",");
    if (names.includes(name)) return path.join(":");
  }
  return undefined;
}
