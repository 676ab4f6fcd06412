import { sleep } from "./command.ts";
import type { PullingContender } from "./contender.ts";
import { percentile, round, table } from "./statistics.ts";

/** One contender with an image of one layer and one of several. */
export interface SnapshotContender {
  contender: PullingContender;
  /** For the table: `shimyard, directories`. */
  name: string;
  /** How its `start` wants the image of several layers named. */
  image: string;
}

interface Samples {
  start: number[];
  remove: number[];
}

export interface SnapshotResult {
  name: string;
  /** Milliseconds. */
  one: Samples;
  several: Samples;
}

/** Milliseconds of quiet before each one's turn. */
const quiet = 250;

/** Creates, starts and removes a container of either image, everyone in turn. */
export async function measureSnapshots(
  contenders: SnapshotContender[],
  rounds: number,
  options: { signal: AbortSignal; progress(text: string): void },
): Promise<SnapshotResult[]> {
  const results = contenders.map(({ name }): SnapshotResult => {
    return { name, one: { start: [], remove: [] }, several: { start: [], remove: [] } };
  });
  // The first of each is not measured: what is read for the first time is read from the disk.
  for (let turn = 0; turn <= rounds; turn += 1) {
    options.progress(`Round ${turn} of ${rounds}`);
    for (const [at, { contender, image }] of contenders.entries()) {
      for (const kind of ["one", "several"] as const) {
        options.signal.throwIfAborted();
        await sleep(quiet);
        const begin = performance.now();
        const handle = await contender.start(
          `snapshot-${kind}-${turn}`,
          ...(kind === "several" ? [image] : []),
        );
        const started = performance.now();
        if ((await contender.pid(handle)) === undefined) {
          throw new Error(`${contender.name}: its container does not run`);
        }
        const asked = performance.now();
        await contender.remove(handle);
        if (turn === 0) continue;
        const samples = (results[at] as SnapshotResult)[kind];
        samples.start.push(started - begin);
        samples.remove.push(performance.now() - asked);
      }
    }
  }
  return results;
}

export function snapshotTable(results: SnapshotResult[]): string {
  const rows = [["median ms", "start, 1 layer", "6 layers", "remove, 1 layer", "6 layers"]];
  for (const { name, one, several } of results) {
    const cells = [one.start, several.start, one.remove, several.remove];
    rows.push([name, ...cells.map((samples) => percentile(samples, 0.5).toFixed(1))]);
  }
  return table(rows);
}

/** `layers`: how many times as long a start takes with six layers; `ratios`: how many times as long as our first the others take. */
export function snapshotSummary(results: SnapshotResult[]): object {
  const [own, ...others] = results as [SnapshotResult, ...SnapshotResult[]];
  const median = (samples: number[]): number => percentile(samples, 0.5);
  return {
    bench: "snapshot",
    layers: Object.fromEntries(
      results.map(({ name, one, several }) => [
        name,
        round(median(several.start) / median(one.start), 2),
      ]),
    ),
    ratios: Object.fromEntries(
      others.map(({ name, several }) => [
        name,
        {
          start: round(median(several.start) / median(own.several.start), 2),
          remove: round(median(several.remove) / median(own.several.remove), 2),
        },
      ]),
    ),
  };
}
