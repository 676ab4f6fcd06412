/**
 * Side-by-side measurements on one machine, in one run:
 *
 *     npm run bench -- lifecycle [ROUNDS]      default 40
 *     npm run bench -- memory [CONTAINERS]     default 50
 *
 * Who takes part, each with a directory of its own below a temporary one, on one root file system
 * (static busybox), without network, the command a sleep:
 *
 * - Shimyard: a headless core in a child process, spoken to over its WebSocket with the typed client
 *   that the window uses; containers of `oci/runc` and of `oci/crun`.
 * - docker: a dockerd and containerd of our own, its HTTP API over a unix socket, connections kept.
 * - podman: `podman system service`, the same way; runc as its runtime.
 * - bare runc: create, start, exec, kill and delete by command line, its overlay mounted by mount(8).
 *   Nobody keeps its output or its exit status: a floor, not a container manager.
 *
 * The same container features as far as each one's default goes: pid, mount, ipc, uts and an empty
 * network namespace, its own cgroup, an overlay, docker's set of capabilities, masked and read-only
 * paths, a log on disk. docker and podman add their seccomp profile, which is their default.
 *
 * start is create + start until the manager says that it runs; exec is `true` until its exit status
 * is known; delete is the forced removal of a running one, by SIGKILL, until nothing of it is left.
 * Every answer is checked against the host's process table, outside the measured time.
 *
 * Memory: 50 idle containers of one contender at a time. Per container: the PSS of every process that
 * exists because of it (shim, helpers, and its own command, which the table also leaves out).
 * Manager: the RSS of its long-lived processes while the containers run.
 *
 * Needs root. What it installs (docker.io, podman) stays; what it starts and makes does not.
 */
import { mkdtemp } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Contender, Manager } from "./contender.ts";
import { startDocker } from "./docker.ts";
import { killAll, removeTree } from "./host.ts";
import { lifecycleSummary, lifecycleTable, measureLifecycle } from "./lifecycle.ts";
import { measureMemory, type MemoryResult, memorySummary, memoryTable } from "./memory.ts";
import { startPodman } from "./podman.ts";
import { makeRootfs, type Rootfs } from "./rootfs.ts";
import { bareRunc } from "./runc.ts";
import { startShimyard } from "./shimyard.ts";

const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"]) {
  process.once(name, () => interrupted.abort(new Error(`Ended by ${name}`)));
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** One line that is written over, where someone watches. */
const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
};

async function lifecycle(root: string, rootfs: Rootfs, rounds: number): Promise<void> {
  const managers: Manager[] = [];
  const add = (contender: Contender): Contender => {
    managers.push(contender.manager);
    return contender;
  };
  try {
    const shimyard = await startShimyard(join(root, "shimyard"), rootfs);
    managers.push(shimyard.manager);
    const contenders = [
      add(await startDocker(join(root, "docker"), rootfs)),
      add(await startPodman(join(root, "podman"), rootfs)),
      add(await bareRunc(join(root, "runc"), rootfs, await shimyard.spec())),
      ...shimyard.contenders,
    ];
    say(managers.map(({ version }) => version).join(", "));
    const { signal } = interrupted;
    const results = await measureLifecycle(contenders, rounds, { signal, progress });
    progress("");
    console.log(lifecycleTable(results));
    console.log(JSON.stringify(lifecycleSummary(results)));
  } finally {
    for (const manager of managers.reverse()) await manager.close();
  }
}

async function memory(root: string, rootfs: Rootfs, count: number): Promise<void> {
  const starts = [
    async () => (await startShimyard(join(root, "shimyard"), rootfs)).contenders[0],
    async () => startDocker(join(root, "docker"), rootfs),
    async () => startPodman(join(root, "podman"), rootfs),
  ];
  const results: MemoryResult[] = [];
  for (const start of starts) {
    const contender = await start();
    try {
      progress(`${count} containers of ${contender.manager.version}`);
      results.push(await measureMemory(contender, count, { signal: interrupted.signal }));
    } finally {
      await contender.manager.close();
    }
  }
  progress("");
  console.log(memoryTable(results));
  console.log(JSON.stringify(memorySummary(results)));
}

async function main(): Promise<void> {
  const [name, count] = process.argv.slice(2);
  const n = Number(count ?? (name === "memory" ? 50 : 40));
  if ((name !== "lifecycle" && name !== "memory") || !Number.isInteger(n) || n < 1) {
    throw new Error("Usage: npm run bench -- lifecycle [ROUNDS] | memory [CONTAINERS]");
  }
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  say(`Linux ${release()}, ${cpus().length} CPUs, ${gib} GiB, Node ${process.versions.node}`);
  // Not /tmp, which may be a tmpfs: all are to have the disk that containers usually have.
  const root = await mkdtemp("/var/tmp/shimyard-bench-");
  try {
    const rootfs = await makeRootfs(root);
    await (name === "lifecycle" ? lifecycle : memory)(root, rootfs, n);
  } finally {
    const left = await killAll(root);
    if (left > 0) say(`Processes that were left behind, and ended: ${left}`);
    await removeTree(root);
  }
}

try {
  await main();
} catch (error) {
  progress("");
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
