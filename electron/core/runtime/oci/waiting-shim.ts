import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Disposable } from "#shared/base/disposable";
import { type Isolation, isolated, readMounts } from "./starter.ts";

/** File descriptors of the one that waits, beside 0 to 2. */
const [sync, start, words] = [3, 4, 5];

/**
 * Makes the fifo that its first argument names, if any. Then takes the words of a command on fd 5, one a line, runs it,
 * says its exit status on fd 1, and ends. Meanwhile conmon, in the same namespaces, holds fd 3 and waits on fd 4 as its
 * main() does where it finds _OCI_STARTPIPE.
 */
const script =
  `[ -z "$1" ] || mkfifo -m 600 "$1" || exit; shift; ` +
  `{ set --; while IFS= read -r word; do set -- "$@" "$word"; done; [ $# -gt 0 ] && { "$@"; echo $?; }; } ` +
  `<&${words} ${words}<&- ${start}<&- ${sync}>&- & exec "$@" ${words}<&-`;

/**
 * The shim of a container that may come: conmon, started so far that it waits for nothing but the word to create
 * it, and a shell beside it that can mount the root file system. Starting both takes a third of what starting a
 * container takes. They have no bundle: one that nobody wants, because it was let go of or because its manager was
 * killed, reads the end of its pipes, finds no bundle and ends.
 */
export class WaitingShim implements Disposable {
  readonly #child: ChildProcess;
  readonly #key: string;
  /** The mounts as they were when its namespace was made. */
  readonly #mounts: string | undefined;
  #gone = false;

  /** `argv` is conmon's; `fifo` is made before that is started. */
  constructor(
    argv: string[],
    isolation: Isolation & { busybox: string },
    { path, fifo = "" }: { path: string; fifo?: string | undefined },
  ) {
    const { busybox } = isolation;
    // Before: a mount that comes while the namespace is made is one too many, not one too few.
    this.#mounts = readMounts();
    this.#key = JSON.stringify([argv, isolation.within]);
    const [file = "", ...rest] = isolated(
      [busybox, "sh", "-c", script, "sh", fifo, ...argv],
      isolation,
    );
    this.#child = spawn(file, rest, {
      cwd: "/",
      env: {
        ...process.env,
        ...{ PATH: path, TMPDIR: undefined },
        ...{ _OCI_SYNCPIPE: String(sync), _OCI_STARTPIPE: String(start) },
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
  }

  /** Whether it is as good as one that is started now. A mount that came meanwhile its namespace may not have. */
  fits(argv: string[], { within }: Isolation): boolean {
    const { exitCode, signalCode } = this.#child;
    return (
      !this.#gone &&
      exitCode === null &&
      signalCode === null &&
      this.#key === JSON.stringify([argv, within]) &&
      this.#mounts !== undefined &&
      this.#mounts === readMounts()
    );
  }

  /** Runs a command in its namespaces, once. False when it could not be run, or failed. */
  async prepare(argv: string[]): Promise<boolean> {
    if (argv.some((word) => word.includes("\n"))) return false;
    const answer = this.#child.stdout as Socket;
    const ended = new Promise<boolean>((resolve) => {
      // conmon has fd 1 open, too: a failure is not told by its end.
      answer.once("data", (status: Buffer) => resolve(status.toString() === "0\n"));
      answer.once("close", () => resolve(false));
    });
    for (const stream of this.#pipes()) stream.ref();
    this.#stream(words).end(argv.map((word) => `${word}\n`).join(""));
    return ended;
  }

  /** Lets conmon go on. From here it is the caller's. */
  go(): ChildProcess {
    this.#gone = true;
    this.#child.ref();
    this.#stream(start).end("\n");
    return this.#child;
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

  #stream(fd: number): Socket {
    return this.#child.stdio[fd] as Socket;
  }

  #pipes(): Socket[] {
    return this.#child.stdio.filter((stream) => stream instanceof Object) as Socket[];
  }
}
