import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { StartedCommand } from "#core/host/command";
import { readMounts, unchangedAt } from "#core/host/mounts";
import type { Privileges } from "#core/host/privileges";

export interface Start {
  argv: string[];
  /** Absolute. */
  cwd: string;
  /** Where the command looks for others; else our own PATH. */
  path?: string;
}

/** Who enters the namespaces, and the static busybox to wait in them with, where there is one. */
export interface Isolation {
  privileges: Privileges;
  busybox: string | undefined;
  /** A mount to be taken away in the new namespace: cgroup v2's, for a runtime that refuses hybrid cgroups. */
  hide?: string | undefined;
  /** See Privileges.isolate. */
  within?: number | undefined;
}

/** One that waits for words to become, in its namespaces already. */
interface Ready {
  child: ChildProcess;
  /** The mounts as they were before its namespace was made; undefined: it has ours. */
  mounts: string | undefined;
}

/** How one is made ready. */
interface Kind {
  key: string;
  stdout: "ignore" | "pipe";
  isolation: Isolation | undefined;
  busybox: string;
}

const ready = new Map<string, Ready>();
const preparations = new Map<string, NodeJS.Timeout>();

/** What a command begins with: its directory, and PATH. */
const enter = 'cd "$1" && export PATH="$2" && shift 2';

/**
 * Takes words a line each, runs the command, which has no fd 3, and says its exit status there. Its standard input is
 * the words' pipe at its end (see run.ts). A shell reads a pipe byte by byte: xargs, which doesn't, costs two starts
 * of a process and is better for many words only.
 */
const receive =
  'while IFS= read -r word; do set -- "$@" "$word"; done; [ $# -gt 2 ] || exit 0; ' +
  `${enter} && { "$@" 3>&-; echo $? >&3; }`;

/** Milliseconds after a start until the next one is made ready: not in the way of what goes on just then. */
const pause = 150;
/** Milliseconds that one is kept: who creates many does not wait between them, and one alone is fast enough. */
const kept = 30_000;

/**
 * Starts a command without input, with fd 2 and 3 as pipes to us, in a process group of its own. conmon finds fd 3
 * by its environment, and TMPDIR unset: it binds its console socket there, and truncates a path beyond 108 bytes.
 */
export function startHere(start: Start): ChildProcess {
  return spawnWith("ignore", "ignore", start);
}

function spawnWith(
  stdin: "ignore" | "pipe",
  stdout: "ignore" | "pipe",
  { argv, cwd, path }: Start,
): ChildProcess {
  const [file = "", ...args] = argv;
  const env = {
    ...process.env,
    ...(path && { PATH: path }),
    TMPDIR: undefined,
    _OCI_SYNCPIPE: "3",
  };
  return spawn(file, args, { cwd, env, detached: true, stdio: [stdin, stdout, "pipe", "pipe"] });
}

/** argv in namespaces of its own. */
export function isolated(argv: string[], isolation: Isolation): string[] {
  const { privileges, busybox, hide, within } = isolation;
  const [shell, applet] = busybox ? [[busybox, "sh"], '"$0" '] : [["sh"], ""];
  // What came from the machine's mount namespace can't be taken away in a user namespace, only covered.
  const away = privileges.rootless ? "mount -t tmpfs tmpfs" : "umount";
  const script = `${applet}${away} "$1" && shift && exec "$@"`;
  return privileges.isolate(
    hide === undefined ? argv : [...shell, "-c", script, busybox ?? "sh", hide, ...argv],
    within,
  );
}

/**
 * As `startHere`, in mount (rootless: and user) namespaces of its own. Starting a process costs what the
 * copying of our page tables costs (3 ms at 50 MB of memory, 15 at 200), and entering namespaces a few more:
 * so after a start the next process is made ready, in its namespaces, and is then given its words on standard
 * input. It ends with us, unused after half a minute, and is not used when a mount came or went meanwhile where it
 * looks, which its namespace may not have seen.
 */
export function startIsolated(
  start: Start,
  isolation: Isolation,
  taken: ChildProcess | undefined,
): ChildProcess {
  if (!taken) return startHere({ ...start, argv: isolated(start.argv, isolation) });
  give(taken, start, "\0");
  return taken;
}

/** One made ready for `startIsolated`, if there is one; `uses` are the paths that will be looked at, see unchangedAt. */
export async function takeIsolated(
  isolation: Isolation,
  uses: string[] | undefined,
): Promise<ChildProcess | undefined> {
  const { privileges, busybox, hide, within } = isolation;
  if (busybox === undefined) return undefined;
  const key = JSON.stringify([busybox, privileges.rootless, hide, within]);
  const found = takeReady({ key, stdout: "ignore", isolation, busybox });
  if (!found) return undefined;
  const unchanged = await unchangedAt(found.mounts, uses);
  if (unchanged && isWaiting(found.child)) return found.child;
  discard(found.child);
  return undefined;
}

/**
 * Runs a command without input to its end, with its output as pipes to us; undefined when none is ready. In a
 * process group of its own, which is how to end it.
 */
export function startPiped(start: Start, busybox: string): StartedCommand | undefined {
  if ([start.cwd, start.path, ...start.argv].some((word) => word?.includes("\n"))) return undefined;
  const found = takeReady({ key: "piped", stdout: "pipe", isolation: undefined, busybox });
  if (!found) return undefined;
  const { child } = found;
  let said = "";
  (child.stdio[3] as Socket).on("data", (chunk: Buffer) => {
    said += chunk.toString("latin1");
  });
  give(child, start, "\n");
  return { child, code: () => (said === "" ? undefined : Number.parseInt(said, 10)) };
}

/** No shell parses any of the words: they end with what the one that waits reads them by. */
function give(child: ChildProcess, start: Start, end: "\0" | "\n"): void {
  const { cwd, path = process.env.PATH ?? "", argv } = start;
  child.ref();
  for (const stream of pipes(child)) stream.ref();
  child.stdin?.end([cwd, path, ...argv].map((word) => word + end).join(""));
}

function takeReady(kind: Kind): Ready | undefined {
  const found = ready.get(kind.key);
  ready.delete(kind.key);
  prepareLater(kind);
  if (!found || isWaiting(found.child)) return found;
  discard(found.child);
  return undefined;
}

const isWaiting = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;

function prepareLater(kind: Kind): void {
  clearTimeout(preparations.get(kind.key));
  preparations.set(kind.key, setTimeout(() => prepare(kind), pause).unref());
}

function prepare({ key, stdout, isolation, busybox }: Kind): void {
  // Before: a mount that comes while the namespace is made is one too many, not one too few.
  const mounts = isolation && readMounts();
  if (ready.has(key) || (isolation && mounts === undefined)) return;
  const argv = waiting(busybox, isolation);
  const child = spawnWith("pipe", stdout, { argv, cwd: "/" });
  // It could not be started, or was ended: then it has an exit code, and is not taken.
  child.on("error", () => {});
  child.stdin?.on("error", () => {});
  child.unref();
  for (const stream of pipes(child)) stream.unref();
  ready.set(key, { child, mounts });
  setTimeout(() => {
    if (ready.get(key)?.child !== child) return;
    ready.delete(key);
    discard(child);
  }, kept).unref();
}

/** argv of one that waits for its words. Who lets go of it without a word wants nothing done. */
export function waiting(busybox: string, isolation: Isolation | undefined): string[] {
  if (!isolation) return [busybox, "sh", "-c", receive, "sh"];
  const run = [busybox, "sh", "-c", `${enter} && exec "$@"`, "sh"];
  return isolated([busybox, "xargs", "-0", "-r", ...run], isolation);
}

/** Its input ends without a word, so it ends too. */
function discard(child: ChildProcess): void {
  for (const stream of pipes(child)) stream.destroy();
}

function pipes(child: ChildProcess): Socket[] {
  return child.stdio.filter((stream) => stream !== null && stream !== undefined) as Socket[];
}
