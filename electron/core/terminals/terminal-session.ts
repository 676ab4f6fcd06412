import { type Disposable, toDisposable } from "#shared/base/disposable";
import { Emitter } from "#shared/base/emitter";
import type { Terminal, TerminalInput, TerminalOutput } from "#shared/contract/terminals";
import { AppError, isCode, type ErrorInfo } from "#shared/errors";
import { Wake, watchFile } from "../logs/file-watch.ts";
import type { Process, ProcessInput } from "../runtime/runtime.ts";
import { loadScreen, saveScreen, type SavedScreen } from "./saved-screen.ts";
import { TerminalLog, type TerminalLogReader } from "./terminal-log.ts";

/** More than this is not replayed, in bytes of log: a window takes 10 MB/s, and nobody scrolls that far. */
const maxReplay = 2 * 1024 * 1024;
/** A terminal's log is put aside at this length, bytes; see TerminalLog.rotate. */
const maxLog = 32 * 1024 * 1024;
/** Its length is looked at this long after it was written to, ms. */
const rotateDelay = 1000;
/** And so often where the kernel has no watch left that would tell of it, ms. */
const unwatchedInterval = 10_000;

export interface TerminalSessionOptions {
  id: string;
  containerId: string;
  containerName?: string | undefined;
  kind: Terminal["kind"];
  process: Process;
  createdAt: number;
  /** Bytes after which the log is put aside. */
  maxLog?: number;
}

/**
 * One terminal: its output is read from the process's log, its input goes to the shim's socket. So
 * however many windows connect, come late, are slow or die, each gets every byte once.
 */
export class TerminalSession implements Disposable {
  readonly id: string;
  readonly containerId: string;
  readonly #containerName: string | undefined;
  readonly kind: Terminal["kind"];
  readonly process: Process;
  readonly #createdAt: number;
  readonly #log: TerminalLog;
  readonly #maxLog: number;
  readonly #changed = new Emitter<void>();
  readonly #disposed = new AbortController();
  #watch: Disposable | undefined;
  #rotation: NodeJS.Timeout | undefined;
  #rotating: Promise<void> = Promise.resolve();
  #saving: Promise<void> = Promise.resolve();
  #ended = false;
  #lost: ErrorInfo | undefined;

  /** Fires when `terminal` answers something else. */
  readonly onChange = this.#changed.event;

  constructor(options: TerminalSessionOptions) {
    this.id = options.id;
    this.containerId = options.containerId;
    this.#containerName = options.containerName;
    this.kind = options.kind;
    this.process = options.process;
    this.#createdAt = options.createdAt;
    this.#log = new TerminalLog(options.process.logPath);
    this.#maxLog = options.maxLog ?? maxLog;
    void this.#awaitEnd();
    if (options.kind === "exec") this.#keepBounded();
  }

  get terminal(): Terminal {
    const { status, exit } = this.process.state;
    const lost = status === "lost" || this.#lost !== undefined;
    return {
      id: this.id,
      containerId: this.containerId,
      ...(this.#containerName === undefined ? {} : { containerName: this.#containerName }),
      kind: this.kind,
      args: [...this.process.args],
      user: this.process.user,
      createdAt: this.#createdAt,
      status: status === "exited" || this.#ended ? "exited" : lost ? "lost" : "running",
      exitCode: exit?.code,
      error: lost && !this.#ended ? (this.#lost ?? lostError) : undefined,
    };
  }

  /** The shim is gone: nothing more can be read or written, though the process may run. */
  lose(error: ErrorInfo): void {
    this.#lost = error;
    this.#changed.fire();
  }

  /**
   * As the contract has it. Ends after `exit`; UNAVAILABLE when input can't be delivered. `up` is read
   * only as fast as the process takes its input.
   */
  async *connect(
    up: AsyncIterable<TerminalInput>,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<TerminalOutput> {
    const wake = new Wake();
    const watch = this.#watchLog(() => wake.notify());
    const change = this.onChange(() => wake.notify());
    const input = new InputPump(this.process, up, () => wake.notify());
    let reader: TerminalLogReader | undefined;
    try {
      const { start, end } = await this.#log.range();
      const screen = await this.#screen(start, end);
      reader = this.#log.reader(screen.offset);
      yield { type: "screen", ...screen };
      let live = false;
      while (!signal?.aborted) {
        // Asked for before reading: what it wrote is in the log before its end is known.
        const over = this.#ended || this.terminal.status !== "running";
        const output = await reader.next();
        if (output) {
          const bytes = this.process.terminal ? output.bytes : withReturns(output.bytes);
          if (output.gap) yield { type: "data", bytes: gapNotice, offset: output.offset };
          yield { type: "data", bytes, offset: output.offset };
        }
        if (!live && (!output || output.offset >= end)) {
          live = true;
          yield { type: "live" };
        }
        if (output) continue;
        if (over) {
          yield { type: "exit", exitCode: this.process.state.exit?.code };
          return;
        }
        input.throwIfFailed();
        await wake.wait({ signal });
      }
    } finally {
      input.dispose();
      watch?.dispose();
      change.dispose();
      await reader?.close();
    }
  }

  /** Keeps a screen for the next connection. Calls are done in order. */
  async saveScreen(screen: SavedScreen): Promise<void> {
    const done = this.#saving.then(() => saveScreen(this.process.directory, screen));
    this.#saving = done.catch(() => undefined);
    await done.catch((error: unknown) => {
      // The process went with its task: there is nothing to come back to.
      if (!isCode(error, "NOT_FOUND")) throw error;
    });
  }

  dispose(): void {
    this.#disposed.abort();
    this.#watch?.dispose();
    clearTimeout(this.#rotation);
  }

  /** Resolves when no rotation is under way; one must not make files in a directory that is removed. */
  async settled(): Promise<void> {
    await Promise.all([this.#rotating, this.#saving]);
  }

  async #awaitEnd(): Promise<void> {
    try {
      await this.process.wait({ signal: this.#disposed.signal });
    } catch {
      // Disposed: the process goes on without us.
      return;
    }
    this.#ended = true;
    this.#watch?.dispose();
    this.#changed.fire();
  }

  /** The screen that a connection begins with, and where the output goes on. */
  async #screen(start: number, end: number): Promise<SavedScreen> {
    const saved = await loadScreen(this.process.directory);
    const size = { cols: saved?.cols ?? 80, rows: saved?.rows ?? 24 };
    const from = saved && saved.offset <= end ? saved.offset : 0;
    if (from >= start && end - from <= maxReplay) {
      return { data: from === saved?.offset ? saved.data : "", offset: from, ...size };
    }
    const offset = await this.#log.lineStart(Math.max(start, end - maxReplay));
    return { data: earlierNotice, offset, ...size };
  }

  #watchLog(onChange: () => void): Disposable | undefined {
    try {
      return watchFile(this.process.logPath, onChange);
    } catch (error) {
      // Gone with its container: there is nothing to wait for either.
      if (AppError.from(error).code === "NOT_FOUND") return undefined;
      throw error;
    }
  }

  #keepBounded(): void {
    const check = (): void => {
      this.#rotation = undefined;
      const reopen = (): Promise<void> => this.process.reopenLog();
      this.#rotating = this.#log.rotate(this.#maxLog, reopen).then(
        () => undefined,
        // It is tried again at the next write; the terminal itself works on.
        () => undefined,
      );
    };
    const written = (): void => {
      if (this.#ended || this.#disposed.signal.aborted) return;
      this.#rotation ??= setTimeout(check, rotateDelay).unref();
    };
    try {
      this.#watch = this.#watchLog(written);
    } catch {
      // The terminal runs all the same, and others must not be kept from being found for it.
      const timer = setInterval(written, unwatchedInterval).unref();
      this.#watch = toDisposable(() => clearInterval(timer));
    }
    // An earlier manager may have left it long, or halfway through a rotation.
    if (this.terminal.status === "running") check();
  }
}

const lostError: ErrorInfo = {
  code: "UNAVAILABLE",
  message: "The terminal's shim has ended; what the process writes can't be seen any more",
  details: { hint: "Close this terminal and open a new one." },
};

/** RIS clears the screen and every mode; then a dim line. */
const notice = (text: string): string => `\u001bc\u001b[2m[${text}]\u001b[0m\r\n`;
const earlierNotice = notice("earlier output is not shown; the end of it follows");
const gapNotice = new Uint8Array(
  Buffer.from(notice("this window was too slow; some output was dropped")),
);

/** What a terminal's driver would do (onlcr) for a process that writes to a pipe. */
function withReturns(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let count = 0;
  for (const byte of bytes) if (byte === 0x0a) count += 1;
  const all = new Uint8Array(bytes.length + count);
  let at = 0;
  for (const byte of bytes) {
    if (byte === 0x0a) all[at++] = 0x0d;
    all[at++] = byte;
  }
  return all;
}

/** Carries a window's input to the process, in order, one item at a time. */
class InputPump implements Disposable {
  readonly #process: Process;
  readonly #up: AsyncIterator<TerminalInput>;
  readonly #onFailure: () => void;
  #input: ProcessInput | undefined;
  #failure: unknown;
  #disposed = false;

  constructor(process: Process, up: AsyncIterable<TerminalInput>, onFailure: () => void) {
    this.#process = process;
    this.#up = up[Symbol.asyncIterator]();
    this.#onFailure = onFailure;
    void this.#run();
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw AppError.wrap(this.#failure, "Typing does not arrive");
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#input?.dispose();
    void this.#up.return?.().catch(() => undefined);
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#up.next();
        if (done || this.#disposed) return;
        // What is typed after the end has nowhere to go.
        if (this.#process.state.status !== "running") continue;
        if (value.type === "resize") await this.#resize(value);
        else await this.#write(value.bytes);
      }
    } catch (error) {
      if (this.#disposed || this.#process.state.status !== "running") return;
      this.#failure = error;
      this.#onFailure();
    }
  }

  async #resize({ cols, rows }: { cols: number; rows: number }): Promise<void> {
    if (!this.#process.terminal) return;
    await this.#process.resize({ cols, rows });
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (!this.#input) {
      const input = await this.#process.openInput();
      if (this.#disposed) {
        input.dispose();
        return;
      }
      this.#input = input;
    }
    await this.#input.write(bytes);
  }
}
