import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { readMounts, unchangedAt } from "#core/host/mounts";
import type { Disposable } from "#shared/base/disposable";
import { type Isolation, isolated } from "./starter.ts";

/** File descriptors of the one that waits, beside 0 to 2. */
const [sync, start, words] = [3, 4, 5];

/**
 * Makes the fifo that its first argument names, if any. Then takes commands on fd 5, each as the number of its words and
 * these, a line each, runs them, and says their exit status on fd 1. At the end of fd 5 it ends; where the fifo is still
 * one, whoever waits there, or comes to it later, reads an empty file. Meanwhile conmon, in the same namespaces, holds
 * fd 3; it waits on fd 4, as its main() does where it finds _OCI_STARTPIPE.
 */
const script =
  `fifo=$1; [ -z "$fifo" ] || mkfifo -m 600 "$fifo" || exit; shift; ` +
  `{ while IFS= read -r left; do set --; ` +
  `while [ "$left" -gt 0 ]; do IFS= read -r word; set -- "$@" "$word"; left=$((left - 1)); done; ` +
  `"$@" </dev/null; echo $?; done; ` +
  // Opened for both: that waits for nobody.
  `[ ! -p "$fifo" ] || { : >"$fifo.none" && mv "$fifo.none" "$fifo"; } 6<>"$fifo"; } ` +
  `<&${words} ${words}<&- ${start}<&- ${sync}>&- & [ -z "$fifo" ] || exec ${start}<&-; exec "$@" ${words}<&-`;

/**
 * The shim of a container that may come: conmon, and a shell beside it that can mount its root file system. Starting
 * both takes a third of what starting a container takes. One that nobody wants, because it was let go of or because its
 * manager was killed, reads the end of its pipes, finds no bundle, or no spec in it, and ends.
 */
export class WaitingShim implements Disposable {
  readonly #child: ChildProcess;
  readonly #key: string;
  /** The mounts as they were before its namespace was made. */
  readonly #mounts: string | undefined;
  /** Its runtime is started, too. */
  readonly #ahead: boolean;
  #gone = false;
  #running: Promise<boolean> = Promise.resolve(true);
  readonly #end = (): void => this.dispose();

  /** `argv` is conmon's. With a `fifo` for its spec, which is made before, its runtime is started at once. */
  constructor(
    argv: string[],
    isolation: Isolation & { busybox: string },
    { path, fifo }: { path: string; fifo?: string | undefined },
  ) {
    const { busybox } = isolation;
    // Before: a mount that comes while the namespace is made is one too many, not one too few.
    this.#mounts = readMounts();
    this.#key = JSON.stringify([argv, isolation.within]);
    this.#ahead = fifo !== undefined;
    const [file = "", ...rest] = isolated(
      [busybox, "sh", "-c", script, "sh", fifo ?? "", ...argv],
      isolation,
    );
    this.#child = spawn(file, rest, {
      cwd: "/",
      env: {
        ...process.env,
        ...{ PATH: path, TMPDIR: undefined },
        ...{ _OCI_SYNCPIPE: String(sync), _OCI_STARTPIPE: this.#ahead ? undefined : String(start) },
      },
      // A process group of its own, which is how to end all of it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe"],
    });
    // It could not be started, or was ended: then it has an exit code, and is not used.
    this.#child.on("error", () => {});
    this.#child.unref();
    for (const stream of this.#pipes()) {
      stream.on("error", () => {});
      stream.unref();
    }
    // A word now is of a failure, its end of conmon's: both are told by one that is started anew.
    if (this.#ahead) this.#stream(sync).on("data", this.#end).on("end", this.#end);
  }

  /** Whether it is as good as one that is started now, but for what mounts its namespace has. */
  fits(argv: string[], { within }: Isolation): boolean {
    const { exitCode, signalCode } = this.#child;
    return (
      !this.#gone &&
      // Its process ends with status 0 once conmon has gone to the background.
      (exitCode === null || (this.#ahead && exitCode === 0)) &&
      signalCode === null &&
      this.#key === JSON.stringify([argv, within])
    );
  }

  /** Whether it finds at these paths what one that is started now would, see unchangedAt. */
  finds(paths: string[] | undefined): Promise<boolean> {
    return unchangedAt(this.#mounts, paths);
  }

  /** Runs a command in its namespaces, after those before. False when it could not be run, or failed. */
  run(argv: string[]): Promise<boolean> {
    this.#running = this.#running.then(() => this.#run(argv));
    return this.#running;
  }

  /** Keeps this process from ending while it is waited for. */
  hold(): void {
    for (const stream of this.#pipes()) stream.ref();
  }

  /** Lets conmon go on, if it has not already. From here it is the caller's, who calls `leave` once its runtime has the spec. */
  go(): ChildProcess {
    this.#gone = true;
    this.#stream(sync).off("data", this.#end).off("end", this.#end).pause();
    this.#child.ref();
    if (this.#ahead) this.#stream(start).destroy();
    else this.#stream(start).end("\n");
    return this.#child;
  }

  /** No more commands come. Whoever still waits for a spec is told that there is none. */
  leave(): void {
    this.#stream(words).end();
  }

  dispose(): void {
    if (this.#gone) return;
    this.#gone = true;
    // Before its pipes end: conmon would take that for the word to go on, and its bundle may be there by now.
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
    for (const stream of this.#pipes()) stream.destroy();
  }

  async #run(argv: string[]): Promise<boolean> {
    if (argv.some((word) => word.includes("\n"))) return false;
    const answer = this.#child.stdout as Socket;
    if (answer.destroyed) return false;
    const ended = new Promise<boolean>((resolve) => {
      // conmon has fd 1 open, too: a failure is not told by its end.
      answer.once("data", (status: Buffer) => resolve(status.toString() === "0\n"));
      answer.once("close", () => resolve(false));
    });
    const lines = [String(argv.length), ...argv];
    this.#stream(words).write(lines.map((line) => `${line}\n`).join(""));
    return ended;
  }

  #stream(fd: number): Socket {
    return this.#child.stdio[fd] as Socket;
  }

  #pipes(): Socket[] {
    return this.#child.stdio.filter((stream) => stream instanceof Object) as Socket[];
  }
}
