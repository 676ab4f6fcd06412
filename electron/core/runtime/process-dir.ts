import { readFile, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ProcessIdentity, isAlive, processStat } from "#core/host/proc";
import { AppError } from "#shared/errors";
import type { OciProcess } from "./runtime.ts";

/**
 * A process's directory, in the manner of containerd's first shim:
 *
 *     process.json       the OCI process, with what only we need under "shimyard"
 *     pid                written by the OCI runtime
 *     shim.pid           written by conmon
 *     starttime          of the two, one a line; written last, so that a directory with it is complete
 *     control, attach    conmon's fifo and socket
 *     exit               written by conmon: 0..255; its mtime is the time of the exit
 *     oom                made by conmon when the kernel killed for want of memory
 *     exit-told          an exit that was published
 *     log                what an exec wrote (init's is the container's log)
 */
export interface ProcessFile extends OciProcess {
  shimyard: { id: string; user?: string; createdAt: number };
}

export interface ProcessFiles {
  process: ProcessIdentity | undefined;
  shim: ProcessIdentity | undefined;
  exit: { code: number; at: number } | undefined;
  oom: boolean;
  exitTold: boolean;
}

/** Everything in the directory but process.json. */
export async function readProcessFiles(dir: string): Promise<ProcessFiles> {
  const [pid, shimPid, starts, exit, oom, exitTold] = await Promise.all([
    readNumber(join(dir, "pid")),
    readNumber(join(dir, "shim.pid")),
    readFile(join(dir, "starttime"), "utf8").catch(() => ""),
    readExit(dir),
    exists(join(dir, "oom")),
    exists(join(dir, "exit-told")),
  ]);
  const [start, shimStart] = starts.split("\n");
  const process = identityOf(pid, start);
  return { process, shim: identityOf(shimPid, shimStart), exit, oom, exitTold };
}

/** Rejects DATA_LOSS when it can't be understood. */
export async function readProcessJson(dir: string): Promise<ProcessFile> {
  const path = join(dir, "process.json");
  try {
    const value = JSON.parse(await readFile(path, "utf8")) as ProcessFile;
    if (!Array.isArray(value.args) || typeof value.shimyard?.createdAt !== "number") {
      throw new TypeError("it has no args or no shimyard section");
    }
    return value;
  } catch (error) {
    throw new AppError(
      "DATA_LOSS",
      `${path} is damaged`,
      { output: error instanceof Error ? error.message : undefined },
      error,
    );
  }
}

/** undefined while it runs. conmon renames the file into place, so what is there is whole. */
export async function readExit(dir: string): Promise<{ code: number; at: number } | undefined> {
  const path = join(dir, "exit");
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    const code = Number.parseInt(text, 10);
    return Number.isNaN(code) ? undefined : { code, at: Math.round(mtimeMs) };
  } catch {
    return undefined;
  }
}

/** As conmon does: the status in the file, the time as the file's. Not being able to costs a later manager the status. */
export async function writeExit(dir: string, code: number, exitedAt: number): Promise<void> {
  const path = join(dir, "exit");
  try {
    await writeFile(path, String(code));
    await utimes(path, exitedAt / 1000, exitedAt / 1000);
  } catch {
    // The disk is full, or the directory is gone.
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

/** Notes who runs, so that a later manager knows them from others with the same numbers. */
export async function recordNew(dir: string, pid: number): Promise<ProcessFiles> {
  const { files, noted } = await beginRecord(dir, pid);
  await noted;
  return files;
}

/** As `recordNew`, before it is written: then `noted` resolves. */
export async function beginRecord(
  dir: string,
  pid: number,
): Promise<{ files: ProcessFiles; noted: Promise<void> }> {
  const shimPid = await readNumber(join(dir, "shim.pid"));
  const [process, shim] = await Promise.all([
    identify(pid),
    shimPid === undefined ? undefined : identify(shimPid),
  ]);
  // Also when one is dead already: 0 is the start time of no container's process, and of no shim.
  const starts = [process, shim].map((identity) => identity?.startTime ?? 0);
  const noted = writeFile(join(dir, "starttime"), starts.join("\n"));
  noted.catch(() => undefined);
  return { files: { process, shim, exit: undefined, oom: false, exitTold: false }, noted };
}

export async function readNumber(path: string): Promise<number | undefined> {
  try {
    const value = Number.parseInt(await readFile(path, "utf8"), 10);
    return Number.isNaN(value) ? undefined : value;
  } catch {
    return undefined;
  }
}

async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const found = await processStat(pid);
  return found && { pid, startTime: found.startTime };
}

function identityOf(
  pid: number | undefined,
  start: string | undefined,
): ProcessIdentity | undefined {
  const startTime = Number.parseInt(start ?? "", 10);
  return pid === undefined || Number.isNaN(startTime) ? undefined : { pid, startTime };
}

/**
 * The conmon of a directory whether or not its start time was recorded: a process is only taken for it when
 * its command line names the directory.
 */
export async function findShim(dir: string): Promise<ProcessIdentity | undefined> {
  const pid = await readNumber(join(dir, "shim.pid"));
  if (pid === undefined) return undefined;
  const identity = await identify(pid);
  if (!identity) return undefined;
  try {
    const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    return argv.includes(join(dir, "shim.pid")) ? identity : undefined;
  } catch {
    return undefined;
  }
}

/** Ends the shim of a process's directory, if it has one. */
export async function killShim(dir: string): Promise<void> {
  const shim = await findShim(dir);
  if (shim) signalPid(shim.pid, 9);
}

/** Milliseconds between two looks, and how many there are at most: a killed process may take a second to go. */
const huntInterval = 10;
const huntRounds = 200;

/** Milliseconds between two looks at a process that is about to end. */
const endInterval = 5;

/**
 * Ends every shim of a bundle, and every OCI runtime at work for one, with all that they have started; also those of
 * a shim that was killed off half-way through its start and has no pid file. Found among all processes by their
 * command lines, which name pid files of this bundle. Looks until none is left: one may fork between being listed
 * and killed. True when there was one.
 */
export async function killShims(processesDir: string): Promise<boolean> {
  for (let round = 0; round < huntRounds; round++) {
    const left = await pidFileWriters(`${processesDir}/`);
    if (left.length === 0) return round > 0;
    for (const pid of left) endPid(pid);
    await new Promise((resolve) => setTimeout(resolve, huntInterval));
  }
  return true;
}

/**
 * Processes told to write a pid file below `prefix` (conmon and what is to become it, runc, crun), and their
 * descendants: without its runtime a container's init would wait for its start for ever.
 */
async function pidFileWriters(prefix: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const children = new Map<number, number[]>();
  const found = new Set<number>();
  await Promise.all(
    pids.map(async (pid) => {
      const [line, stat] = await Promise.all([
        readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
        processStat(pid),
      ]);
      if (!stat) return;
      children.set(stat.ppid, [...(children.get(stat.ppid) ?? []), pid]);
      const argv = line.split("\0");
      const writes = pidFileOptions.some((option) => {
        const at = argv.indexOf(option);
        return at > 0 && argv[at + 1]?.startsWith(prefix);
      });
      if (writes) found.add(pid);
    }),
  );
  // A set may grow while it is gone through.
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child);
  return [...found];
}

const pidFileOptions = ["--conmon-pidfile", "--pid-file"];

/** Ends what a failed step may have left; what belongs to another user of the user namespace is left to others. */
export function endPid(pid: number): void {
  try {
    signalPid(pid, 9);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

/** Ends a process that has not ended by itself within `grace` milliseconds. */
export async function endWithin(identity: ProcessIdentity, grace: number): Promise<void> {
  const end = Date.now() + grace;
  while (await isAlive(identity)) {
    if (Date.now() >= end) {
      endPid(identity.pid);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, endInterval));
  }
}

/** False when there is no such process. Below 0: a process group. */
export function signalPid(pid: number, signal: number): boolean {
  // kill(2): to our own group, and to all that there is.
  if (pid === 0 || pid === -1) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
