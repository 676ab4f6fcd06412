import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { criRecords } from "../logs/cri-log.stand-in.ts";
import type { ExitStatus, Process, ProcessInput } from "../runtime/runtime.ts";

/**
 * A Process without a process: what the test says it wrote goes to a real log as conmon writes it,
 * and what is typed is kept. For what needs control over every byte; real ones are in the behaviour tests.
 */
export class StandInProcess implements Process {
  readonly id: string;
  readonly args = ["/bin/sh"];
  readonly user = undefined;
  readonly terminal: boolean;
  readonly createdAt = 1;
  readonly directory: string;
  readonly logPath: string;
  readonly typed: Buffer[] = [];
  readonly sizes: { cols: number; rows: number }[] = [];
  readonly signals: number[] = [];
  state: Process["state"] = { status: "running", pid: 4711, exit: undefined };
  /** Which signals it ends at. */
  endsAt = [9];
  /** Whether its shim can be talked to. */
  reachable = true;
  removed = false;
  readonly #ended: Promise<ExitStatus>;
  #end: (exit: ExitStatus) => void = () => undefined;
  #log: number;

  constructor(parent: string, id: string, { terminal = true }: { terminal?: boolean } = {}) {
    this.id = id;
    this.terminal = terminal;
    this.directory = join(parent, id);
    this.logPath = join(this.directory, "log");
    mkdirSync(this.directory, { recursive: true });
    this.#log = openSync(this.logPath, "a");
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** `chunk`: how many bytes conmon reads at a time. */
  print(output: string | Uint8Array, chunk?: number): void {
    writeSync(this.#log, criRecords(Buffer.from(output), chunk));
  }

  /** Half a record, as a reader may catch it. */
  printRaw(bytes: Uint8Array): void {
    writeSync(this.#log, bytes);
  }

  exit(code: number): void {
    if (this.state.status === "exited") return;
    const exit = { code, exitedAt: 2, oomKilled: false };
    this.state = { status: "exited", pid: undefined, exit };
    this.#end(exit);
  }

  /** The end of the test. */
  close(): void {
    closeSync(this.#log);
  }

  async openInput(): Promise<ProcessInput> {
    return {
      write: async (bytes) => {
        if (!this.reachable) throw new AppError("UNAVAILABLE", "The shim is gone");
        this.typed.push(Buffer.from(bytes));
      },
      dispose: () => undefined,
    };
  }

  async closeInput(): Promise<void> {
    throw new AppError("FAILED_PRECONDITION", "It has a terminal");
  }

  async resize(size: { cols: number; rows: number }): Promise<void> {
    this.sizes.push(size);
  }

  /** As conmon does it: lets go of the old file, makes a new one aside, moves it into place. */
  async reopenLog(): Promise<void> {
    if (!this.reachable) throw new AppError("UNAVAILABLE", "The shim is gone");
    closeSync(this.#log);
    this.#log = openSync(`${this.logPath}.tmp`, "a");
    renameSync(`${this.logPath}.tmp`, this.logPath);
  }

  async kill(signal: number): Promise<void> {
    this.signals.push(signal);
    if (this.endsAt.includes(signal)) this.exit(128 + signal);
  }

  async wait({ signal }: { signal?: AbortSignal } = {}): Promise<ExitStatus> {
    return await new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new AppError("CANCELLED", "aborted")));
      void this.#ended.then(resolve);
    });
  }

  async remove(): Promise<void> {
    this.exit(137);
    this.removed = true;
    if (existsSync(this.directory)) rmSync(this.directory, { recursive: true });
  }
}
