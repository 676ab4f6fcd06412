import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CriWriter } from "#core/logs/cri-writer";
import { stderr, stdout } from "#core/logs/cri-parser";
import { AppError, isCode } from "#shared/errors";
import { ProcessBase, type ProcessFacts, type ProcessHost } from "../process-base.ts";
import { recordNew, writeExit } from "../process-dir.ts";
import type { ProcessInput } from "../runtime.ts";
import { Serial } from "../serial.ts";
import type { ShimExit, Stdio, TaskService } from "../shim/task-service.ts";
import { PipeStdio } from "./pipe-stdio.ts";
import type { WindowsShared } from "./shared.ts";

/** How a signal is refused to a process that is not there any more. */
const ended = ["NOT_FOUND", "FAILED_PRECONDITION", "UNAVAILABLE"] as const;

/** What a process needs of its task. */
export interface WindowsHost extends ProcessHost {
  /** While the shim is there. */
  service(): TaskService | undefined;
}

/**
 * A process that the shim of Windows runs. Its directory is as any process's (process-dir.ts); its log is written here,
 * by the manager itself.
 */
export class WindowsProcess extends ProcessBase {
  readonly #shared: WindowsShared;
  readonly #host: WindowsHost;
  readonly #keepsInput: boolean;
  readonly #noting = new Serial();
  #stdio: PipeStdio | undefined;
  #log: CriWriter | undefined;
  #pid: number | undefined;

  constructor(shared: WindowsShared, host: WindowsHost, facts: ProcessFacts) {
    super(host, facts);
    this.#shared = shared;
    this.#host = host;
    this.#keepsInput = facts.stdin;
  }

  /** The name the shim knows it by. */
  get execId(): string {
    return this.id === "init" ? "" : this.id;
  }

  /** Opens log and streams; the shim connects to them when it is told of the process. */
  async open(): Promise<Stdio> {
    const log = await CriWriter.open(this.logPath);
    this.#log = log;
    const request = { terminal: this.terminal, stdin: this.#keepsInput };
    this.#stdio = await PipeStdio.open(this.#shared.transport, request, {
      stdout: (bytes) => log.write(stdout, bytes),
      stderr: (bytes) => log.write(stderr, bytes),
    });
    return this.#stdio.paths;
  }

  /** Notes its pid: the shim's, or where it gives none (the process waits to be started) one from the pool. */
  async began(told: number): Promise<void> {
    const { pids } = this.#shared;
    const before = this.#pid;
    const pid = told || before || pids.take();
    if (before !== undefined && before !== pid) pids.release(before);
    this.#pid = pid;
    await writeFile(join(this.directory, "pid"), String(pid));
    await recordNew(this.directory, pid);
  }

  /** Asks the shim to tell of the end. */
  follow(): void {
    this.#host
      .service()
      ?.wait(this.execId)
      .then(
        (exit) => void this.noteExit(exit),
        // The shim went: its task tells.
        () => {},
      );
  }

  /** What was told of the end, by whatever way; `told`: an earlier manager published it. The first word counts. */
  noteExit(exit: ShimExit, told = false): Promise<void> {
    return this.#noting.run(async () => {
      if (this.exit || this.disposed) return;
      // Who waits for the exit may read the log then.
      await this.#stdio?.drained();
      await this.ended(exit.code, exit.at, told);
      this.#stdio?.close();
      await this.#log?.close();
    });
  }

  async resize(size: { cols: number; rows: number }): Promise<void> {
    await this.#requireService().resize(this.execId, size);
  }

  async reopenLog(): Promise<void> {
    await this.#log?.reopen();
  }

  async kill(signal: number): Promise<void> {
    if (this.exit) throw this.gone();
    const context = `${this.name} could not be signalled`;
    await this.#requireService().kill(this.execId, signal, false, context);
  }

  async discard(): Promise<void> {
    if (this.execId !== "") {
      await this.#host
        .service()
        ?.delete(this.execId)
        .catch(() => {});
    }
    this.dispose();
    await this.settled();
    await rm(this.directory, { recursive: true, force: true });
  }

  override async settled(): Promise<void> {
    await this.#noting.run(() => Promise.resolve());
    await super.settled();
  }

  override dispose(): void {
    super.dispose();
    this.#stdio?.close();
    void this.#log?.close();
    if (this.#pid !== undefined) this.#shared.pids.release(this.#pid);
  }

  protected get pid(): number | undefined {
    return this.#pid;
  }

  protected connectInput(): Promise<ProcessInput> {
    if (this.exit || !this.#stdio) throw new AppError("UNAVAILABLE", `${this.name} has exited`);
    return Promise.resolve(this.#stdio.openInput());
  }

  protected async endInput(): Promise<void> {
    await this.#stdio?.endInput();
  }

  protected inputEnded(): Promise<boolean> {
    return Promise.resolve(this.#stdio?.inputEnded ?? true);
  }

  protected async endNow(signal: AbortSignal): Promise<void> {
    await this.kill(9).catch((error: unknown) => {
      // It has ended meanwhile, or its shim has, and it with that: both are told.
      if (!ended.some((code) => isCode(error, code))) throw error;
    });
    await this.wait({ signal });
  }

  protected override recordExit(code: number, exitedAt: number): Promise<void> {
    return writeExit(this.directory, code, exitedAt);
  }

  protected override async recordTold(): Promise<void> {
    await writeFile(join(this.directory, "exit-told"), "");
  }

  #requireService(): TaskService {
    const service = this.#host.service();
    if (service) return service;
    throw new AppError("UNAVAILABLE", "The shim of this process is gone", { subject: this.name });
  }
}
