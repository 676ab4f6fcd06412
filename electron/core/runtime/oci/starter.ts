import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import type { Privileges } from "#core/host/privileges";

export interface Start {
  argv: string[];
  /** Absolute. */
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** Who enters the namespaces, and the static busybox to wait in them with, where there is one. */
export interface Isolation {
  privileges: Privileges;
  busybox: string | undefined;
}

/** One that is in its namespaces already, and waits for words to become. */
interface Ready {
  child: ChildProcess;
  key: string;
  /** The mounts as they were when its namespace was made. */
  mounts: string;
}

let ready: Ready | undefined;
let preparation: NodeJS.Timeout | undefined;

/** Milliseconds after a start until the next one is made ready: not in the way of what goes on just then. */
const pause = 250;
/** Milliseconds that one is kept; who creates containers, creates the next soon. */
const kept = 5 * 60_000;

/** Starts a command without input, with fd 2 and 3 as pipes to us, in a process group of its own. */
export function startHere({ argv, cwd, env }: Start): ChildProcess {
  return spawnWith("ignore", { argv, cwd, env });
}

function spawnWith(stdin: "ignore" | "pipe", { argv, cwd, env }: Start): ChildProcess {
  const [file = "", ...args] = argv;
  return spawn(file, args, { cwd, env, detached: true, stdio: [stdin, "ignore", "pipe", "pipe"] });
}

/**
 * As `startHere`, in mount (rootless: and user) namespaces of its own. Starting a process costs what the
 * copying of our page tables costs (3 ms at 50 MB of memory, 15 at 200), and entering namespaces a few more:
 * so after a start the next process is made ready, in its namespaces, and is then given its words on standard
 * input. It ends with us, unused after five minutes, and is not used when a mount came or went meanwhile,
 * which its namespace may not have seen.
 */
export async function startIsolated(start: Start, isolation: Isolation): Promise<ChildProcess> {
  const { privileges, busybox } = isolation;
  const key = JSON.stringify([busybox, privileges.rootless, start.env]);
  const child = await take(key);
  if (busybox !== undefined) prepareLater(start.env, { privileges, busybox }, key);
  if (!child) return startHere({ ...start, argv: privileges.isolate(start.argv) });
  child.ref();
  for (const stream of pipes(child)) stream.ref();
  // Words end with a NUL: xargs -0 hands them on as they are, and no shell parses them.
  child.stdin?.end([start.cwd, ...start.argv].map((word) => `${word}\0`).join(""));
  return child;
}

async function take(key: string): Promise<ChildProcess | undefined> {
  const found = ready;
  if (!found) return undefined;
  ready = undefined;
  const mounts = await readMounts();
  const { child } = found;
  const waits = child.exitCode === null && child.signalCode === null;
  if (waits && found.key === key && found.mounts === mounts) return child;
  discard(child);
  return undefined;
}

function prepareLater(
  env: NodeJS.ProcessEnv,
  isolation: Isolation & { busybox: string },
  key: string,
): void {
  clearTimeout(preparation);
  preparation = setTimeout(() => void prepare(env, isolation, key), pause).unref();
}

async function prepare(
  env: NodeJS.ProcessEnv,
  { privileges, busybox }: Isolation & { busybox: string },
  key: string,
): Promise<void> {
  // Before: a mount that comes while the namespace is made is one too many, not one too few.
  const mounts = await readMounts();
  if (ready || mounts === undefined) return;
  const enter = [busybox, "sh", "-c", 'cd "$0" && exec "$@"'];
  const argv = privileges.isolate([busybox, "xargs", "-0", "-r", ...enter]);
  const child = spawnWith("pipe", { argv, cwd: "/", env });
  // It could not be started, or was ended: then it has an exit code, and is not taken.
  child.on("error", () => {});
  child.stdin?.on("error", () => {});
  child.unref();
  for (const stream of pipes(child)) stream.unref();
  ready = { child, key, mounts };
  setTimeout(() => {
    if (ready?.child !== child) return;
    ready = undefined;
    discard(child);
  }, kept).unref();
}

/** Its input ends without a word, so it ends too. */
function discard(child: ChildProcess): void {
  for (const stream of pipes(child)) stream.destroy();
}

function pipes(child: ChildProcess): Socket[] {
  return child.stdio.filter((stream) => stream !== null && stream !== undefined) as Socket[];
}

function readMounts(): Promise<string | undefined> {
  return readFile("/proc/self/mountinfo", "utf8").catch(() => undefined);
}
