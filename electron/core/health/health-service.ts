import { z } from "zod";
import { type WholeHealthCheck, wholeHealthCheck } from "#shared/base/health-check";
import { Id, Time } from "#shared/contract/common";
import { type Health, HealthResult, HealthStatus } from "#shared/contract/health";
import { Latest } from "../base/latest.ts";
import type { ContainerRecord } from "../containers/container-store.ts";
import type { ContainerService } from "../containers/container-service.ts";
import type { Exchange } from "../events/exchange.ts";
import type { Task } from "../runtime/runtime.ts";
import type { Collection, Store } from "../store/store.ts";
import { HealthMonitor } from "./health-monitor.ts";
import { judge, nextDelay, startingVerdict } from "./health-rule.ts";

/** Results kept of each container; docker keeps 5. */
const maxResults = 10;
/** Milliseconds over which the first checks are spread when the manager starts: all are due by then. */
const spread = 1000;

/** What is kept of a container's health, in the database. */
const HealthRecord = z.object({
  id: Id,
  /** When the run began that status and streak are of. */
  run: Time,
  status: HealthStatus,
  failingStreak: z.number(),
  /** Oldest first; of earlier runs too. */
  results: z.array(HealthResult),
});
type HealthRecord = z.infer<typeof HealthRecord>;

interface Watched {
  kept: HealthRecord | undefined;
  /** Something is known of this run that no earlier manager saw. */
  known: boolean;
  since: number | undefined;
  monitor: HealthMonitor | undefined;
  /** When the last check of a monitor that was let go has ended. */
  ended: Promise<void>;
  readonly latest: Latest<Health>;
}

const noResults: HealthResult[] = [];

export interface HealthServiceOptions {
  store: Store;
  containers: ContainerService;
  exchange: Exchange;
  /** When the containers are known. */
  ready: Promise<void>;
}

/**
 * Runs containers' health checks. It lives in the manager: **while the app is closed nothing is checked**, and what
 * was known before is shown as "starting" until the first check after.
 */
export class HealthService {
  readonly #o: HealthServiceOptions;
  readonly #collection: Collection<typeof HealthRecord>;
  readonly #watched = new Map<string, Watched>();
  #loaded = false;

  constructor(options: HealthServiceOptions) {
    this.#o = options;
    this.#collection = options.store.collection("health", HealthRecord);
  }

  /** Once the containers are known: takes up what an earlier manager knew, and begins to check what runs. */
  async load(): Promise<void> {
    const { records } = this.#o.containers;
    this.#loaded = true;
    const { records: kept, damaged } = this.#collection.all();
    for (const record of kept) {
      if (records.find(record.id)) this.#of(record.id).kept = record;
      else await this.#collection.remove(record.id);
    }
    // A history, of which nobody could make anything.
    for (const { id } of damaged) await this.#collection.remove(id);
    for (const { id } of records.list()) this.sync(id);
  }

  /** Something about a container is different: checks begin, go on or end. */
  sync(id: string): void {
    if (!this.#loaded) return;
    const { records, lifecycle, activities } = this.#o.containers;
    const record = records.find(id);
    const check = record && checkOf(record);
    const task = lifecycle.task(id);
    if (!record || !check || !task || !runs(record, task)) {
      this.#rest(id);
      return;
    }
    const watched = this.#of(id);
    const begins = watched.since === undefined;
    if (begins) this.#begin(watched, record);
    if (activities.get(id)) this.#pause(watched);
    else this.#go(watched, record, task, check, begins);
    this.#tell(id, watched);
  }

  /** As the list shows it. */
  status(id: string): Health["status"] {
    return this.#watched.get(id)?.latest.value.status;
  }

  /** The present state, then each new one, until `signal` aborts. NOT_FOUND when there is no such container. */
  async *watch(id: string, signal: AbortSignal): AsyncGenerator<Health, void, void> {
    await this.#o.ready;
    this.#o.containers.records.get(id);
    yield* this.#of(id).latest.watch(signal);
  }

  /** Resolves when no check is under way in it; while something is being done to it none begins. */
  async quiet(id: string): Promise<void> {
    const watched = this.#watched.get(id);
    if (!watched) return;
    this.#pause(watched);
    await watched.ended;
  }

  async forget(id: string): Promise<void> {
    const watched = this.#watched.get(id);
    if (watched) this.#pause(watched);
    this.#watched.delete(id);
    await this.#collection.remove(id).catch(() => undefined);
  }

  /** Ends the checks that are under way. */
  async close(): Promise<void> {
    this.#loaded = false;
    for (const watched of this.#watched.values()) this.#pause(watched);
    await Promise.all([...this.#watched.values()].map(({ ended }) => ended));
  }

  #of(id: string): Watched {
    let watched = this.#watched.get(id);
    if (!watched) {
      watched = {
        ...{ kept: undefined, known: false, since: undefined, monitor: undefined },
        ended: Promise.resolve(),
        latest: new Latest<Health>({ failingStreak: 0, results: noResults }),
      };
      this.#watched.set(id, watched);
    }
    return watched;
  }

  /** A run is met: a new one, or one that an earlier manager has checked. */
  #begin(watched: Watched, { id, startedAt: run = 0 }: ContainerRecord): void {
    watched.since = Date.now();
    watched.known = watched.kept?.run !== run;
    if (!watched.known) return;
    watched.kept = { id, run, ...startingVerdict, results: watched.kept?.results ?? noResults };
  }

  /** It does not run, or is not to be checked. */
  #rest(id: string): void {
    const watched = this.#watched.get(id);
    if (!watched) return;
    this.#pause(watched);
    watched.since = undefined;
    this.#tell(id, watched);
  }

  #pause(watched: Watched): void {
    const { monitor } = watched;
    if (!monitor) return;
    monitor.dispose();
    watched.monitor = undefined;
    watched.ended = monitor.ended;
  }

  #go(
    watched: Watched,
    record: ContainerRecord,
    task: Task,
    check: WholeHealthCheck,
    begins: boolean,
  ): void {
    const { monitor, kept } = watched;
    if (monitor?.task === task && same(monitor.check, check)) return;
    this.#pause(watched);
    const { id, startedAt: run = 0 } = record;
    const status = kept?.status ?? "starting";
    const found = begins && !watched.known;
    watched.monitor = new HealthMonitor({
      ...{ task, check },
      firstDelay: found ? Math.random() * spread : nextDelay(status, check, run, Date.now()),
      onResult: (result) => this.#judged(id, watched, result, check),
    });
  }

  #judged(id: string, watched: Watched, result: HealthResult, check: WholeHealthCheck): number {
    const { kept } = watched;
    if (!kept) return nextDelay("starting", check, 0, Date.now());
    const verdict = judge(kept, result, check, kept.run);
    const results = [...kept.results, result].slice(-maxResults);
    watched.kept = { ...kept, ...verdict, results };
    watched.known = true;
    // What a full disk loses is history.
    void this.#collection.put(id, watched.kept).catch(() => undefined);
    if (verdict.status !== kept.status) this.#publish(id, watched.kept, result);
    this.#tell(id, watched);
    return nextDelay(verdict.status, check, kept.run, Date.now());
  }

  /** Tells the list and whoever watches, where there is something new. */
  #tell(id: string, { kept, known, since, latest }: Watched): void {
    const status = since === undefined ? undefined : known ? kept?.status : "starting";
    const before = latest.value;
    const results = kept?.results ?? noResults;
    const failingStreak = kept?.failingStreak ?? 0;
    const unchanged =
      before.status === status && before.results === results && before.watchedSince === since;
    if (unchanged && before.failingStreak === failingStreak) return;
    latest.set({
      ...(status === undefined ? {} : { status }),
      ...{ failingStreak, results },
      ...(since === undefined ? {} : { watchedSince: since }),
    });
    if (before.status !== status) this.#o.containers.changed(id);
  }

  #publish(id: string, { status, failingStreak }: HealthRecord, { output }: HealthResult): void {
    const containerName = this.#o.containers.records.find(id)?.config.name;
    this.#o.exchange.publish({
      ...{ topic: "/shimyard/health", containerId: id },
      ...(containerName ? { containerName } : {}),
      data: { status, streak: String(failingStreak), output: output.trim().split("\n")[0] ?? "" },
    });
  }
}

const checkOf = ({ config, image }: ContainerRecord): WholeHealthCheck | undefined =>
  wholeHealthCheck(config.healthCheck, image.config.healthCheck);

/** A frozen container can't answer. */
function runs({ startedAt }: ContainerRecord, { state }: Task): boolean {
  return startedAt !== undefined && state.status === "running";
}

const same = (one: WholeHealthCheck, other: WholeHealthCheck): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
