import { rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupDirs, oomKills } from "#core/host/cgroup";
import { type ProcessIdentity, type ProcessWatch, isAlive } from "#core/host/proc";
import { type Disposable, DisposableStore } from "#shared/base/disposable";
import { AppError, type ErrorInfo, isCode } from "#shared/errors";
import { ExitLatch } from "../exit-latch.ts";
import { deadline } from "../oci/process.ts";
import { type ProcessFile, type ProcessFiles, recordNew, signalPid } from "../oci/process-dir.ts";
import type { CallOptions, ExitStatus, Process, ProcessInput, TaskEvent } from "../runtime.ts";
import { Serial } from "../serial.ts";
import { ShimStdio } from "./stdio.ts";
import { type ShimExit, type TaskService, taskStatus } from "./task-service.ts";

/** What a process needs of its task. */
export interface ShimProcessHost {
  readonly name: string;
  readonly processWatch: ProcessWatch;
  readonly cgroupsPath: string | undefined;
  /** While the shim is there and answers. */
  service(): TaskService | undefined;
  /** Why a shim that lives can't be asked. */
  unanswered(): ErrorInfo | undefined;
  /** When nobody noted the end: the last time anything is known of it. */
  lastSign(): Promise<number>;
  fire(event: TaskEvent): void;
  forget(process: ShimProcess): void;
}

interface Parts {
  id: string;
  directory: string;
  logPath: string;
  file: ProcessFile;
  terminal: boolean;
  stdin: boolean;
}

/**
 * A process that a containerd shim runs. Its directory is as an OCI process's (process-dir.ts), but `pid` and `exit`
 * are written here: the shim only keeps them in memory, until it is told to forget the process or is killed.
 */
export class ShimProcess implements Process, Disposable {
  readonly id: string;
  readonly args: readonly string[];
  readonly user: string | undefined;
  readonly terminal: boolean;
  readonly createdAt: number;
  readonly directory: string;
  readonly logPath: string;
  readonly stdio: ShimStdio;
  readonly #host: ShimProcessHost;
  readonly #parts: Parts;
  readonly #watches = new DisposableStore();
  readonly #latch = new ExitLatch();
  /** Ends are noted one after another: an event, a Wait and a lost shim may all tell of the same. */
  readonly #noting = new Serial();
  #identity: ProcessIdentity | undefined;
  #lost: ErrorInfo | undefined;
  #oom = false;
  #disposed = false;

  constructor(host: ShimProcessHost, parts: Parts, files?: ProcessFiles) {
    this.#host = host;
    this.#parts = parts;
    this.id = parts.id;
    this.args = parts.file.args;
    this.user = parts.file.shimyard.user;
    this.terminal = parts.terminal;
    this.createdAt = parts.file.shimyard.createdAt;
    this.directory = parts.directory;
    this.logPath = parts.logPath;
    this.stdio = new ShimStdio(parts.directory);
    this.#identity = files?.process;
    this.#oom = files?.oom ?? false;
  }

  get identity(): ProcessIdentity | undefined {
    return this.#identity;
  }

  get lost(): ErrorInfo | undefined {
    return this.#lost;
  }

  get state(): Process["state"] {
    const exit = this.#latch.value;
    const status = exit ? "exited" : this.#lost ? "lost" : "running";
    return { status, pid: exit ? undefined : this.#identity?.pid || undefined, exit };
  }

  /** The name the shim knows it by. */
  get execId(): string {
    return this.id === "init" ? "" : this.id;
  }

  /** Notes its pid, so that a later manager finds it. */
  async began(pid: number): Promise<void> {
    await writeFile(join(this.directory, "pid"), String(pid));
    this.#identity = (await recordNew(this.directory, pid)).process ?? {
      ...{ pid, startTime: 0 },
    };
  }

  /** Takes over what an earlier manager left: its exit if that is known, else what the shim says. */
  async load(files: ProcessFiles, sameBoot: boolean): Promise<void> {
    if (files.exit) return this.#ended(files.exit.code, files.exit.at, files.exitTold);
    if (!sameBoot) return this.#ended(undefined, await this.#host.lastSign(), files.exitTold);
    const service = this.#host.service();
    if (!service) return this.shimGone();
    const state = await service.state(this.execId).catch((error: unknown) => {
      if (isCode(error, "NOT_FOUND")) return undefined;
      throw error;
    });
    if (!state) return this.#ended(undefined, await this.#host.lastSign(), files.exitTold);
    if (state.status === taskStatus.stopped) return this.noteExit(state.exit);
    this.follow();
  }

  /** Asks the shim to tell of the end. */
  follow(): void {
    const service = this.#host.service();
    if (!service || this.#latch.value) return;
    service.wait(this.execId).then(
      (exit) => void this.noteExit(exit),
      // The shim went: its task tells, and knows what is to be thought of it.
      () => {},
    );
  }

  /** What the shim told of the end, by whatever way. The first word counts. */
  noteExit(exit: ShimExit): Promise<void> {
    return this.#noting.run(async () => {
      if (this.#latch.value || this.#disposed) return;
      // Who waits for the exit may read the log then.
      await this.stdio.drained();
      await this.#ended(exit.code, exit.at, false);
    });
  }

  noteOom(): void {
    if (this.#oom || this.#latch.value) return;
    this.#oom = true;
    void writeFile(join(this.directory, "oom"), "").catch(() => {});
    this.#host.fire({ type: "oom" });
  }

  /** Its shim is gone or can't be spoken to; also told when the process ends after that. */
  shimGone(): Promise<void> {
    return this.#noting.run(async () => {
      if (this.#latch.value || this.#disposed) return;
      const identity = this.#identity;
      if (!identity || !(await isAlive(identity))) {
        const at = this.#lost ? Date.now() : await this.#host.lastSign();
        await this.#ended(undefined, at, false);
        return;
      }
      if (this.#lost) return;
      const lost = this.#host.unanswered() ?? this.#killedShim();
      this.#lost = lost;
      this.#watches.add(this.#host.processWatch.add(identity, () => void this.shimGone()));
      this.#host.fire({ type: "shim-lost", processId: this.id, error: lost });
    });
  }

  /** The shim answers again. */
  found(): void {
    this.#lost = undefined;
    this.follow();
  }

  async openInput(): Promise<ProcessInput> {
    if (this.#parts.terminal || this.#parts.stdin) return this.stdio.openInput();
    throw new AppError(
      "FAILED_PRECONDITION",
      `The standard input of ${this.#host.name} is closed`,
      { hint: "Create the container with standard input kept open, or with a terminal." },
    );
  }

  async resize(size: { cols: number; rows: number }): Promise<void> {
    await this.#requireService().resize(this.execId, size);
  }

  reopenLog(): Promise<void> {
    return this.stdio.reopenLog();
  }

  async kill(signal: number): Promise<void> {
    if (this.#latch.value) throw this.#gone();
    const service = this.#host.service();
    if (service) {
      await service.kill(this.execId, signal, false, `${this.#host.name} could not be signalled`);
      return;
    }
    const identity = this.#identity;
    if (!identity || !(await isAlive(identity)) || !signalPid(identity.pid, signal)) {
      throw this.#gone();
    }
    // No shim will tell of its end.
    void this.#pollEnd(AbortSignal.timeout(1000)).catch(() => {});
  }

  wait(options: CallOptions = {}): Promise<ExitStatus> {
    return this.#latch.wait(options);
  }

  async remove(): Promise<void> {
    if (this.id === "init") {
      throw new AppError("FAILED_PRECONDITION", "The first process goes with its task");
    }
    await this.end();
    await this.#host
      .service()
      ?.delete(this.execId)
      .catch(() => {});
    await this.discard();
    this.#host.forget(this);
  }

  /** Kills it if it runs and waits until that is known, at most 10 s. */
  async end(): Promise<void> {
    if (this.#latch.value) return;
    const { signal, stop } = deadline(10_000);
    try {
      await this.kill(9).catch(async (error: unknown) => {
        // Also when a shim that hangs refuses: the kernel does not.
        if (isCode(error, "NOT_FOUND")) return;
        const identity = this.#identity;
        if (identity && (await isAlive(identity))) signalPid(identity.pid, 9);
      });
      if (this.#host.service()) await this.wait({ signal });
      else await this.#pollEnd(signal);
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

  /** Lets go of it and removes its directory, whatever it is doing. */
  async discard(): Promise<void> {
    this.dispose();
    await this.#noting.run(() => this.stdio.end());
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Resolves when nothing is being written into the directory any more. */
  settled(): Promise<void> {
    return this.#noting.run(() => Promise.resolve());
  }

  dispose(): void {
    this.#disposed = true;
    this.#watches.dispose();
  }

  #requireService(): TaskService {
    const service = this.#host.service();
    if (service) return service;
    throw new AppError("UNAVAILABLE", "The shim of this process is gone", {
      subject: this.#host.name,
    });
  }

  #gone(): AppError {
    return new AppError("NOT_FOUND", `${this.#host.name} has exited already`);
  }

  #killedShim(): ErrorInfo {
    return new AppError(
      "UNAVAILABLE",
      `The shim of ${this.#host.name} was killed; what it has written since is lost, and its exit status will be`,
      {
        hint: this.terminal
          ? "It runs on without its terminal. Stop and delete still work; start it again to get a new shim."
          : "It runs on, as long as it does not mind that nobody reads what it writes. Stop and delete still work; start it again to get a new shim.",
      },
    ).toInfo();
  }

  async #pollEnd(signal: AbortSignal): Promise<void> {
    while (this.#identity && (await isAlive(this.#identity))) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await this.shimGone();
  }

  async #ended(code: number | undefined, exitedAt: number, told: boolean): Promise<void> {
    if (this.#latch.value) return;
    const { cgroupsPath } = this.#host;
    // The event may be late, or was never sent; the cgroup is there until the shim is told to forget the container.
    if (!this.#oom && code === 137 && cgroupsPath !== undefined && this.id === "init") {
      const dirs = await cgroupDirs(cgroupsPath);
      if (dirs && (await oomKills(dirs)) > 0) this.noteOom();
    }
    const exit: ExitStatus = { code, exitedAt, oomKilled: this.#oom && code !== 0 };
    const pid = this.#identity?.pid;
    this.#watches.dispose();
    if (!told && code !== undefined) await this.#record(code, exitedAt);
    this.#latch.set(exit);
    if (told) return;
    this.#host.fire({ type: "exit", processId: this.id, pid, exit });
    // Best effort: without it a later manager tells the same exit again.
    await writeFile(join(this.directory, "exit-told"), "").catch(() => {});
  }

  /** As conmon does: the status in the file, the time as the file's. Not being able to costs a later manager the status. */
  async #record(code: number, exitedAt: number): Promise<void> {
    const path = join(this.directory, "exit");
    try {
      await writeFile(path, String(code));
      await utimes(path, exitedAt / 1000, exitedAt / 1000);
    } catch {
      // The disk is full, or the directory is gone.
    }
  }
}
