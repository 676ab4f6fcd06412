import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupDirs, oomKills } from "#core/host/cgroup";
import { type ProcessIdentity, type ProcessWatch, isAlive } from "#core/host/proc";
import { AppError, type ErrorInfo } from "#shared/errors";
import { inputEnded } from "./input-end.ts";
import { ProcessBase, type ProcessFacts, type ProcessHost } from "./process-base.ts";
import { type ProcessFiles, signalPid } from "./process-dir.ts";

export interface LinuxHost extends ProcessHost {
  readonly processWatch: ProcessWatch;
  readonly cgroupsPath: string | undefined;
}

/** Milliseconds within which a process that was killed without a shim is looked after, before its watch tells. */
const soon = 1000;

/**
 * A process of this kernel, with a directory as in process-dir.ts: it is known by its pid and start time, can be
 * signalled and watched without its shim, and its cgroup tells of memory that ran out.
 */
export abstract class HostProcess extends ProcessBase {
  #identity: ProcessIdentity | undefined;
  readonly #host: LinuxHost;

  constructor(host: LinuxHost, facts: ProcessFacts, files?: ProcessFiles) {
    super(host, facts, files?.oom);
    this.#host = host;
    this.#identity = files?.process;
  }

  get identity(): ProcessIdentity | undefined {
    return this.#identity;
  }

  /** Takes over what an earlier manager left, or the shim made: what is known of its end, else follows it. */
  async load(files: ProcessFiles, sameBoot: boolean): Promise<void> {
    if (files.exit) await this.ended(files.exit.code, files.exit.at, files.exitTold);
    else if (!sameBoot) await this.endedUnseen(files.exitTold);
    else await this.take(files);
  }

  async discard(): Promise<void> {
    await this.settled();
    this.dispose();
    await rm(this.directory, { recursive: true, force: true });
  }

  protected override inputEnded(): Promise<boolean> {
    return inputEnded(this.inputDirectory);
  }

  /** Where input-end.ts finds what it needs. */
  protected abstract get inputDirectory(): string;

  /** Of one without recorded end, under the same boot: begins to follow it. */
  protected abstract take(files: ProcessFiles): Promise<void>;

  /** Looks again what became of it. */
  protected abstract look(): Promise<void>;

  protected get pid(): number | undefined {
    return this.#identity?.pid || undefined;
  }

  protected identify(identity: ProcessIdentity): void {
    this.#identity = identity;
  }

  protected async alive(): Promise<boolean> {
    return this.#identity !== undefined && (await isAlive(this.#identity));
  }

  /** False when there is none to signal any more. Rejects as process.kill throws, but for that. */
  protected async signalAlive(signal: number): Promise<boolean> {
    const identity = this.#identity;
    return identity !== undefined && (await isAlive(identity)) && signalPid(identity.pid, signal);
  }

  /** Looks until it is gone, then what became of it. */
  protected async pollEnd(signal: AbortSignal): Promise<void> {
    while (await this.alive()) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await this.look();
  }

  /** After a signal that no shim will tell the outcome of. */
  protected pollSoon(): void {
    void this.pollEnd(AbortSignal.timeout(soon)).catch(() => {});
  }

  /** It has no shim to ask: it has ended unseen, or runs on, lost and watched. */
  protected async runsAlone(told: boolean, why: () => ErrorInfo): Promise<void> {
    const identity = this.#identity;
    if (!identity || !(await isAlive(identity))) {
      await this.endedUnseen(told);
      return;
    }
    if (this.lost) return;
    this.watches.add(this.#host.processWatch.add(identity, () => void this.look()));
    this.noteLost(why());
  }

  /** `without`: what it means to run on when it has no terminal. */
  protected killedShim(without: string): ErrorInfo {
    const how = this.terminal ? "It runs on without its terminal." : without;
    return new AppError(
      "UNAVAILABLE",
      `The shim of ${this.name} was killed; what it has written since is lost, and its exit status will be`,
      {
        hint: `${how} Stop and delete still work; start it again to get a new shim.`,
      },
    ).toInfo();
  }

  /** The cgroup is there until the container is deleted. */
  protected override async ranOutOfMemory(): Promise<boolean> {
    const { cgroupsPath } = this.#host;
    const dirs = cgroupsPath === undefined ? undefined : await cgroupDirs(cgroupsPath);
    return dirs !== undefined && (await oomKills(dirs)) > 0;
  }

  protected override async recordTold(): Promise<void> {
    await writeFile(join(this.directory, "exit-told"), "");
  }
}
