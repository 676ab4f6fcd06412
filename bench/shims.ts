import { sleep } from "./command.ts";
import type { KillingContender } from "./contender.ts";
import { isRunning } from "./host.ts";
import { inTurn } from "./lifecycle.ts";
import type { MemoryResult } from "./memory.ts";
import type { Rootfs } from "./rootfs.ts";
import { startShimyard } from "./shimyard.ts";
import { percentile, round, table } from "./statistics.ts";

const operations = ["start", "exec", "kill"] as const;
type Operation = (typeof operations)[number];
/** Milliseconds, a sample a round. */
export type ShimSamples = Record<Operation, number[]>;

/** Shimyard's contender that has the same shim as `ctr`. */
const sameShim = "shimyard shim/runc.v2";

/** In each round every contender starts a container, execs in it and kills it. */
export async function measureShims(
  contenders: KillingContender[],
  rounds: number,
  options: { signal: AbortSignal; progress: (text: string) => void },
): Promise<Map<string, ShimSamples>> {
  const results = new Map<string, ShimSamples>(
    contenders.map(({ name }) => [name, { start: [], exec: [], kill: [] }]),
  );
  await inTurn(contenders, rounds, options, async (contender, name, counted) => {
    const times = await oneRound(contender, name);
    const samples = results.get(contender.name) as ShimSamples;
    if (counted) for (const operation of operations) samples[operation].push(times[operation]);
  });
  return results;
}

async function oneRound(
  contender: KillingContender,
  name: string,
): Promise<Record<Operation, number>> {
  const before = performance.now();
  const handle = await contender.start(name);
  const start = performance.now() - before;
  const pid = await contender.pid(handle);
  if (pid === undefined || !(await isRunning(pid))) {
    throw new Error(`${contender.name} said that ${name} was started, but it does not run`);
  }
  const between = performance.now();
  await contender.exec(handle);
  const exec = performance.now() - between;
  const kill = await contender.kill(handle);
  if (await isRunning(pid)) {
    throw new Error(`${contender.name} said that ${name} has ended, but its process runs`);
  }
  await contender.remove(handle);
  return { start, exec, kill };
}

export interface Reload {
  runtime: string;
  tasks: number;
  /** Milliseconds that starting them took, one after the other. */
  started: number;
  /** From the start of the manager's process until it has told how many run, without any. */
  empty: number;
  /** The same with all of them. */
  whole: number;
}

/** Manager starts of which the middle one counts. */
const starts = 5;

/** Starts tasks, kills the manager, starts it again and waits until it knows them all. */
export async function measureReload(
  root: string,
  rootfs: Rootfs,
  options: { runtime: string; tasks: number; signal: AbortSignal },
): Promise<Reload> {
  const { runtime, tasks, signal } = options;
  let shimyard = await startShimyard(root, rootfs);
  const startAgain = async (expected: number): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < starts; i++) {
      signal.throwIfAborted();
      // What was done before left things to do that are not the start's.
      await sleep(1000);
      await shimyard.crash();
      const before = performance.now();
      shimyard = await startShimyard(root, rootfs);
      const running = await shimyard.running();
      times.push(performance.now() - before);
      if (running !== expected) throw new Error(`Of ${expected} tasks, ${running} run`);
    }
    return percentile(times, 0.5);
  };
  try {
    const empty = await startAgain(0);
    const contender = shimyard.everyRuntime.find(({ name }) => name.endsWith(runtime));
    if (!contender) throw new Error(`No runtime ${runtime} is usable here`);
    const before = performance.now();
    for (let i = 0; i < tasks; i++) {
      signal.throwIfAborted();
      await contender.start(`task-${i}`);
    }
    const started = performance.now() - before;
    return { runtime: contender.name, tasks, started, empty, whole: await startAgain(tasks) };
  } finally {
    await shimyard.manager.close();
  }
}

export function shimsTable(results: Map<string, ShimSamples>, memories: MemoryResult[]): string {
  return table([
    ["ms", ...operations.flatMap((operation) => [`${operation} p50`, "p90"]), "KiB PSS each", "n"],
    ...[...results].map(([name, samples]) => [
      name,
      ...operations.flatMap((operation) =>
        [0.5, 0.9].map((share) => percentile(samples[operation], share).toFixed(1)),
      ),
      (memories.find((memory) => memory.name === name)?.pssKib ?? 0).toFixed(0),
      String(samples.start.length),
    ]),
  ]);
}

/** The last line. Ratios are `ctr`'s p50 divided by Shimyard's, with the same shim and with each other runtime. */
export function shimsSummary(
  results: Map<string, ShimSamples>,
  memories: MemoryResult[],
  reloads: Reload[],
): object {
  const [peer, ...own] = [...results];
  if (!peer) throw new Error("Nobody took part");
  const against = (samples: ShimSamples): Record<string, number> =>
    Object.fromEntries(
      operations.map((operation) => [
        operation,
        round(percentile(peer[1][operation], 0.5) / percentile(samples[operation], 0.5), 2),
      ]),
    );
  const same = results.get(sameShim);
  const ofStart = ({ started, empty, whole }: Reload): number =>
    round((whole - empty) / started, 3);
  const reload = (one: Reload): object => ({
    ...{ runtime: one.runtime, tasks: one.tasks, ofStart: ofStart(one) },
    ...{ startedMs: round(one.started, 0), emptyMs: round(one.empty, 0) },
    wholeMs: round(one.whole, 0),
  });
  const slowest = reloads.toSorted((a, b) => ofStart(b) - ofStart(a))[0];
  return {
    bench: "shims",
    ratios: { ctr: same && against(same) },
    perRuntime: Object.fromEntries(own.map(([name, samples]) => [name, against(samples)])),
    reload: slowest && reload(slowest),
    reloads: reloads.map(reload),
    pssKiB: Object.fromEntries(memories.map(({ name, pssKib }) => [name, round(pssKib, 0)])),
  };
}
