import { watch } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { mustRun } from "#core/host/command";
import type { Privileges } from "#core/host/privileges";
import { type ProcessIdentity, isAlive } from "#core/host/proc";
import { toDisposable } from "#shared/base/disposable";
import { isCode } from "#shared/errors";
import { HostProcess, type LinuxHost } from "../host-process.ts";
import { endInput } from "../input-end.ts";
import type { ProcessFacts } from "../process-base.ts";
import { type ProcessFiles, exists, readExit, signalPid } from "../process-dir.ts";
import type { ProcessInput } from "../runtime.ts";
import { openAttach } from "./attach.ts";
import { control } from "./conmon.ts";

/** What a process whose shim is a conmon needs of its task. */
export interface ConmonHost extends LinuxHost {
  readonly privileges: Privileges;
  /** Where conmon put `attach` and `ctl`. */
  readonly socketDirectory: string;
  /** Sends a signal as only the runtime can. */
  readonly deliver?: (signal: number) => Promise<void>;
  /** A living process of the task, for entering (Privileges.enter). */
  entry(): number | undefined;
}

/** A process whose shim is a conmon. Its directory is its whole state; this object follows it. */
export class OciProcess extends HostProcess {
  readonly #host: ConmonHost;
  readonly #shim: ProcessIdentity | undefined;
  #settling: Promise<void> | undefined;

  constructor(host: ConmonHost, facts: ProcessFacts, files?: ProcessFiles) {
    super(host, facts, files);
    this.#host = host;
    this.#shim = files?.shim;
  }

  get shim(): ProcessIdentity | undefined {
    return this.#shim;
  }

  /** `lifeline`, of a shim that we started ourselves, ends with it; it is destroyed here. */
  hold(lifeline: Socket): void {
    lifeline.on("close", () => void this.look());
    this.watches.add(toDisposable(() => lifeline.destroy()));
  }

  async resize(size: { cols: number; rows: number }): Promise<void> {
    await this.#control(`1 ${size.rows} ${size.cols}\n`);
  }

  /** conmon's control line 2: it closes its log and opens it anew. */
  async reopenLog(): Promise<void> {
    await this.#control("2 0 0\n");
  }

  async kill(signal: number): Promise<void> {
    const { identity } = this;
    if (this.exit || !identity || !(await isAlive(identity))) throw this.gone();
    const { deliver } = this.#host;
    if (deliver) await deliver(signal);
    else await this.signal(identity.pid, signal);
    if (this.lost) this.pollSoon();
  }

  /** Sends a signal to any pid of the container: in a user namespace it may belong to another user. */
  async signal(pid: number, signal: number): Promise<void> {
    try {
      if (!signalPid(pid, signal)) throw this.gone();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
      const entry = this.#host.entry();
      const script = ["sh", "-c", 'kill "-$1" "$2"', "sh", String(signal), String(pid)];
      await mustRun(this.#host.privileges.enter(entry, script));
    }
  }

  /** Resolves when what happened so far is known. */
  protected async take(files: ProcessFiles): Promise<void> {
    this.#watchDirectory();
    const shim = this.#shim;
    if (shim && (await isAlive(shim))) {
      this.watches.add(this.#host.processWatch.add(shim, () => void this.look()));
    } else {
      await this.#shimGone(files.exitTold);
    }
    // What came between reading the files and the watch.
    if (!this.exit && (await exists(join(this.directory, "exit")))) await this.look();
  }

  /** Reads what became of it. Called at every sign that something did; harmless when nothing did. */
  protected look(): Promise<void> {
    // After one under way, which may have looked too early.
    const settling = (this.#settling ?? Promise.resolve()).then(() => this.#lookOnce());
    this.#settling = settling;
    return settling;
  }

  protected connectInput(): Promise<ProcessInput> {
    return openAttach(join(this.#host.socketDirectory, "attach"));
  }

  protected get inputDirectory(): string {
    return this.directory;
  }

  protected endInput(): Promise<void> {
    return endInput(this.directory, this.#shim?.pid);
  }

  protected async endNow(signal: AbortSignal): Promise<void> {
    const { identity } = this;
    if (identity && (await isAlive(identity))) {
      // It may end by itself between the look and the signal: that is what was wanted.
      const { deliver } = this.#host;
      await deliver?.(9).catch(() => {});
      if (!deliver || this.id === "init") await this.signal(identity.pid, 9).catch(ignoreNotFound);
    }
    if (this.lost) await this.pollEnd(signal);
    else await this.wait({ signal });
  }

  #control(line: string): Promise<void> {
    return control(join(this.#host.socketDirectory, "ctl"), line);
  }

  #watchDirectory(): void {
    try {
      const watcher = watch(this.directory, { persistent: false }, (_event, name) => {
        if (name === "exit") void this.look();
        if (name === "oom") this.noteOom();
      });
      // The shim's end is noticed without it, only later.
      watcher.on("error", () => watcher.close());
      this.watches.add(toDisposable(() => watcher.close()));
    } catch {
      // No inotify watch to be had (fs.inotify.max_user_watches): as above.
    }
  }

  async #lookOnce(): Promise<void> {
    if (this.exit) return;
    const exit = await readExit(this.directory);
    if (exit) await this.ended(exit.code, exit.at, false);
    else if (!this.#shim || !(await isAlive(this.#shim))) await this.#shimGone(false);
  }

  async #shimGone(exitTold: boolean): Promise<void> {
    // conmon writes the exit before it ends: one that is there now is true.
    const exit = await readExit(this.directory);
    if (exit) await this.ended(exit.code, exit.at, exitTold);
    else await this.runsAlone(exitTold, () => this.killedShim("It runs on."));
  }
}

export function ignoreNotFound(error: unknown): void {
  if (!isCode(error, "NOT_FOUND")) throw error;
}
