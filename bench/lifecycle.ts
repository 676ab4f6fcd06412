import { sleep } from "./command.ts";
import type { Contender } from "./contender.ts";
import { isRunning } from "./host.ts";
import { percentile, round, table } from "./statistics.ts";

const operations = ["start", "exec", "delete"] as const;
type Operation = (typeof operations)[number];
/** Milliseconds, a sample a round. */
type Samples = Record<Operation, number[]>;

/** Rounds before the counted ones: caches fill, connections open, JITs compile. */
const warmUp = 3;

/** Whom the ratios compare: the keys are the JSON's. */
const peers = { docker: "docker", podman: "podman", bare: "bare runc" };

/**
 * Milliseconds of quiet before each contender's turn. What one leaves to the kernel to do later (taking
 * down a network namespace, writing back an unmounted overlay) is not to be paid for by the next one;
 * what it leaves to itself, between its own three operations, is.
 */
const quiet = 250;

/**
 * `rounds` rounds, and a few that are not counted; in each, every contender has its turn, after some quiet. Their
 * order is drawn anew each round, so that nobody always runs after the same neighbour.
 */
export async function inTurn<C>(
  contenders: C[],
  rounds: number,
  { signal, progress }: { signal: AbortSignal; progress: (text: string) => void },
  turn: (contender: C, name: string, counted: boolean) => Promise<void>,
): Promise<void> {
  for (let round = -warmUp; round < rounds; round++) {
    progress(round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`);
    for (const contender of shuffled(contenders)) {
      signal.throwIfAborted();
      await sleep(quiet);
      await turn(contender, `bench-${round + warmUp}`, round >= 0);
    }
  }
}

/** In each round every contender starts, execs in and deletes a container. */
export async function measureLifecycle(
  contenders: Contender[],
  rounds: number,
  options: { signal: AbortSignal; progress: (text: string) => void },
): Promise<Map<string, Samples>> {
  const results = new Map<string, Samples>(
    contenders.map(({ name }) => [name, { start: [], exec: [], delete: [] }]),
  );
  await inTurn(contenders, rounds, options, async (contender, name, counted) => {
    const times = await oneRound(contender, name);
    const samples = results.get(contender.name) as Samples;
    if (counted) for (const operation of operations) samples[operation].push(times[operation]);
  });
  return results;
}

async function oneRound(contender: Contender, name: string): Promise<Record<Operation, number>> {
  let handle = "";
  const start = await timed(async () => {
    handle = await contender.start(name);
  });
  const pid = await contender.pid(handle);
  if (pid === undefined || !(await isRunning(pid))) {
    throw new Error(`${contender.name} said that ${name} was started, but it does not run`);
  }
  const exec = await timed(() => contender.exec(handle));
  const remove = await timed(() => contender.remove(handle));
  if (await isRunning(pid)) {
    throw new Error(`${contender.name} said that ${name} was deleted, but its process runs`);
  }
  return { start, exec, delete: remove };
}

/** How long it takes, in milliseconds. */
async function timed(operation: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await operation();
  return performance.now() - begin;
}

/** The items in an order drawn at random (Fisher-Yates). */
function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

export function lifecycleTable(results: Map<string, Samples>): string {
  const rows = [
    ["ms", ...operations.flatMap((operation) => [`${operation} p50`, "p90"]), "n"],
    ...[...results].map(([name, samples]) => [
      name,
      ...operations.flatMap((operation) =>
        [0.5, 0.9].map((share) => percentile(samples[operation], share).toFixed(1)),
      ),
      String(samples.start.length),
    ]),
  ];
  return table(rows);
}

type Ratios = Record<string, Record<Operation, number>>;

/** The last line: each figure a peer's p50 divided by Shimyard's, so that more is better. */
export function lifecycleSummary(results: Map<string, Samples>): {
  bench: "lifecycle";
  ratios: Ratios;
  withCrun: Ratios;
} {
  const against = (own: string, names: (keyof typeof peers)[]): Ratios =>
    Object.fromEntries(
      names.map((name) => [name, ratio(results.get(peers[name]), results.get(own))]),
    );
  return {
    bench: "lifecycle",
    ratios: against("shimyard runc", ["docker", "podman", "bare"]),
    withCrun: against("shimyard crun", ["docker", "podman"]),
  };
}

function ratio(peer: Samples | undefined, own: Samples | undefined): Record<Operation, number> {
  if (!peer || !own) throw new Error("A contender did not take part");
  const of = (operation: Operation): number =>
    round(percentile(peer[operation], 0.5) / percentile(own[operation], 0.5), 2);
  return { start: of("start"), exec: of("exec"), delete: of("delete") };
}
