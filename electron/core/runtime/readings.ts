import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { TaskStats } from "./runtime.ts";

/** v1 says "unlimited" as the largest multiple of the page size; nobody has a limit of an exbibyte. */
const unlimited = 2 ** 60;

/**
 * Reads a container's cgroup, synchronously: a few files that the kernel has in memory. `directories` is by v1 controller
 * name or `unified` (Task.cgroup). undefined when it is gone, or has no accounting of CPU or memory.
 * Files: kernel Documentation/admin-guide/cgroup-v1/{cpuacct,memory,pids,blkio-controller}.rst and
 * cgroup-v2.rst.
 */
export function readCgroup(directories: Record<string, string>): TaskStats | undefined {
  const { cpuacct, memory, pids, blkio, unified } = directories;
  try {
    const cpu = cpuacct
      ? Number(text(`${cpuacct}/cpuacct.usage`)) / 1e9
      : Number(field(text(`${unified}/cpu.stat`), "usage_usec")) / 1e6;
    const used = memory
      ? readMemory(
          `${memory}/memory.usage_in_bytes`,
          `${memory}/memory.stat`,
          "total_inactive_file",
        )
      : readMemory(`${unified}/memory.current`, `${unified}/memory.stat`, "inactive_file");
    const limit = Number(
      memory ? text(`${memory}/memory.limit_in_bytes`) : text(`${unified}/memory.max`),
    );
    const count = Number(text(`${pids ?? unified}/pids.current`));
    if (![cpu, used, count].every(Number.isFinite)) return undefined;
    return {
      ...now(),
      cpu,
      memory: used,
      ...limited(limit),
      pids: count,
      ...(blkio ? readBlkio(blkio) : readIo(unified)),
    };
  } catch {
    return undefined;
  }
}

/**
 * The same for a container without a cgroup of its own, as the sum over its processes: `Cpu` keeps
 * what processes that have ended had used. Memory is the proportional set size where it may be read,
 * else the resident set size, which counts shared pages once for each process.
 */
export class ProcessSum {
  /** Ticks by pid and start time. */
  #last = new Map<string, number>();
  #first = true;
  #ticks = 0;

  /** One at a time. undefined when none of them runs. */
  async read(pids: number[]): Promise<TaskStats | undefined> {
    const seen = new Map<string, number>();
    let memory = 0;
    for (const pid of pids) {
      const stat = await fileText(`/proc/${pid}/stat`);
      if (stat === undefined) continue;
      // proc(5): the name is in brackets and may hold anything; utime is field 14, starttime 22.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const key = `${pid} ${fields[19]}`;
      const ticks = Number(fields[11]) + Number(fields[12]);
      // One that was not there before has used all of it since; at first nothing is known.
      if (!this.#first) this.#ticks += ticks - (this.#last.get(key) ?? 0);
      seen.set(key, ticks);
      memory += await processMemory(pid);
    }
    this.#last = seen;
    this.#first = false;
    if (seen.size === 0) return undefined;
    // USER_HZ is 100 on every architecture Linux has now.
    return { ...now(), cpu: this.#ticks / 100, memory, pids: seen.size };
  }
}

async function processMemory(pid: number): Promise<number> {
  const pss = field((await fileText(`/proc/${pid}/smaps_rollup`)) ?? "", "Pss:");
  const kib = pss ?? field((await fileText(`/proc/${pid}/status`)) ?? "", "VmRSS:");
  return kib === undefined ? 0 : Number.parseInt(kib, 10) * 1024;
}

/** A limit in bytes as a part of what is told; nothing for one that limits nothing. */
export function limited(limit: number): { memoryLimit?: number } {
  return limit > 0 && limit < unlimited ? { memoryLimit: limit } : {};
}

export function now(): { time: number; clock: number } {
  return { time: Date.now(), clock: performance.now() };
}

function readMemory(usage: string, stat: string, inactive: string): number {
  return Math.max(0, Number(text(usage)) - Number(field(text(stat), inactive) ?? 0));
}

function readBlkio(directory: string): { read?: number; written?: number } {
  const services =
    tryText(`${directory}/blkio.throttle.io_service_bytes_recursive`) ??
    tryText(`${directory}/blkio.throttle.io_service_bytes`);
  return services === undefined
    ? {}
    : {
        read: sum(services, /^\d+:\d+ Read (\d+)$/gm),
        written: sum(services, /^\d+:\d+ Write (\d+)$/gm),
      };
}

function readIo(directory: string | undefined): { read?: number; written?: number } {
  const io = directory === undefined ? undefined : tryText(`${directory}/io.stat`);
  return io === undefined
    ? {}
    : { read: sum(io, /\brbytes=(\d+)/g), written: sum(io, /\bwbytes=(\d+)/g) };
}

function sum(content: string, expression: RegExp): number {
  let total = 0;
  for (const match of content.matchAll(expression)) total += Number(match[1]);
  return total;
}

/** The rest of the line that begins with `name`. */
export function field(content: string, name: string): string | undefined {
  const at = content.startsWith(name) ? 0 : content.indexOf(`\n${name}`) + 1;
  if (at === 0 && !content.startsWith(name)) return undefined;
  const end = content.indexOf("\n", at);
  return content.slice(at + name.length, end < 0 ? undefined : end).trim();
}

function text(path: string): string {
  return readFileSync(path, "latin1");
}

function tryText(path: string): string | undefined {
  try {
    return text(path);
  } catch {
    return undefined;
  }
}

function fileText(path: string): Promise<string | undefined> {
  return readFile(path, "latin1").catch(() => undefined);
}
