import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { run, sleep } from "./command.ts";
import type { PullingContender } from "./contender.ts";
import { census, rssKib } from "./host.ts";
import type { BigImage } from "./registry.ts";
import { percentile, round, table } from "./statistics.ts";

/** One who pulls, with what to measure it by. */
export interface Puller {
  name: string;
  version: string;
  /** Pulls; answers what removes it again. */
  pull(reference: string): Promise<() => Promise<void>>;
  /** It takes part in so many rounds; in all without. */
  rounds?: number;
  /** Its directory, and its long-lived processes. */
  root: string;
  pids: () => Promise<number[]>;
}

export interface PullResult {
  name: string;
  version: string;
  /** Seconds of each pull. */
  times: number[];
  /** Seconds of CPU of each, by all processes that took part. */
  cpu: number[];
  /** KiB of resident memory of the same at its most, per pull. */
  memory: number[];
}

/** Milliseconds between two looks at the memory. */
const interval = 200;
/** Clock ticks a second: USER_HZ, 100 on every Linux. */
const ticks = 100;

export function byManager(contender: PullingContender): Puller {
  const { name, manager } = contender;
  return {
    ...{ name, version: manager.version, root: manager.root, pids: () => manager.pids() },
    async pull(reference) {
      const image = await contender.pull(reference);
      return () => contender.removeImage(image);
    },
  };
}

/**
 * skopeo to an OCI layout, then umoci to a directory: what one does without a manager. umoci is told where every path
 * leads by the kernel, name by name, so that it takes longer than all others together: it pulls once.
 */
export async function skopeoAndUmoci(root: string): Promise<Puller> {
  await mkdir(root, { recursive: true });
  const layout = join(root, "layout");
  const bundle = join(root, "bundle");
  return {
    ...{ name: "skopeo + umoci", version: "skopeo and umoci", root, rounds: 1 },
    pids: async () => [],
    async pull(reference) {
      await run([
        ...["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false"],
        ...[`docker://${reference}`, `oci:${layout}:1`],
      ]);
      await run(["umoci", "unpack", "--image", `${layout}:1`, bundle]);
      return async () => {
        for (const path of [layout, bundle]) await rm(path, { recursive: true, force: true });
      };
    },
  };
}

/** Everyone pulls in turn, `rounds` times; what one pulled is removed before the next one's turn. */
export async function measurePulls(
  pullers: Puller[],
  image: BigImage,
  rounds: number,
  options: { signal: AbortSignal; progress(text: string): void },
): Promise<PullResult[]> {
  const results = pullers.map(({ name, version }): PullResult => {
    return { name, version, times: [], cpu: [], memory: [] };
  });
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, puller] of pullers.entries()) {
      options.signal.throwIfAborted();
      if (round >= (puller.rounds ?? rounds)) continue;
      options.progress(`Round ${round + 1} of ${rounds}: ${puller.name}`);
      await run(["sync", "--file-system", puller.root]);
      await sleep(500);
      const stopWatching = watchMemory(puller);
      let remove: () => Promise<void>;
      const result = results[at] as PullResult;
      try {
        const before = await cpuOf(await puller.pids());
        const begin = performance.now();
        remove = await puller.pull(image.reference);
        result.times.push((performance.now() - begin) / 1000);
        result.cpu.push(((await cpuOf(await puller.pids())) - before) / ticks);
      } finally {
        result.memory.push(await stopWatching());
      }
      await remove();
    }
  }
  return results;
}

export function pullTable(results: PullResult[], image: BigImage): string {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  const rows = [["", "median s", "fastest", "slowest", "CPU s", "peak MiB"]];
  for (const { name, times, cpu, memory } of results) {
    rows.push([
      name,
      percentile(times, 0.5).toFixed(2),
      Math.min(...times).toFixed(2),
      Math.max(...times).toFixed(2),
      percentile(cpu, 0.5).toFixed(1),
      (percentile(memory, 0.5) / 1024).toFixed(0),
    ]);
  }
  const about = `${image.layers} layers, ${image.files} files, ${mib(image.size)} MiB (${mib(image.compressed)} MiB compressed), from loopback`;
  return `${about}\n${table(rows)}`;
}

export function pullSummary(results: PullResult[], own: string, loopDelay: number): object {
  const median = (name: string): number =>
    percentile(results.find((result) => result.name === name)?.times ?? [], 0.5);
  const ratios = Object.fromEntries(
    results
      .filter(({ name }) => name !== own)
      .map(({ name }) => [name, { pull: round(median(name) / median(own), 2) }]),
  );
  return {
    bench: "pull",
    ratios,
    eventLoopDelayP99: round(loopDelay, 1),
    results: results.map(({ name, version, times, cpu, memory }) => ({
      ...{ name, version, times: times.map((time) => round(time, 2)) },
      ...{ cpu: round(percentile(cpu, 0.5), 1), peakKib: percentile(memory, 0.5) },
    })),
  };
}

/** For a Node process: has it write its event loop's delay (p99, milliseconds) into a file, every quarter of a second. */
export function loopDelayEnv(file: string): NodeJS.ProcessEnv {
  const script = `import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";
import { renameSync, writeFileSync } from "node:fs";
if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const file = ${JSON.stringify(file)};
  setInterval(() => {
    // Whole at any moment for who reads it.
    writeFileSync(file + ".new", String(delay.percentile(99) / 1e6 - 5));
    renameSync(file + ".new", file);
  }, 250).unref();
}`;
  const url = `data:text/javascript;base64,${Buffer.from(script).toString("base64")}`;
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import=${url}` };
}

export async function readLoopDelay(file: string): Promise<number> {
  return Number(await readFile(file, "utf8"));
}

/** Samples until it is called; answers the most, in KiB, of its processes and of what they started. */
function watchMemory({ root, pids }: Puller): () => Promise<number> {
  let most = 0;
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const { manager, forContainers } = await census(root, await pids());
      const all = await Promise.all([...manager, ...forContainers].map(rssKib));
      most = Math.max(
        most,
        all.reduce((sum, each) => sum + each, 0),
      );
      await sleep(interval);
    }
  })();
  return async () => {
    stopped = true;
    await watching;
    return most;
  };
}

/** Ticks that these processes have used, with children that they waited for; our own waited-for children when there are none. */
async function cpuOf(pids: number[]): Promise<number> {
  if (pids.length === 0) return field("/proc/self/stat", [15, 16]);
  const all = await Promise.all(pids.map((pid) => field(`/proc/${pid}/stat`, [13, 14, 15, 16])));
  return all.reduce((sum, each) => sum + each, 0);
}

/** proc(5): fields of stat, from 0. */
async function field(path: string, fields: number[]): Promise<number> {
  const stat = await readFile(path, "utf8");
  const values = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.reduce((sum, at) => sum + Number(values[at - 2]), 0);
}
