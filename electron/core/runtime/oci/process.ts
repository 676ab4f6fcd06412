import { watch } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { cgroupDirs, oomKills } from "#core/host/cgroup";
import { mustRun } from "#core/host/command";
import type { Privileges } from "#core/host/privileges";
import { type ProcessIdentity, type ProcessWatch, isAlive } from "#core/host/proc";
import { type Disposable, DisposableStore, toDisposable } from "#shared/base/disposable";
import { AppError, type ErrorInfo, isCode } from "#shared/errors";
import { ExitLatch } from "../exit-latch.ts";
import type { CallOptions, ExitStatus, Process, ProcessInput, TaskEvent } from "../runtime.ts";
import { openAttach } from "./attach.ts";
import { control } from "./conmon.ts";
import { type ProcessFile, type ProcessFiles, exists, readExit, signalPid } from "./process-dir.ts";

/** What a process needs of its task. */
export interface ProcessHost {
  readonly name: string;
  readonly privileges: Privileges;
  readonly processWatch: ProcessWatch;
  readonly cgroupsPath: string | undefined;
  /** When nobody noted the end: the last time anything is known of it. */
  lastSign(): Promise<number>;
  fire(event: TaskEvent): void;
  /** A living process of the task, for entering (Privileges.enter). */
  entry(): number | undefined;
  forget(process: OciProcess): void;
}

interface Parts {
  id: string;
  directory: string;
  /** Where conmon put `attach` and `ctl`. */
  socketDirectory: string;
  logPath: string;
  file: ProcessFile;
  terminal: boolean;
  stdin: boolean;
}

/** A process whose shim is a conmon. Its directory is its whole state; this object follows it. */
export class OciProcess implements Process, Disposable {
  readonly id: string;
  readonly args: readonly string[];
  readonly user: string | undefined;
  readonly terminal: boolean;
  readonly createdAt: number;
  readonly directory: string;
  readonly logPath: string;
  readonly #host: ProcessHost;
  readonly #parts: Parts;
  readonly #watches = new DisposableStore();
  readonly #latch = new ExitLatch();
  #identity: ProcessIdentity | undefined;
  #shim: ProcessIdentity | undefined;
  #lost: ErrorInfo | undefined;
  #oom = false;
  #settling: Promise<void> | undefined;
  /** Files still being written into the directory; awaited before it is removed. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(host: ProcessHost, parts: Parts, files: ProcessFiles) {
    this.#host = host;
    this.#parts = parts;
    this.id = parts.id;
    this.args = parts.file.args;
    this.user = parts.file.shimyard.user;
    this.terminal = parts.terminal;
    this.createdAt = parts.file.shimyard.createdAt;
    this.directory = parts.directory;
    this.logPath = parts.logPath;
    this.#identity = files.process;
    this.#shim = files.shim;
    this.#oom = files.oom;
  }

  /**
   * Begins to follow the directory and the shim; resolves when what happened so far is known. `lifeline`, of a
   * shim that we started ourselves, ends with it; it is destroyed here.
   */
  async follow(files: ProcessFiles, sameBoot: boolean, lifeline?: Socket): Promise<void> {
    if (lifeline) {
      lifeline.on("close", () => void this.#settle());
      this.#watches.add(toDisposable(() => lifeline.destroy()));
    }
    if (files.exit) {
      await this.#ended(files.exit.code, files.exit.at, files.exitTold);
      return;
    }
    if (!sameBoot) {
      await this.#ended(undefined, await this.#host.lastSign(), files.exitTold);
      return;
    }
    this.#watchDirectory();
    await this.#followShim(files.exitTold);
    // What came between reading the files and the watch.
    if (!this.#exit && (await exists(join(this.directory, "exit")))) await this.#settle();
  }

  get identity(): ProcessIdentity | undefined {
    return this.#identity;
  }

  get shim(): ProcessIdentity | undefined {
    return this.#shim;
  }

  /** Why the shim is lost; undefined while it lives, and after a proper exit. */
  get lost(): ErrorInfo | undefined {
    return this.#lost;
  }

  get #exit(): ExitStatus | undefined {
    return this.#latch.value;
  }

  get state(): Process["state"] {
    const status = this.#exit ? "exited" : this.#lost ? "lost" : "running";
    return { status, pid: this.#exit ? undefined : this.#identity?.pid, exit: this.#exit };
  }

  async openInput(): Promise<ProcessInput> {
    if (!this.#parts.terminal && !this.#parts.stdin) {
      throw new AppError(
        "FAILED_PRECONDITION",
        `The standard input of ${this.#host.name} is closed`,
        { hint: "Create the container with standard input kept open, or with a terminal." },
      );
    }
    return openAttach(join(this.#parts.socketDirectory, "attach"));
  }

  async resize(size: { cols: number; rows: number }): Promise<void> {
    await control(join(this.#parts.socketDirectory, "ctl"), `1 ${size.rows} ${size.cols}\n`);
  }

  /** conmon's control line 2: it closes its log and opens it anew. */
  async reopenLog(): Promise<void> {
    await control(join(this.#parts.socketDirectory, "ctl"), "2 0 0\n");
  }

  async kill(signal: number): Promise<void> {
    const identity = this.#identity;
    if (this.#exit || !identity || !(await isAlive(identity))) throw this.#gone();
    await this.signal(identity.pid, signal);
    // No shim will tell of its end.
    if (this.#lost) void this.#pollEnd(AbortSignal.timeout(1000)).catch(() => {});
  }

  /** Sends a signal to any pid of the container: in a user namespace it may belong to another user. */
  async signal(pid: number, signal: number): Promise<void> {
    try {
      if (!signalPid(pid, signal)) throw this.#gone();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
      const entry = this.#host.entry();
      const script = ["sh", "-c", 'kill "-$1" "$2"', "sh", String(signal), String(pid)];
      await mustRun(this.#host.privileges.enter(entry, script));
    }
  }

  wait(options: CallOptions = {}): Promise<ExitStatus> {
    return this.#latch.wait(options);
  }

  async remove(): Promise<void> {
    if (this.id === "init") {
      throw new AppError("FAILED_PRECONDITION", "The first process goes with its task");
    }
    await this.end();
    await this.#writing;
    this.dispose();
    await rm(this.directory, { recursive: true, force: true });
    this.#host.forget(this);
  }

  /** Kills it if it runs and waits until that is known, at most 10 s. */
  async end(): Promise<void> {
    if (this.#exit) return;
    const { signal, stop } = deadline(10_000);
    try {
      if (this.#identity && (await isAlive(this.#identity))) {
        // It may end by itself between the look and the signal: that is what was wanted.
        await this.signal(this.#identity.pid, 9).catch(ignoreNotFound);
      }
      if (this.#lost) await this.#pollEnd(signal);
      else await this.wait({ signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new AppError(
        "DEADLINE_EXCEEDED",
        `${this.#host.name} did not end within 10 s of being killed`,
        { hint: "A process may hang in the kernel, on a file system that does not answer." },
      );
    } finally {
      stop();
    }
  }

  /** Resolves when nothing is being written into the directory any more. */
  settled(): Promise<unknown> {
    return this.#writing;
  }

  dispose(): void {
    this.#watches.dispose();
  }

  async #pollEnd(signal: AbortSignal): Promise<void> {
    while (this.#identity && (await isAlive(this.#identity))) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await this.#settle();
  }

  #gone(): AppError {
    return new AppError("NOT_FOUND", `${this.#host.name} has exited already`);
  }

  #watchDirectory(): void {
    try {
      const watcher = watch(this.directory, { persistent: false }, (_event, name) => {
        if (name === "exit") void this.#settle();
        if (name === "oom") this.#noteOom();
      });
      // The shim's end is noticed without it, only later.
      watcher.on("error", () => watcher.close());
      this.#watches.add(toDisposable(() => watcher.close()));
    } catch {
      // No inotify watch to be had (fs.inotify.max_user_watches): as above.
    }
  }

  async #followShim(exitTold: boolean): Promise<void> {
    const shim = this.#shim;
    if (shim && (await isAlive(shim))) {
      this.#watches.add(this.#host.processWatch.add(shim, () => void this.#settle()));
      return;
    }
    await this.#shimGone(exitTold);
  }

  /** Reads what became of it. Called at every sign that something did; harmless when nothing did. */
  #settle(): Promise<void> {
    // After one under way, which may have looked too early.
    const settling = (this.#settling ?? Promise.resolve()).then(() => this.#settleOnce());
    this.#settling = settling;
    return settling;
  }

  async #settleOnce(): Promise<void> {
    if (this.#exit) return;
    const exit = await readExit(this.directory);
    if (exit) await this.#ended(exit.code, exit.at, false);
    else if (!this.#shim || !(await isAlive(this.#shim))) await this.#shimGone(false);
  }

  async #shimGone(exitTold: boolean): Promise<void> {
    // conmon writes the exit before it ends: one that is there now is true.
    const exit = await readExit(this.directory);
    if (exit) {
      await this.#ended(exit.code, exit.at, exitTold);
      return;
    }
    if (!this.#identity || !(await isAlive(this.#identity))) {
      await this.#ended(undefined, this.#lost ? Date.now() : await this.#host.lastSign(), exitTold);
      return;
    }
    if (this.#lost) return;
    const error = new AppError(
      "UNAVAILABLE",
      `The shim of ${this.#host.name} was killed; what it has written since is lost, and its exit status will be`,
      {
        hint: this.#parts.terminal
          ? "It runs on without its terminal. Stop and delete still work; start it again to get a new shim."
          : "It runs on. Stop and delete still work; start it again to get a new shim.",
      },
    ).toInfo();
    this.#lost = error;
    this.#watches.add(this.#host.processWatch.add(this.#identity, () => void this.#settle()));
    this.#host.fire({ type: "shim-lost", processId: this.id, error });
  }

  #noteOom(): void {
    if (this.#oom) return;
    this.#oom = true;
    this.#host.fire({ type: "oom" });
  }

  async #ended(code: number | undefined, exitedAt: number, told: boolean): Promise<void> {
    const { cgroupsPath } = this.#host;
    // conmon hears of a kill for want of memory through an eventfd which it may leave unread at the end.
    if (!this.#oom && code === 137 && cgroupsPath !== undefined) {
      const dirs = await cgroupDirs(cgroupsPath);
      if (dirs && (await oomKills(dirs)) > 0 && this.id === "init") this.#noteOom();
    }
    if (this.#exit) return;
    const exit: ExitStatus = { code, exitedAt, oomKilled: this.#oom && code !== 0 };
    const pid = this.#identity?.pid;
    this.#latch.set(exit);
    this.#watches.dispose();
    if (told) return;
    this.#host.fire({ type: "exit", processId: this.id, pid, exit });
    // Best effort: without it a later manager tells the same exit again.
    this.#writing = writeFile(join(this.directory, "exit-told"), "").catch(() => {});
  }
}

function ignoreNotFound(error: unknown): void {
  if (!isCode(error, "NOT_FOUND")) throw error;
}

/** A signal that aborts after so many milliseconds, unless stopped. */
export function deadline(milliseconds: number): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  return { signal: controller.signal, stop: () => clearTimeout(timer) };
}
