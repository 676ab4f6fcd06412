import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** A process on this boot: a pid alone may have been given to another since. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks after boot. */
  startTime: number;
}

export interface ProcessStat {
  state: string;
  ppid: number;
  startTime: number;
  /** It runs no more of its program: its files are being closed, its memory given back. */
  exiting: boolean;
}

/** include/linux/sched.h: PF_EXITING. */
const exitingFlag = 0x4;

/**
 * proc(5): the fields of /proc/PID/stat after the command name. The name may hold spaces and brackets
 * itself, so fields are counted from the last bracket.
 */
export function parseStat(stat: string): ProcessStat {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0] ?? "X",
    ppid: Number(fields[1]),
    startTime: Number(fields[19]),
    exiting: (Number(fields[6]) & exitingFlag) !== 0,
  };
}

/**
 * undefined when there is no such process; a zombie is dead. Read at once: procfs answers from memory in
 * microseconds, and a read through the thread pool is five trips to it, which a starting container waits for.
 */
export async function processStat(pid: number): Promise<ProcessStat | undefined> {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return stat.state === "Z" || stat.state === "X" ? undefined : stat;
  } catch {
    // ENOENT, or ESRCH when it ends while being read.
    return undefined;
  }
}

/** Whether that very process still runs, not another that was given its number. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await processStat(identity.pid))?.startTime === identity.startTime;
}

let ticksPerSecondBoot: Promise<number> | undefined;

/**
 * A start time as milliseconds since the epoch. USER_HZ is 100 on every architecture Linux has now
 * (include/asm-generic/param.h).
 */
export async function startTimeToEpoch(startTime: number): Promise<number> {
  ticksPerSecondBoot ??= readFile("/proc/stat", "utf8").then((text) =>
    Number(/^btime (\d+)$/m.exec(text)?.[1] ?? 0),
  );
  return (await ticksPerSecondBoot) * 1000 + startTime * 10;
}

let bootIdOnce: Promise<string> | undefined;

/**
 * Names this boot: pids and start times recorded under another one mean nothing. Empty on Windows, where nothing is
 * taken up again that an earlier manager recorded.
 */
export function bootId(): Promise<string> {
  if (process.platform === "win32") return Promise.resolve("");
  bootIdOnce ??= readFile("/proc/sys/kernel/random/boot_id", "utf8").then((text) => text.trim());
  return bootIdOnce;
}

/**
 * Tells when processes end that are not our children. Node has no pidfd, so one timer for all of them
 * sends signal 0 (about a microsecond each). A sixteenth of them is looked at closely in each round: a pid may
 * have been given away meanwhile, or be a zombie that a lazy init has not reaped.
 */
export class ProcessWatch {
  /** Milliseconds. An exit is noticed through its exit file at once; this is for shims that were killed. */
  static readonly interval = 1000;
  readonly #watched = new Map<ProcessIdentity, () => void>();
  #timer: NodeJS.Timeout | undefined;
  #round = 0;

  /** Calls `gone` once when the process is no more. */
  add(identity: ProcessIdentity, gone: () => void): { dispose(): void } {
    const key = { ...identity };
    this.#watched.set(key, gone);
    this.#timer ??= setInterval(() => void this.#sweep(), ProcessWatch.interval).unref();
    return { dispose: () => this.#remove(key) };
  }

  dispose(): void {
    this.#watched.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #remove(key: ProcessIdentity): void {
    this.#watched.delete(key);
    if (this.#watched.size === 0) this.dispose();
  }

  async #sweep(): Promise<void> {
    const slice = this.#round++ % 16;
    for (const [key, gone] of this.#watched) {
      const thorough = key.pid % 16 === slice;
      const there = signalZero(key.pid);
      // "no": gone. "foreign": the pid is someone else's now, or the container's user is not ours.
      const dead = there === "no" || ((thorough || there === "foreign") && !(await isAlive(key)));
      if (!dead || !this.#watched.has(key)) continue;
      this.#remove(key);
      gone();
    }
  }
}

function signalZero(pid: number): "yes" | "no" | "foreign" {
  try {
    process.kill(pid, 0);
    return "yes";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? "foreign" : "no";
  }
}
