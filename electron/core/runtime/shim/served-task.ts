import { join } from "node:path";
import { DisposableStore } from "#shared/base/disposable";
import { AppError, type ErrorInfo } from "#shared/errors";
import type { LinuxHost } from "../host-process.ts";
import type { HostShared } from "../host-shared.ts";
import { HostTask } from "../host-task.ts";
import { criuError } from "../oci/checkpoint.ts";
import type { ProcessFacts } from "../process-base.ts";
import { type ProcessFile, type ProcessFiles, signalPid } from "../process-dir.ts";
import type {
  CallOptions,
  CheckpointRequest,
  ExecRequest,
  OciResources,
  TaskStats,
} from "../runtime.ts";
import type { ShimEvent } from "./events.ts";
import { startExec } from "./exec.ts";
import { ServedProcess } from "./process.ts";
import { ShimStdio } from "./stdio.ts";
import { type TaskService, taskStatus } from "./task-service.ts";

/** Milliseconds for execs to be told of their end once init's took them along. */
const execGrace = 3000;

/** A task's way to whoever runs it. */
export interface TaskLink {
  /** While who runs it is there and answers. */
  readonly service: TaskService | undefined;
  /** Why who lives can't be asked. */
  readonly unanswered: ErrorInfo | undefined;
  /** Connects once more, where there is anything to connect to. */
  retry(): Promise<void>;
  /** It hangs or talks nonsense: it is not asked again before `retry`. */
  giveUp(error: unknown): void;
  /** It answered after all. */
  recovered(): void;
  close(): void;
}

/**
 * The running side of a container that is spoken to over containerd's Task service. A kind supplies the way there, and
 * what becomes of the task when that breaks.
 */
export abstract class ServedTask<S extends HostShared> extends HostTask<ServedProcess, S> {
  /** Listeners, and the lifelines of conmons. */
  protected readonly held = new DisposableStore();
  protected abstract readonly link: TaskLink;
  /** Shim and container are let go of as soon as init has ended: an idle shim holds some 13 MB. */
  #retiring: Promise<void> | undefined;

  override dispose(): void {
    super.dispose();
    this.link.close();
    this.held.dispose();
  }

  protected override get unanswered(): ErrorInfo | undefined {
    return this.link.unanswered;
  }

  protected get retiring(): boolean {
    return this.#retiring !== undefined;
  }

  /** See ServedHost. */
  protected get willTell(): boolean {
    return false;
  }

  protected makeProcess(host: LinuxHost, facts: ProcessFacts, files?: ProcessFiles): ServedProcess {
    const servedHost = {
      ...host,
      service: () => this.link.service,
      unanswered: () => this.link.unanswered,
      willTell: () => this.willTell,
    };
    return new ServedProcess(servedHost, facts, files);
  }

  protected async look(): Promise<void> {
    await this.link.retry();
    if (!this.link.service) return;
    try {
      await this.readPhase();
    } catch (error) {
      await this.cantAsk(error);
      return;
    }
    this.link.recovered();
    for (const process of this.list.all) if (process.lost) await process.found();
  }

  protected async startInit(): Promise<void> {
    const { restored } = this.disk.record;
    const context = this.could(restored ? "restored" : "started");
    try {
      const pid = await this.requireService().start("", context);
      if (restored) await this.initBegan(pid);
    } catch (error) {
      if (!restored) throw error;
      throw await criuError(error, context, join(this.bundle, "work", "restore.log"));
    }
  }

  protected async freeze(): Promise<void> {
    await this.requireService().pause(this.could("paused"));
  }

  protected async thaw(): Promise<void> {
    await this.requireService().resume(this.could("resumed"));
  }

  protected async killAll(signal: number): Promise<void> {
    const { service } = this.link;
    if (service) {
      await service.kill("", signal, true, `${this.subject} could not be signalled`);
      return;
    }
    const pids = await this.livePids();
    if (pids.length === 0) throw new AppError("NOT_FOUND", `${this.subject} has exited already`);
    // One that ended between being listed and signalled is no failure.
    for (const pid of pids) signalPid(pid, signal);
  }

  protected async startExec(request: ExecRequest, options: CallOptions): Promise<ServedProcess> {
    const target = {
      service: this.requireService(),
      root: this.root,
      make: (file: ProcessFile) => this.newProcess(request.id, file),
    };
    const { process, lifeline } = await startExec(this.shared, this.disk, target, request, options);
    this.held.add(lifeline);
    this.list.add(process);
    process.follow();
    return process;
  }

  protected async dropExec(id: string, dir: string): Promise<void> {
    await this.link.service?.kill(id, 9, false, "").catch(() => {});
    await this.link.service?.delete(id).catch(() => {});
    await new ShimStdio(dir).end();
  }

  protected async pidsWithoutCgroup(init: number): Promise<number[]> {
    return this.link.service ? this.link.service.pids() : [init];
  }

  /** Who can't be asked leaves the files to be read. */
  protected override async measure(): Promise<TaskStats> {
    return this.link.service ? this.link.service.stats() : super.measure();
  }

  protected async change(resources: OciResources): Promise<void> {
    const context = `The limits of container "${this.id}" could not be changed`;
    await this.requireService().update(resources, context);
  }

  /** Once begun, a dump comes to its end: the shim can't be told to leave it. */
  protected async dumpTo(
    request: CheckpointRequest,
    work: string,
    context: string,
    options: CallOptions,
  ): Promise<void> {
    options.signal?.throwIfAborted();
    await this.requireService().checkpoint(request, work, context);
  }

  protected release(): Promise<void> {
    this.#retiring ??= this.retire().catch((error: unknown) => {
      // To be tried again.
      this.#retiring = undefined;
      throw error;
    });
    return this.#retiring;
  }

  /** Takes over the init that was just made, and follows it. `pid` is 0 for one that is restored when started. */
  protected async adopt(init: ServedProcess, pid: number): Promise<void> {
    this.list.add(init);
    await this.initBegan(pid);
    init.follow();
  }

  protected hear(event: ShimEvent): void {
    if (event.type === "oom") {
      this.list.init?.noteOom();
      return;
    }
    const process = this.list.get(event.processId);
    // One of an earlier process of the same name comes too late.
    if (process?.identity?.pid === event.pid) void process.noteExit(event.exit);
  }

  protected async readPhase(): Promise<void> {
    const { status, exit } = await this.requireService().state("");
    if (status === taskStatus.created) this.enterPhase("created");
    else if (status === taskStatus.running) this.enterPhase("running");
    else if (status === taskStatus.paused || status === taskStatus.pausing)
      this.enterPhase("paused");
    else if (status === taskStatus.stopped) await this.list.init?.noteExit(exit);
  }

  /** It hangs or talks nonsense. What the kernel knows is still true. */
  protected async cantAsk(error: unknown): Promise<void> {
    this.link.giveUp(error);
    await this.tellLost();
  }

  protected async tellLost(): Promise<void> {
    await Promise.all(this.list.all.map((process) => process.shimGone()));
  }

  protected retireAtEnd(): void {
    void this.wait().then(() => {
      if (!this.disposed) this.release().catch(() => {});
    });
  }

  /** They went with init's pid namespace; a container without one of its own may have left some. */
  protected async execsEnd(): Promise<void> {
    const signal = AbortSignal.timeout(execGrace);
    for (const process of this.list.execs) {
      await process.wait({ signal }).catch(() => process.end());
    }
  }

  protected requireService(): TaskService {
    if (this.link.service) return this.link.service;
    const lost = this.unanswered ?? this.list.init?.lost;
    if (lost) throw AppError.fromInfo(lost);
    throw new AppError("UNAVAILABLE", `The shim of ${this.subject} is gone`);
  }

  // --- What a kind supplies -------------------------------------------------------------------------------------

  /** Notes init's pid, and whatever else there is to note of who runs it. */
  protected abstract initBegan(pid: number): Promise<void>;

  /** Once init has ended and that is written down: lets go of shim and container. */
  protected abstract retire(): Promise<void>;
}
