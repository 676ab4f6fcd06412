import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Disposable } from "#shared/base/disposable";
import type { ProcessInput } from "../runtime.ts";
import { openAttach } from "../oci/attach.ts";
import { type Conmon, control, createArgs, spawnShim } from "../oci/conmon.ts";
import { exists, findShim, killShim, readNumber, signalPid } from "../process-dir.ts";
import { endInput, startCarrier } from "../input-end.ts";
import type { Stdio } from "./task-service.ts";

/**
 * Who holds a process's standard streams while its shim runs it: a conmon, as for every other container here. The
 * shim writes into fifos, three `cat` carry what comes to conmon's pipes, and conmon keeps the log, takes input at
 * its attach socket and opens its log anew when asked.
 *
 * Why not the shims' own `binary://` logger: it has no way in (no standard input without a terminal), and it would
 * be a program of ours in every container's life: a Node of some 40 MB each. This takes under 1 MB, needs nothing that
 * is not here already, outlives the manager, works for terminals and pipes alike, and the log is the same because the
 * same program writes it. It ends by itself when the shim closes the fifos; then conmon has drained everything and
 * writes its `exit`, which says that the log is complete, whether or not a manager lives.
 *
 * In its directory: the fifos stdin, stdout and stderr, conmon's ctl, attach, shim.pid and exit, and pid, whose process
 * is conmon's "container" and leads the session of the cats.
 */
export class ShimStdio {
  readonly #dir: string;

  get directory(): string {
    return this.#dir;
  }

  constructor(processDir: string) {
    this.#dir = join(processDir, "stdio");
  }

  /** Starts it; resolves when the fifos are there. */
  async open(request: {
    conmon: Conmon;
    busybox: string | undefined;
    id: string;
    logPath: string;
    terminal: boolean;
    stdin: boolean;
    context: string;
  }): Promise<{ paths: Stdio; lifeline: Disposable }> {
    const { conmon, busybox, id, logPath, terminal, context } = request;
    const dir = this.#dir;
    const stdin = request.stdin || terminal;
    await mkdir(dir);
    const script = [
      "-c",
      holder,
      busybox ?? "",
      dir,
      terminal ? "" : "stderr",
      stdin ? "stdin" : "",
    ];
    const { lifeline } = await spawnShim({
      argv: createArgs(conmon, {
        ...{ id, dir, logPath, stdin, bundle: dir },
        // The terminal is the shim's; to conmon it is a pipe.
        terminal: false,
        ...{ busybox, holdsOnly: true },
        runtimePath: busybox ?? "/bin/sh",
        runtimeArgs: busybox ? ["sh", ...script] : script,
      }),
      cwd: dir,
      context,
      runtimeLog: join(dir, "runtime.log"),
    });
    const path = (name: string): string => join(dir, name);
    return {
      paths: {
        stdin: stdin ? path("stdin") : "",
        stdout: path("stdout"),
        stderr: terminal ? "" : path("stderr"),
      },
      lifeline: { dispose: () => void lifeline.destroy() },
    };
  }

  openInput(): Promise<ProcessInput> {
    return openAttach(join(this.#dir, "attach"));
  }

  /** Lets go of our end of the fifo, once what was written is in it (input-end.ts). */
  async endInput(): Promise<void> {
    await endInput(this.#dir, await readNumber(join(this.#dir, "shim.pid")));
  }

  /** conmon's control line 2: it closes its log and opens it anew. */
  reopenLog(): Promise<void> {
    return control(join(this.#dir, "ctl"), "2 0 0\n");
  }

  /**
   * Resolves when everything the process wrote is in its log; at the latest after two seconds, when something that
   * outlives the process still holds its streams.
   */
  async drained(): Promise<void> {
    const end = Date.now() + 2000;
    for (let pause = 1; Date.now() < end; pause = Math.min(pause * 2, 50)) {
      if (await exists(join(this.#dir, "exit"))) return;
      if (pause > 8 && !(await findShim(this.#dir))) return;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Ends it, whatever state it is in. Idempotent. */
  async end(): Promise<void> {
    await killShim(this.#dir);
    const pid = await readNumber(join(this.#dir, "pid"));
    if (pid === undefined || !(await isHolder(pid, this.#dir))) return;
    // Its session: the cats too.
    signalPid(-pid, 9);
  }
}

/** A pid may be another's by now: ours has the directory among its arguments. */
async function isHolder(pid: number, dir: string): Promise<boolean> {
  return (await argumentsOf(pid)).includes(dir);
}

/** Ends every holder of a bundle's processes, also one that was cut off half-way through its start. */
export async function endHolders(processesDir: string): Promise<void> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const isOurs = (arg: string): boolean =>
    arg.startsWith(`${processesDir}/`) && arg.endsWith("/stdio");
  await Promise.all(
    pids.map(async (pid) => {
      if (!(await argumentsOf(pid)).some(isOurs)) return;
      // The leader's session, or one of its shells that has not become a cat yet.
      signalPid(-pid, 9);
      signalPid(pid, 9);
    }),
  );
}

async function argumentsOf(pid: number): Promise<string[]> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.split("\0");
}

/**
 * What conmon runs in place of an OCI runtime, as `sh -c SCRIPT BUSYBOX DIR STDERR STDIN create ... --pid-file P ID`.
 * It makes the fifos and leaves behind, in a session of its own, what carries bytes between them and conmon's pipes.
 * Opening a fifo waits for the shim to open its end; the process ends with the shim's last writer.
 */
const holder = `
box=$0 dir=$1 stderr=$2 stdin=$3
run() { if [ -n "$box" ]; then "$box" "$@"; else "$@"; fi; }
for name in stdout $stderr $stdin; do run mkfifo -m 600 "$dir/$name" || exit 1; done
inner='
box=$0 dir=$1 stderr=$2 stdin=$3
run() { if [ -n "$box" ]; then exec "$box" "$@"; else exec "$@"; fi; }
if [ -n "$stdin" ]; then ${startCarrier("$dir/stdin")}; in=$!; fi
exec 3<&-
if [ -n "$stderr" ]; then (run cat <"$dir/stderr" >&2) & err=$!; fi
(run cat <"$dir/stdout") & out=$!
wait $out $err
[ -z "$in" ] || kill "$in" 2>/dev/null
'
# A job in the background gets /dev/null for its standard input; conmon's pipe stays at 3.
exec 3<&0
(if [ -n "$box" ]; then set -- "$box" setsid "$box"; else set -- setsid; fi
exec "$@" sh -c "$inner" "$box" "$dir" "$stderr" "$stdin") &
echo $! >"$dir/pid"
`;
