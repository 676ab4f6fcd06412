import { type Disposable, DisposableStore } from "#shared/base/disposable";
import { AppError, type ErrorInfo } from "#shared/errors";
import { ExitLatch } from "./exit-latch.ts";
import type { CallOptions, ExitStatus, Process, ProcessInput, TaskEvent } from "./runtime.ts";

/** What a process needs of its task. */
export interface ProcessHost {
  /** As errors call it: `container "web"`, `process "sh" of container "web"`. */
  readonly name: string;
  /** When nobody noted the end: the last time anything is known of it. */
  lastSign(): Promise<number>;
  fire(event: TaskEvent): void;
  /** It was removed: the list of processes is to be without it. */
  forget(id: string): void;
}

/** What a process is, from its first moment to its last. */
export interface ProcessFacts {
  id: string;
  args: readonly string[];
  /** As the user wrote it. */
  user: string | undefined;
  createdAt: number;
  directory: string;
  logPath: string;
  terminal: boolean;
  /** Standard input is kept open. */
  stdin: boolean;
}

/** Milliseconds for a process that was killed to be gone. */
const endTimeout = 10_000;

/**
 * What the processes of every kind of shim have in common: what they are, how they are lost, run out of memory and
 * end, each told once. A kind supplies the steps below the line; it calls `noteLost`, `noteOom` and `ended` when its
 * shim tells of such.
 */
export abstract class ProcessBase implements Process, Disposable {
  readonly id: string;
  readonly args: readonly string[];
  readonly user: string | undefined;
  readonly terminal: boolean;
  readonly createdAt: number;
  readonly directory: string;
  readonly logPath: string;
  /** What is watched while it runs; let go of at its end. */
  protected readonly watches = new DisposableStore();
  readonly #host: ProcessHost;
  readonly #stdin: boolean;
  readonly #latch = new ExitLatch();
  #lost: ErrorInfo | undefined;
  #oom: boolean;
  #disposed = false;
  /** Notes still being written; awaited before what they are written into is removed. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(host: ProcessHost, facts: ProcessFacts, oom = false) {
    this.#host = host;
    this.#stdin = facts.stdin;
    this.#oom = oom;
    this.id = facts.id;
    this.args = facts.args;
    this.user = facts.user;
    this.terminal = facts.terminal;
    this.createdAt = facts.createdAt;
    this.directory = facts.directory;
    this.logPath = facts.logPath;
  }

  get state(): Process["state"] {
    const { exit } = this;
    const status = exit ? "exited" : this.#lost ? "lost" : "running";
    return { status, pid: exit ? undefined : this.pid, exit };
  }

  /** Why its shim is lost; undefined while that lives, and after a proper exit. */
  get lost(): ErrorInfo | undefined {
    return this.#lost;
  }

  async openInput(): Promise<ProcessInput> {
    await this.#assertInput();
    return this.connectInput();
  }

  async closeInput(): Promise<void> {
    if (this.terminal) {
      throw new AppError("FAILED_PRECONDITION", `${this.name} has a terminal`, {
        hint: "Write the end-of-input character to it, control D as a rule.",
      });
    }
    await this.#assertInput();
    if (this.exit) throw this.gone();
    await this.endInput();
  }

  wait(options: CallOptions = {}): Promise<ExitStatus> {
    return this.#latch.wait(options);
  }

  async remove(): Promise<void> {
    if (this.id === "init") {
      throw new AppError("FAILED_PRECONDITION", "The first process goes with its task");
    }
    await this.end();
    await this.discard();
    this.#host.forget(this.id);
  }

  /** Kills it if it runs and waits until that is known, at most 10 s. */
  async end(): Promise<void> {
    if (this.exit) return;
    const { signal, stop } = deadline(endTimeout);
    try {
      await this.endNow(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new AppError(
        "DEADLINE_EXCEEDED",
        `${this.name} did not end within 10 s of being killed`,
        { hint: "A process may hang in the kernel, on a file system that does not answer." },
      );
    } finally {
      stop();
    }
  }

  /** The kernel killed one of its processes for want of memory. Told once. */
  noteOom(): void {
    if (this.#oom || this.exit) return;
    this.#oom = true;
    this.#write(this.recordOom());
    this.#host.fire({ type: "oom" });
  }

  /** Resolves when nothing is being written into the directory any more. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  dispose(): void {
    this.#disposed = true;
    this.watches.dispose();
  }

  protected get name(): string {
    return this.#host.name;
  }

  protected get exit(): ExitStatus | undefined {
    return this.#latch.value;
  }

  protected get disposed(): boolean {
    return this.#disposed;
  }

  protected gone(): AppError {
    return new AppError("NOT_FOUND", `${this.name} has exited already`);
  }

  /** Nobody will tell of its end, and its shim can't be asked. Told once. */
  protected noteLost(error: ErrorInfo): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#host.fire({ type: "shim-lost", processId: this.id, error });
  }

  /** Its shim answers again. */
  protected noteFound(): void {
    this.#lost = undefined;
  }

  /** It is over and nobody knows how: now if that was watched for, else when it last gave a sign. */
  protected async endedUnseen(told: boolean): Promise<void> {
    await this.ended(undefined, this.#lost ? Date.now() : await this.#host.lastSign(), told);
  }

  /** The first word counts. `told`: an earlier manager has published it. */
  protected async ended(code: number | undefined, exitedAt: number, told: boolean): Promise<void> {
    if (this.exit) return;
    // The event may be late, or was never sent.
    if (!this.#oom && code === 137 && this.id === "init" && (await this.ranOutOfMemory()))
      this.noteOom();
    if (!told && code !== undefined) await this.recordExit(code, exitedAt);
    if (this.exit) return;
    const exit: ExitStatus = { code, exitedAt, oomKilled: this.#oom && code !== 0 };
    const { pid } = this;
    this.#latch.set(exit);
    this.watches.dispose();
    if (told) return;
    this.#host.fire({ type: "exit", processId: this.id, pid, exit });
    this.#write(this.recordTold());
  }

  async #assertInput(): Promise<void> {
    if (this.terminal) return;
    const never = "Create the container with standard input kept open, or with a terminal.";
    if (this.#stdin && !(await this.inputEnded())) return;
    throw new AppError("FAILED_PRECONDITION", `The standard input of ${this.name} is closed`, {
      hint: this.#stdin ? "It was ended, and can't be opened again." : never,
    });
  }

  /** Best effort: what can't be written costs a later manager the knowledge. */
  #write(writing: Promise<void>): void {
    this.#writing = Promise.all([this.#writing, writing.catch(() => {})]);
  }

  // --- What a kind supplies -------------------------------------------------------------------------------------

  /** Where it has one that means anything on this host. */
  protected abstract get pid(): number | undefined;

  /** Rejects NOT_FOUND when it has exited. */
  abstract kill(signal: number): Promise<void>;

  abstract resize(size: { cols: number; rows: number }): Promise<void>;

  abstract reopenLog(): Promise<void>;

  /** Called only where standard input is open. */
  protected abstract connectInput(): Promise<ProcessInput>;

  /** Called only where standard input is open, and no terminal: the process reads its end. */
  protected abstract endInput(): Promise<void>;

  /** `endInput` was called, also by an earlier manager. */
  protected abstract inputEnded(): Promise<boolean>;

  /** Kills it and resolves when its end has been noted; rejects when `signal` aborts before. */
  protected abstract endNow(signal: AbortSignal): Promise<void>;

  /** Lets go of an exec and removes all that is held for it, whatever it is doing. */
  abstract discard(): Promise<void>;

  /** Of an init that was killed: whether it was for want of memory. */
  protected ranOutOfMemory(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Notes for a later manager, where nobody else does: */
  protected recordExit(_code: number, _exitedAt: number): Promise<void> {
    return Promise.resolve();
  }

  protected recordOom(): Promise<void> {
    return Promise.resolve();
  }

  /** Without it a later manager tells the same exit again. */
  protected recordTold(): Promise<void> {
    return Promise.resolve();
  }
}

/** A signal that aborts after so many milliseconds, unless stopped. */
function deadline(milliseconds: number): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  return { signal: controller.signal, stop: () => clearTimeout(timer) };
}
