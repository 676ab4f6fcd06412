import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, type ErrorInfo, isCode } from "#shared/errors";
import { HostProcess, type LinuxHost } from "../host-process.ts";
import type { ProcessFacts } from "../process-base.ts";
import { type ProcessFiles, recordNew, writeExit } from "../process-dir.ts";
import type { ProcessInput } from "../runtime.ts";
import { Serial } from "../serial.ts";
import { ShimStdio } from "./stdio.ts";
import { type ShimExit, type TaskService, taskStatus } from "./task-service.ts";

/** Milliseconds for whoever runs a process to tell of its end. */
const tellGrace = 3000;

/** What a process that a Task service runs needs of its task. */
export interface ServedHost extends LinuxHost {
  /** While whoever runs it is there and answers. */
  service(): TaskService | undefined;
  /** Why who lives can't be asked. */
  unanswered(): ErrorInfo | undefined;
  /** Who can't be asked now will be back, and tell how it ended: until then nothing is concluded. */
  willTell(): boolean;
}

/**
 * A process that a Task service runs: a shim's own, or a containerd's. Its directory is as an OCI process's (process-dir.ts), but `pid` and `exit`
 * are written here: the shim only keeps them in memory, until it is told to forget the process or is killed.
 */
export class ServedProcess extends HostProcess {
  readonly stdio: ShimStdio;
  readonly #host: ServedHost;
  /** Ends are noted one after another: an event, a Wait and a lost shim may all tell of the same. */
  readonly #noting = new Serial();

  constructor(host: ServedHost, facts: ProcessFacts, files?: ProcessFiles) {
    super(host, facts, files);
    this.#host = host;
    this.stdio = new ShimStdio(facts.directory);
  }

  /** The name the shim knows it by. */
  get execId(): string {
    return this.id === "init" ? "" : this.id;
  }

  /** Notes its pid, so that a later manager finds it. */
  async began(pid: number): Promise<void> {
    await writeFile(join(this.directory, "pid"), String(pid));
    const { process } = await recordNew(this.directory, pid);
    this.identify(process ?? { pid, startTime: 0 });
  }

  /** Asks the shim to tell of the end. */
  follow(): void {
    const service = this.#host.service();
    if (!service || this.exit) return;
    service.wait(this.execId).then(
      (exit) => void this.noteExit(exit),
      // The shim went: its task tells, and knows what is to be thought of it.
      () => {},
    );
  }

  /** What the shim told of the end, by whatever way. The first word counts. */
  noteExit(exit: ShimExit): Promise<void> {
    return this.#noting.run(async () => {
      if (this.exit || this.disposed) return;
      // Who waits for the exit may read the log then.
      await this.stdio.drained();
      await this.ended(exit.code, exit.at, false);
    });
  }

  /** Its shim is gone or can't be spoken to; also told when the process ends after that. */
  shimGone(): Promise<void> {
    return this.#noting.run(async () => {
      if (this.exit || this.disposed || this.#host.willTell()) return;
      await this.runsAlone(
        false,
        () =>
          this.#host.unanswered() ??
          this.killedShim(
            "It runs on, as long as it does not mind that nobody reads what it writes.",
          ),
      );
    });
  }

  /** Who runs it answers again, and is asked what became of it. */
  async found(): Promise<void> {
    this.noteFound();
    if (!this.exit) await this.#ask(false);
  }

  async resize(size: { cols: number; rows: number }): Promise<void> {
    const service = this.#host.service();
    if (!service) throw this.#unavailable();
    await service.resize(this.execId, size);
  }

  reopenLog(): Promise<void> {
    return this.stdio.reopenLog();
  }

  async kill(signal: number): Promise<void> {
    if (this.exit) throw this.gone();
    const service = this.#host.service();
    if (service) {
      await service.kill(this.execId, signal, false, `${this.name} could not be signalled`);
      return;
    }
    if (!(await this.signalAlive(signal))) throw this.gone();
    this.pollSoon();
  }

  /** Lets go of it and removes its directory, whatever it is doing. */
  override async discard(): Promise<void> {
    if (this.execId !== "") {
      await this.#host
        .service()
        ?.delete(this.execId)
        .catch(() => {});
    }
    this.dispose();
    await this.#noting.run(() => this.stdio.end());
    await super.discard();
  }

  override async settled(): Promise<void> {
    await this.#noting.run(() => Promise.resolve());
    await super.settled();
  }

  protected take(files: ProcessFiles): Promise<void> {
    return this.#ask(files.exitTold);
  }

  async #ask(told: boolean): Promise<void> {
    const service = this.#host.service();
    if (!service) return this.shimGone();
    const state = await service.state(this.execId).catch((error: unknown) => {
      if (isCode(error, "NOT_FOUND")) return undefined;
      throw error;
    });
    if (!state) return this.endedUnseen(told);
    if (state.status === taskStatus.stopped) return this.noteExit(state.exit);
    this.follow();
  }

  protected look(): Promise<void> {
    return this.shimGone();
  }

  protected connectInput(): Promise<ProcessInput> {
    return this.stdio.openInput();
  }

  protected get inputDirectory(): string {
    return this.stdio.directory;
  }

  protected async endInput(): Promise<void> {
    const service = this.#host.service();
    if (!service) throw this.#unavailable();
    await this.stdio.endInput();
    // The shim holds its fifo open itself.
    await service.closeInput(this.execId);
  }

  protected async endNow(signal: AbortSignal): Promise<void> {
    await this.kill(9).catch(async (error: unknown) => {
      // Also when a shim that hangs refuses: the kernel does not.
      if (!isCode(error, "NOT_FOUND")) await this.signalAlive(9);
    });
    // One that hangs since it was last asked does not tell, and the kernel has to.
    const soon = AbortSignal.any([signal, AbortSignal.timeout(tellGrace)]);
    const told = this.#host.service() && (await isTold(this.wait({ signal: soon })));
    if (!told) await this.pollEnd(signal);
  }

  protected override async recordOom(): Promise<void> {
    await writeFile(join(this.directory, "oom"), "");
  }

  protected override recordExit(code: number, exitedAt: number): Promise<void> {
    return writeExit(this.directory, code, exitedAt);
  }

  #unavailable(): AppError {
    return new AppError("UNAVAILABLE", "The shim of this process is gone", { subject: this.name });
  }
}

function isTold(exit: Promise<unknown>): Promise<boolean> {
  return exit.then(
    () => true,
    () => false,
  );
}
