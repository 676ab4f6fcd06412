import type { AppContract } from "#shared/contract/index";
import type { Sample } from "#shared/contract/stats";
import type { Client } from "#shared/rpc/define";
import { isLasting, keepReading } from "./keep-reading.ts";

/** What a chart shows, milliseconds. */
export const historySpan = 10 * 60 * 1000;
/** Points of a list row's sparkline: a minute at a sample a second. */
export const sparklinePoints = 60;
/** What that is in milliseconds. */
const sparklineSpan = sparklinePoints * 1000;
const none: readonly never[] = [];

interface Track {
  sample: Sample | undefined;
  /** CPU, oldest first. */
  sparkline: readonly number[];
  /** When the window saw its first sample; older ones are the core's. */
  since: number;
  sparklineUsers: number;
  /** Its first values are what the core kept from before the window looked. */
  seeded: boolean;
  /** Kept only while a chart wants it. */
  history: readonly Sample[] | undefined;
  historyUsers: number;
  listeners: Set<() => void>;
}

/**
 * The newest samples of all containers from one subscription, shared by every row and chart.
 * It runs while anybody listens. Values handed out are immutable, so React can compare them.
 */
export class StatsStore {
  readonly #client: Client<AppContract>;
  readonly #tracks = new Map<string, Track>();
  #listeners = 0;
  #abort: AbortController | undefined;

  constructor(client: Client<AppContract>) {
    this.#client = client;
  }

  /** The newest sample; undefined while the container is not running or nothing is known yet. */
  sample(id: string): Sample | undefined {
    return this.#tracks.get(id)?.sample;
  }

  /** CPU of the last minute, oldest first. */
  sparkline(id: string): readonly number[] {
    return this.#tracks.get(id)?.sparkline ?? none;
  }

  /** The last 10 minutes, oldest first; empty until `watchHistory` has loaded it. */
  history(id: string): readonly Sample[] {
    return this.#tracks.get(id)?.history ?? none;
  }

  /** Calls `listener` whenever this container's values change. */
  watch(id: string, listener: () => void): () => void {
    const track = this.#track(id);
    track.listeners.add(listener);
    this.#listeners += 1;
    this.#start();
    return () => {
      if (!track.listeners.delete(listener)) return;
      this.#listeners -= 1;
      // A list that is drawn anew lets go of all rows and takes them again within one tick.
      setTimeout(() => {
        if (this.#listeners === 0) this.#stop();
      }, 0);
    };
  }

  /** Also begins its sparkline with what the core has of the last minute. */
  watchSparkline(id: string, listener: () => void): () => void {
    const unwatch = this.watch(id, listener);
    const track = this.#track(id);
    track.sparklineUsers += 1;
    return () => {
      unwatch();
      track.sparklineUsers -= 1;
    };
  }

  /** Also keeps this container's history, beginning with what the core has of it. */
  watchHistory(id: string, listener: () => void): () => void {
    const unwatch = this.watch(id, listener);
    const track = this.#track(id);
    track.historyUsers += 1;
    if (track.historyUsers === 1) void this.#loadHistory(id, track);
    return () => {
      unwatch();
      track.historyUsers -= 1;
      if (track.historyUsers === 0) track.history = undefined;
    };
  }

  #track(id: string): Track {
    let track = this.#tracks.get(id);
    if (!track) {
      track = {
        sample: undefined,
        sparkline: none,
        since: 0,
        sparklineUsers: 0,
        seeded: false,
        history: undefined,
        historyUsers: 0,
        listeners: new Set(),
      };
      this.#tracks.set(id, track);
    }
    return track;
  }

  #start(): void {
    if (this.#abort) return;
    this.#abort = new AbortController();
    void keepReading((signal) => this.#client.stream("stats.watch", {}, { signal }), {
      signal: this.#abort.signal,
      take: ({ samples }) => this.#take(samples),
      broken: (error) => !isLasting(error),
      again: () => this.#beginAnew(),
    });
  }

  /** What is kept says nothing of the time until somebody looks again. */
  #stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#tracks.clear();
  }

  /** What was measured while the stream was away is not in what was kept: the core has it. */
  #beginAnew(): void {
    for (const [id, track] of this.#tracks) {
      forget(track);
      if (track.historyUsers > 0) void this.#loadHistory(id, track);
    }
  }

  #take(samples: Record<string, Sample>): void {
    for (const [id, track] of this.#tracks) {
      if (samples[id]) continue;
      if (track.listeners.size === 0) this.#tracks.delete(id);
      // It ended: no value is shown rather than the last one. The chart keeps what it has.
      else if (track.sample) forget(track);
    }
    for (const [id, sample] of Object.entries(samples)) {
      const track = this.#track(id);
      if (track.sample?.time === sample.time) continue;
      if (!track.sample) track.since = sample.time;
      track.sample = sample;
      track.sparkline = [...track.sparkline.slice(1 - sparklinePoints), sample.cpu];
      if (track.history) track.history = append(track.history, sample);
      // Here, once a second, and not when a row is drawn: one that is scrolled past asks for nothing.
      if (!track.seeded && track.sparklineUsers > 0) void this.#seed(id, track, sample.time);
      notify(track);
    }
  }

  async #seed(id: string, track: Track, now: number): Promise<void> {
    track.seeded = true;
    let loaded: readonly Sample[];
    try {
      loaded = await this.#client.call("stats.history", { id, since: now - sparklineSpan });
    } catch {
      return; // It begins with what comes.
    }
    if (!track.sample) return;
    const before = loaded.filter(({ time }) => time < track.since).map(({ cpu }) => cpu);
    track.sparkline = [...before, ...track.sparkline].slice(-sparklinePoints);
    notify(track);
  }

  async #loadHistory(id: string, track: Track): Promise<void> {
    let loaded: readonly Sample[] = none;
    try {
      loaded = await this.#client.call("stats.history", { id });
    } catch {
      // The container may have gone; the chart then begins with what comes.
    }
    if (track.historyUsers === 0) return;
    const last = loaded.at(-1)?.time ?? 0;
    const { sample } = track;
    track.history = sample && sample.time > last ? [...loaded, sample] : loaded;
    notify(track);
  }
}

function append(history: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = history.at(-1);
  if (last && last.time >= sample.time) return history;
  const oldest = sample.time - historySpan;
  let from = 0;
  while ((history[from]?.time ?? oldest) < oldest) from += 1;
  return [...history.slice(from), sample];
}

function forget(track: Track): void {
  track.sample = undefined;
  track.sparkline = none;
  track.seeded = false;
  notify(track);
}

function notify(track: Track): void {
  for (const listen of track.listeners) listen();
}
