import { join } from "node:path";
import type { Ability } from "#shared/contract/system";
import { readNumber } from "../process-dir.ts";

/**
 * gVisor's runsc, and what is different with it: its containers have a kernel of their own, which knows their
 * processes by its own pids and delivers their signals. Measured with 20221219, on its default platform.
 */
export const sandboxName = "runsc";

/**
 * Its own network takes the interfaces of a namespace that is filled before the container is made. What a container
 * writes it would, since 2023, keep in a file of its own format in the root file system.
 */
export const sandboxFlags = ["--network=none", "--overlay2=none"];

/** Not to be tried. */
export const sandboxLacks: Record<"checkpoint" | "limits", Ability> = {
  checkpoint: {
    ok: false,
    reason: "runsc ends a container that it checkpoints, and makes another in its place",
  },
  limits: { ok: false, reason: "runsc can't change limits while a container runs" },
};

/** Where `exec` notes a process's pid inside. */
const innerPid = "inner.pid";

/**
 * runsc gives its standard streams to the user nobody, as whom the sandbox runs, and conmon's /dev/null is this
 * machine's: in its place it has a pipe at its end, and what conmon takes for errors.
 */
const run = `
[ ! -c /proc/self/fd/1 ] || exec >&2
[ ! -c /proc/self/fd/0 ] || { : | "$@"; exit; }
exec "$@"
`;

/** A runtime's command line that another user may be given the standard streams of. */
export function sandboxCreate(
  busybox: string | undefined,
  runtime: { path: string; args: string[] },
): { path: string; args: string[] } {
  return inShell(busybox, [run, sandboxName, runtime.path, ...runtime.args]);
}

function inShell(busybox: string | undefined, script: string[]): { path: string; args: string[] } {
  return { path: busybox ?? "/bin/sh", args: [...(busybox ? ["sh"] : []), "-c", ...script] };
}

/**
 * The command line of `exec` as conmon begins it, so that what conmon adds fits: runsc knows a terminal by its socket
 * and no --tty, and is asked for the pid inside.
 */
export function sandboxExec(
  busybox: string | undefined,
  dir: string,
  runtime: { path: string; args: string[] },
): { path: string; args: string[] } {
  return inShell(busybox, [adapt, join(dir, innerPid), runtime.path, ...runtime.args]);
}

const adapt = `
for word do
  shift
  [ "$word" = --tty ] || set -- "$@" "$word"
  [ "$word" != exec ] || set -- "$@" --internal-pid-file "$0"
done
${run}`;

/** The pid inside of an exec with this directory; undefined for init's. */
export function sandboxPid(dir: string): Promise<number | undefined> {
  return readNumber(join(dir, innerPid));
}

/** The container of a file in runsc's own directory, `NAME_sandbox:NAME.state`, whose name ends with `mark`. */
export function sandboxContainer(file: string, mark: string): string | undefined {
  const name = /^.*_sandbox:(.+)\.state$/.exec(file)?.[1];
  return name?.endsWith(`.${mark}`) ? name.slice(0, -mark.length - 1) : undefined;
}

/** The files in that directory that are a container's. */
export function sandboxFiles(name: string): string[] {
  return ["state", "lock"].map((end) => `${name}_sandbox:${name}.${end}`);
}
