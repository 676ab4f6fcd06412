import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { processStat } from "#core/host/proc";
import { AppError } from "#shared/errors";
import { exists, readNumber, signalPid } from "./process-dir.ts";

/**
 * Input that conmon keeps open for one client after another can only be ended behind it: a `cat` carries it to the
 * process, and its end is the input's. In the process's directory: stdin.pid, the cat's, and stdin-ended.
 */
const carrierFile = "stdin.pid";
const endedFile = "stdin-ended";

/**
 * Shell that leaves the carrier running, from descriptor 3 to its standard output or to a file. `box` is a busybox or
 * empty, `dir` the directory, which the carrier has for its second file: it can't be read, and names the process. Who
 * opens a fifo waits for its other end, so the carrier does that by itself.
 */
export function startCarrier(to?: string): string {
  const open = to === undefined ? "" : `exec >"${to}"; `;
  const cat = 'if [ -n "$box" ]; then exec "$box" cat - "$dir"; fi; exec cat - "$dir"';
  return `(${open}${cat}) <&3 2>/dev/null &\necho $! >"$dir/${carrierFile}"`;
}

/** A runtime's command line with a carrier in front of its standard input. */
export function withCarrier(
  busybox: string | undefined,
  dir: string,
  runtime: { path: string; args: string[] },
): { path: string; args: string[] } {
  const script = ["-c", carried, busybox ?? "", dir, runtime.path, ...runtime.args];
  return { path: busybox ?? "/bin/sh", args: busybox ? ["sh", ...script] : script };
}

const carried = `
box=$0 dir=$1
shift
exec 3<&0
{ ${startCarrier()}; } | "$@" 3<&-
`;

/** Milliseconds between looks, and for input to be taken by a process that does not read. */
const pause = 2;
const patience = 5000;
/** Looks in a row that must find all at rest: on a machine with much to do one look was mistaken, 1 time in 140. */
const quietLooks = 3;

/**
 * Ends the carrier in `dir` once all that was written has passed it: both `shim`, who writes to it, and it itself
 * sleep, and it not in a write. What the process has not read by then waits in its pipe; what does not fit there
 * after five seconds is lost. FAILED_PRECONDITION where there is no carrier.
 */
export async function endInput(dir: string, shim: number | undefined): Promise<void> {
  const pid = await readNumber(join(dir, carrierFile));
  if (pid === undefined) {
    throw new AppError("FAILED_PRECONDITION", "This input can't be ended", {
      hint: "The process was started by an earlier version; a new one can.",
    });
  }
  const end = Date.now() + patience;
  for (let quiet = 0; quiet < quietLooks && Date.now() < end; await look()) {
    quiet = (await isIdle(pid, dir, shim)) ? quiet + 1 : 0;
  }
  if (await isCarrier(pid, dir)) signalPid(pid, 15);
  while (await isCarrier(pid, dir)) await look();
  await writeFile(join(dir, endedFile), "");
}

/** Also by an earlier manager. */
export function inputEnded(dir: string): Promise<boolean> {
  return exists(join(dir, endedFile));
}

function look(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pause));
}

/** Whoever sends something to one that sleeps has woken it before the sending returns: writer first, then carrier. */
async function isIdle(pid: number, dir: string, shim: number | undefined): Promise<boolean> {
  if (shim !== undefined && !(await sleeps(shim))) return false;
  if (!(await isCarrier(pid, dir))) return true;
  if (!(await words(pid)).includes("cat") || !(await sleeps(pid))) return false;
  // Where the kernel does not say where it sleeps, it is believed to be reading.
  const place = await readFile(`/proc/${pid}/wchan`, "utf8").catch(() => "");
  return !place.includes("write");
}

async function sleeps(pid: number): Promise<boolean> {
  const stat = await processStat(pid);
  return stat === undefined || stat.state === "S";
}

/** The cat, or the shell that is about to become it. */
async function isCarrier(pid: number, dir: string): Promise<boolean> {
  return (await processStat(pid)) !== undefined && (await words(pid)).includes(dir);
}

async function words(pid: number): Promise<string[]> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.split("\0");
}
