/**
 * Side-by-side measurements on one machine, in one run:
 *
 *     npm run bench -- lifecycle [ROUNDS]      default 40
 *     npm run bench -- memory [CONTAINERS]     default 50
 *     npm run bench -- shims [ROUNDS]          default 30
 *     npm run bench -- pull [ROUNDS]           default 3
 *     npm run bench -- snapshot [ROUNDS]       default 20
 *     npm run bench -- network [ROUNDS]        default 20
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
 * paths, a log on disk. docker's and podman's cgroups are beside ours, so that what else runs here takes the same share
 * of the CPUs from each. docker and podman add their seccomp profile, which is their default.
 *
 * start is create + start until the manager says that it runs; exec is `true` until its exit status
 * is known; delete is the forced removal of a running one, by SIGKILL, until nothing of it is left.
 * Every answer is checked against the host's process table, outside the measured time.
 *
 * Memory: 50 idle containers of one contender at a time. Per container: the PSS of every process that
 * exists because of it (shim, helpers, and its own command, which the table also leaves out).
 * Manager: the RSS of its long-lived processes while the containers run.
 *
 * Shims: every runtime that Shimyard found usable, beside `ctr` with a containerd of our own and the same shim
 * (containerd's, runc under it) over an overlay of the same files; `ctr` is a command a step and keeps no output.
 * kill is from SIGKILL until the exit is told. Reload: 100 tasks are started one after the other, the manager is
 * killed, and started again until it has told how many run; what that takes more than without any task is compared.
 *
 * Pull: an image of six layers, at least 30,000 files and 300 MB (files of this host's /usr), from a registry of our
 * own on loopback, by everyone in turn, each in its default; Shimyard once with layers as EROFS files and once as
 * directories, and once skopeo with umoci. Before each turn what was pulled last is removed and the disk is synced. CPU is
 * that of the managers and of children they waited for. Shimyard's event loop is watched from inside while it pulls.
 *
 * Snapshot: a container of that image, and one of an image of one layer, is created, started and removed.
 *
 * Network: each with its defaults (docker's bridge, iptables and userland proxy; podman's bridge by netavark or CNI,
 * whichever it chose), all in one network namespace of their own, so that none changes this machine's rules. In the same
 * rounds, as an ordinary user who is made for it: Shimyard (pasta), and podman (slirp4netns, which is its default);
 * where podman can't publish a port so, the table says why, and Shimyard's figures stand alone.
 * reachable is from the request until a byte has come back through a published port of 127.0.0.1; throughput 256 MiB
 * from the container through one; the round trip a byte there and back on an open connection.
 *
 * Needs root. What it installs (docker.io, podman, slirp4netns) stays; what it starts and makes does not.
 */
import { chmod, mkdtemp } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Contender, Manager, PullingContender } from "./contender.ts";
import { startCtr } from "./ctr.ts";
import { startDocker } from "./docker.ts";
import { killAll, removeTree } from "./host.ts";
import { lifecycleSummary, lifecycleTable, measureLifecycle } from "./lifecycle.ts";
import { measureMemory, type MemoryResult, memorySummary, memoryTable } from "./memory.ts";
import {
  measureNetwork,
  networkSummary,
  networkTable,
  type PublishingContender,
  tryPort,
} from "./network.ts";
import { ordinaryUser } from "./ordinary-user.ts";
import { startPodman } from "./podman.ts";
import {
  byManager,
  loopDelayEnv,
  measurePulls,
  pullSummary,
  pullTable,
  readLoopDelay,
  skopeoAndUmoci,
} from "./pull.ts";
import { startRegistry } from "./registry.ts";
import { makeRootfs, type Rootfs } from "./rootfs.ts";
import { bareRunc } from "./runc.ts";
import { measureReload, measureShims, shimsSummary, shimsTable } from "./shims.ts";
import { startShimyard } from "./shimyard.ts";
import { measureSnapshots, snapshotSummary, snapshotTable } from "./snapshot.ts";

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
      const result = await measureMemory(contender, count, { signal: interrupted.signal });
      results.push({ ...result, name: contender.manager.name });
    } finally {
      await contender.manager.close();
    }
  }
  progress("");
  console.log(memoryTable(results));
  console.log(JSON.stringify(memorySummary(results)));
}

/** Containers that are idle while memory is measured for `shims`. */
const idle = 10;
/** Tasks that are found again. */
const tasks = 100;

async function shims(root: string, rootfs: Rootfs, rounds: number): Promise<void> {
  const { signal } = interrupted;
  const place = join(root, "shimyard");
  const shimyard = await startShimyard(place, rootfs);
  const contenders = [...shimyard.everyRuntime];
  const managers = [shimyard.manager];
  const memories: MemoryResult[] = [];
  let results;
  try {
    const ctr = await startCtr(join(root, "ctr"), rootfs);
    contenders.unshift(ctr);
    managers.push(ctr.manager);
    say(managers.map(({ version }) => version).join(", "));
    results = await measureShims(contenders, rounds, { signal, progress });
    for (const contender of contenders) {
      progress(`Memory of ${idle} containers of ${contender.name}`);
      memories.push(await measureMemory(contender, idle, { signal }));
    }
  } finally {
    for (const manager of managers.reverse()) await manager.close();
  }
  const reloads = [];
  for (const runtime of ["runc", "runc.v2"]) {
    progress(`${tasks} tasks of ${runtime}, to be found again`);
    reloads.push(await measureReload(join(root, "reload"), rootfs, { runtime, tasks, signal }));
  }
  progress("");
  console.log(shimsTable(results, memories));
  console.log(JSON.stringify(shimsSummary(results, memories, reloads)));
}

async function network(root: string, rootfs: Rootfs, rounds: number): Promise<void> {
  const managers: Manager[] = [];
  try {
    const shimyard = await startShimyard(join(root, "shimyard"), rootfs);
    managers.push(shimyard.manager);
    const docker = await startDocker(join(root, "docker"), rootfs, { network: true });
    managers.push(docker.manager);
    const podman = await startPodman(join(root, "podman"), rootfs);
    managers.push(podman.manager);
    const contenders = [docker, podman, ...shimyard.contenders];
    const missing = await addRootless(root, rootfs, { managers, contenders });
    say(managers.map(({ version }) => version).join(", "));
    const { signal } = interrupted;
    const results = await measureNetwork(contenders, rounds, { signal, progress });
    progress("");
    console.log(networkTable(results));
    if (missing) console.log(`rootless podman is missing: ${missing}`);
    console.log(JSON.stringify(networkSummary(results)));
  } finally {
    for (const manager of managers.reverse()) await manager.close();
  }
}

/** An ordinary user's contenders join the others; answers why podman doesn't, if so. */
async function addRootless(
  root: string,
  rootfs: Rootfs,
  { managers, contenders }: { managers: Manager[]; contenders: PublishingContender[] },
): Promise<string | undefined> {
  const user = ordinaryUser();
  // The user reads the root file system there.
  await chmod(root, 0o755);
  const shimyard = await startShimyard(join(root, "user-shimyard"), rootfs, {}, user);
  managers.push(shimyard.manager);
  contenders.push(...shimyard.contenders);
  try {
    const podman = await startPodman(join(root, "user-podman"), rootfs, user);
    managers.push(podman.manager);
    await tryPort(podman);
    contenders.push(podman);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Everyone who pulls: Shimyard with its best layers first. */
async function startPullers(
  root: string,
  rootfs: Rootfs,
  delay: string,
): Promise<{ name: string; contender: PullingContender }[]> {
  const erofs = await startShimyard(join(root, "shimyard"), rootfs, loopDelayEnv(delay));
  const started = [{ name: "shimyard", contender: erofs.contenders[0] as PullingContender }];
  try {
    // Without a tool that makes them there are no EROFS files.
    const none = { SHIMYARD_MKFS_EROFS: "/nonexistent" };
    const directories = await startShimyard(join(root, "shimyard-dirs"), rootfs, none);
    started.push({ name: "shimyard, directories", contender: directories.contenders[0] });
    started.push({ name: "docker", contender: await startDocker(join(root, "docker"), rootfs) });
    started.push({ name: "podman", contender: await startPodman(join(root, "podman"), rootfs) });
    return started;
  } catch (error) {
    for (const { contender } of started.reverse()) await contender.manager.close();
    throw error;
  }
}

async function pull(root: string, rootfs: Rootfs, rounds: number): Promise<void> {
  const delay = join(root, "loop-delay");
  progress("Making the image");
  const image = await startRegistry(root, rootfs);
  try {
    const started = await startPullers(root, rootfs, delay);
    try {
      const pullers = [
        ...started.map(({ name, contender }) => ({ ...byManager(contender), name })),
        await skopeoAndUmoci(join(root, "umoci")),
      ];
      const { signal } = interrupted;
      const results = await measurePulls(pullers, image, rounds, { signal, progress });
      progress("");
      console.log(pullTable(results, image));
      console.log(JSON.stringify(pullSummary(results, "shimyard", await readLoopDelay(delay))));
    } finally {
      for (const { contender } of started.reverse()) await contender.manager.close();
    }
  } finally {
    await image.close();
  }
}

async function snapshot(root: string, rootfs: Rootfs, rounds: number): Promise<void> {
  progress("Making the image");
  const image = await startRegistry(root, rootfs);
  try {
    const started = await startPullers(root, rootfs, join(root, "loop-delay"));
    try {
      const contenders = [];
      for (const { name, contender } of started) {
        progress(`Pulling with ${name}`);
        contenders.push({ name, contender, image: await contender.pull(image.reference) });
      }
      const { signal } = interrupted;
      const results = await measureSnapshots(contenders, rounds, { signal, progress });
      progress("");
      console.log(snapshotTable(results));
      console.log(JSON.stringify(snapshotSummary(results)));
    } finally {
      for (const { contender } of started.reverse()) await contender.manager.close();
    }
  } finally {
    await image.close();
  }
}

const benches = { lifecycle, memory, shims, pull, snapshot, network };
const defaults = { lifecycle: 40, memory: 50, shims: 30, pull: 3, snapshot: 20, network: 20 };

async function main(): Promise<void> {
  const [name, count] = process.argv.slice(2) as [keyof typeof benches, string | undefined];
  const n = Number(count ?? defaults[name]);
  if (!(name in benches) || !Number.isInteger(n) || n < 1) {
    throw new Error(
      "Usage: npm run bench -- lifecycle [ROUNDS] | memory [CONTAINERS] | shims [ROUNDS] | pull [ROUNDS] | snapshot [ROUNDS] | network [ROUNDS]",
    );
  }
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  say(`Linux ${release()}, ${cpus().length} CPUs, ${gib} GiB, Node ${process.versions.node}`);
  // Not /tmp, which may be a tmpfs: all are to have the disk that containers usually have.
  const root = await mkdtemp("/var/tmp/shimyard-bench-");
  try {
    const rootfs = await makeRootfs(root);
    await benches[name](root, rootfs, n);
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
