import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { stats } from "#shared/contract/stats";
import type { ItemOf } from "#shared/rpc/define";
import { field } from "../runtime/readings.ts";

type HostSample = ItemOf<typeof stats.host>;

/** Between samples, ms; the first comes sooner, as soon as there is a difference to speak of. */
const interval = 2000;
const firstInterval = 250;
/** CPU time is told in hundredths of a second (USER_HZ). */
const ticks = 100;

interface HostReading {
  clock: number;
  /** Seconds, over all CPUs. */
  busy: number;
}

/** This machine's CPU and memory. */
export class HostSampler {
  async *watch({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<HostSample> {
    let before = await readBusy();
    let wait = firstInterval;
    while (!signal?.aborted) {
      await delay(wait, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal?.aborted) return;
      wait = interval;
      const [now, memory] = await Promise.all([readBusy(), readFile("/proc/meminfo", "latin1")]);
      const seconds = (now.clock - before.clock) / 1000;
      const total = kibibytes(memory, "MemTotal:");
      yield {
        time: Date.now(),
        // iowait may be counted backwards (proc(5)), so a difference may be.
        cpu: Math.max(0, (now.busy - before.busy) / seconds),
        cpus: cpus().length,
        memoryUsed: total - kibibytes(memory, "MemAvailable:"),
        memoryTotal: total,
      };
      before = now;
    }
  }
}

/** proc(5), /proc/stat: user nice system idle iowait irq softirq steal; guest is in user. */
async function readBusy(): Promise<HostReading> {
  const stat = await readFile("/proc/stat", "latin1");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    field(stat, "cpu ") ?? ""
  )
    .split(" ")
    .map(Number);
  const busy = (user + nice + system + irq + softirq + steal) / ticks;
  return { clock: performance.now(), busy };
}

const kibibytes = (content: string, name: string): number =>
  Number.parseInt(field(content, name) ?? "0", 10) * 1024;
