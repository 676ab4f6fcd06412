import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DisposableStore } from "#shared/base/disposable";
import { AppError, type ErrorInfo } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import type { LinuxHost } from "../host-process.ts";
import { HostTask } from "../host-task.ts";
import { criuError } from "../oci/checkpoint.ts";
import type { ProcessFacts } from "../process-base.ts";
import { type ProcessFile, type ProcessFiles, signalPid } from "../process-dir.ts";
import type {
  CallOptions,
  CheckpointRequest,
  CreateRequest,
  ExecRequest,
  OciResources,
  ShimState,
  TaskStats,
} from "../runtime.ts";
import { clearCgroup } from "../task-cgroup.ts";
import { type ShimEvent, listenToShim } from "./events.ts";
import { startExec } from "./exec.ts";
import { inTurn, isShared, mountInShim } from "./group.ts";
import { ShimLink } from "./link.ts";
import { ShimProcess } from "./process.ts";
import type { ShimShared } from "./shared.ts";
import type { StartAnswer } from "./start-answer.ts";
import { ShimStdio } from "./stdio.ts";
import { type TaskService, taskStatus } from "./task-service.ts";

/** Milliseconds for execs to be told of their end once init's took them along. */
const execGrace = 3000;

/** Milliseconds: a shim that ends two connections within this is not asked again by itself. */
const reconnectPause = 10_000;

/** Milliseconds for a shim that was told to end. */
const shutdownGrace = 1000;

/** The running side of a container that a containerd v2 shim holds. */
export class ShimTask extends HostTask<ShimProcess, ShimShared> {
  readonly #store = new DisposableStore();
  readonly #link: ShimLink;
  /** Shim and container are let go of as soon as init has ended: an idle shim holds some 13 MB. */
  #retiring: Promise<void> | undefined;
  #whole = false;
  /** When the shim last ended the connection. */
  #wentAt = 0;

  constructor(shared: ShimShared, bundle: Bundle) {
    super(shared, bundle);
    this.#link = new ShimLink(this, () => void this.#shimWent());
  }

  /** Makes shim, standard streams and container. What is left of a failure the runtime's cleanUp removes. */
  async make(
    request: CreateRequest,
    file: ProcessFile,
    startShim: () => Promise<StartAnswer>,
    context: string,
  ): Promise<void> {
    const { conmon, busybox, cli, binary } = this.shared;
    const init = this.newProcess("init", file);
    const { terminal, stdin, logPath } = request;
    const { id } = this;
    await this.#listen();
    // Both to their ends, also when one fails: cleanUp must find whatever they make.
    const [shim, stdio] = await Promise.allSettled([
      this.#meetShim(startShim, context),
      init.stdio.open({ conmon, busybox, id, logPath, terminal, stdin, context }),
    ]);
    if (stdio.status === "fulfilled") this.#store.add(stdio.value.lifeline);
    if (shim.status === "rejected") throw shim.reason;
    if (stdio.status === "rejected") throw stdio.reason;
    const pid = await shim.value.create(
      {
        bundle: this.bundle,
        terminal,
        checkpoint: request.checkpoint?.path ?? "",
        stdio: stdio.value.paths,
      },
      { binary: binary.path, root: dirname(cli.root(this.namespace)) },
      context,
    );
    this.list.add(init);
    await init.began(pid);
    await this.noteStart(init.identity, this.#link.identity);
    init.follow();
    await this.#nowWhole();
    this.#retireAtEnd();
  }

  get shim(): ShimState {
    const { shim, binary } = this.shared;
    const { init } = this.list;
    const gone = init?.state.exit !== undefined || init?.lost !== undefined;
    return {
      kind: shim.name,
      pid: init?.state.exit ? undefined : this.#link.identity?.pid,
      alive: !gone || this.unanswered !== undefined,
      startedAt: this.shimStartedAt,
      version: shim.version,
      runtime: {
        name: binary.path.split("/").at(-1) ?? "",
        path: binary.path,
        version: binary.version,
      },
    };
  }

  override dispose(): void {
    super.dispose();
    this.#link.close();
    this.#store.dispose();
  }

  protected override get unanswered(): ErrorInfo | undefined {
    return this.#link.unanswered;
  }

  /** A shim's container is entered from anywhere: root needs no way in. */
  protected get entry(): undefined {
    return undefined;
  }

  protected makeProcess(host: LinuxHost, facts: ProcessFacts, files?: ProcessFiles): ShimProcess {
    const shimHost = {
      ...host,
      service: () => this.#link.service,
      unanswered: () => this.#link.unanswered,
    };
    return new ShimProcess(shimHost, facts, files);
  }

  protected async takeUp(files: ProcessFiles, sameBoot: boolean): Promise<void> {
    const init = this.list.requireInit();
    if (sameBoot) {
      await this.#listen();
      await this.#link.reopen(files.shim);
    }
    try {
      await init.load(files, sameBoot);
      if (this.#link.service && !init.state.exit) await this.#readPhase();
      await this.loadExecs(sameBoot);
    } catch (error) {
      await this.#cantAsk(error);
    }
    await this.#nowWhole();
    this.#retireAtEnd();
  }

  protected async look(): Promise<void> {
    await this.#link.retry();
    if (!this.#link.service) return;
    try {
      await this.#readPhase();
    } catch (error) {
      await this.#cantAsk(error);
      return;
    }
    this.#link.recovered();
    for (const process of this.list.all) if (process.lost) process.found();
  }

  protected async startInit(): Promise<void> {
    const { restored } = this.disk.record;
    const context = this.could(restored ? "restored" : "started");
    try {
      const pid = await this.#requireService().start("", context);
      if (!restored) return;
      const init = this.list.requireInit();
      await init.began(pid);
      await this.noteStart(init.identity, undefined);
    } catch (error) {
      if (!restored) throw error;
      throw await criuError(error, context, join(this.bundle, "work", "restore.log"));
    }
  }

  protected async freeze(): Promise<void> {
    await this.#requireService().pause(this.could("paused"));
  }

  protected async thaw(): Promise<void> {
    await this.#requireService().resume(this.could("resumed"));
  }

  protected async killAll(signal: number): Promise<void> {
    const { service } = this.#link;
    if (service) {
      await service.kill("", signal, true, `${this.subject} could not be signalled`);
      return;
    }
    const pids = await this.livePids();
    if (pids.length === 0) throw new AppError("NOT_FOUND", `${this.subject} has exited already`);
    // One that ended between being listed and signalled is no failure.
    for (const pid of pids) signalPid(pid, signal);
  }

  protected async startExec(request: ExecRequest, options: CallOptions): Promise<ShimProcess> {
    const target = {
      service: this.#requireService(),
      root: this.root,
      make: (file: ProcessFile) => this.newProcess(request.id, file),
    };
    const { process, lifeline } = await startExec(this.shared, this.disk, target, request, options);
    this.#store.add(lifeline);
    this.list.add(process);
    process.follow();
    return process;
  }

  protected async dropExec(id: string, dir: string): Promise<void> {
    await this.#link.service?.kill(id, 9, false, "").catch(() => {});
    await this.#link.service?.delete(id).catch(() => {});
    await new ShimStdio(dir).end();
  }

  protected async pidsWithoutCgroup(init: number): Promise<number[]> {
    return this.#link.service ? this.#link.service.pids() : [init];
  }

  /** A shim that can't be asked leaves the files to be read. */
  protected override async measure(): Promise<TaskStats> {
    return this.#link.service ? this.#link.service.stats() : super.measure();
  }

  protected async change(resources: OciResources): Promise<void> {
    const context = `The limits of container "${this.id}" could not be changed`;
    await this.#requireService().update(resources, context);
  }

  /** Once begun, a dump comes to its end: the shim can't be told to leave it. */
  protected async dumpTo(
    request: CheckpointRequest,
    work: string,
    context: string,
    options: CallOptions,
  ): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#requireService().checkpoint(request, work, context);
  }

  /** Others may do without a shim that hangs, but not without one that only does not answer us now. */
  protected override async beforeForce(): Promise<void> {
    if (this.unanswered && !(await this.#isShared())) await this.#link.end(0);
  }

  protected release(): Promise<void> {
    this.#retiring ??= inTurn(this.shared, this.disk.record, () => this.#retire());
    return this.#retiring;
  }

  async #meetShim(startShim: () => Promise<StartAnswer>, context: string): Promise<TaskService> {
    const { rootfs: mount, shimGroup } = this.disk.record;
    const service = await this.#link.meet(await startShim(), this.disk.processDir("init"));
    const shim = this.#link.identity;
    if (shimGroup !== undefined && shim) {
      const target = this.disk.rootfs;
      await mountInShim(this.shared, shim.pid, { mount, target }, context);
    }
    return service;
  }

  /** Its shim holds other containers too. */
  async #isShared(): Promise<boolean> {
    const shim = this.#link.identity;
    return (
      this.disk.record.shimGroup !== undefined &&
      shim !== undefined &&
      (await this.#link.alive()) &&
      isShared(this.shared.paths, shim.pid, this.bundle)
    );
  }

  async #listen(): Promise<void> {
    const { paths } = this.shared;
    const subscription = await listenToShim(paths, this, (event) => this.#hear(event));
    this.#store.add(subscription);
  }

  #hear(event: ShimEvent): void {
    if (event.type === "oom") {
      this.list.init?.noteOom();
      return;
    }
    const process = this.list.get(event.processId);
    // One of an earlier process of the same name comes too late.
    if (process?.identity?.pid === event.pid) void process.noteExit(event.exit);
  }

  /** The connection ended: the shim was killed, or closed it and is asked once more. */
  async #shimWent(): Promise<void> {
    const { init } = this.list;
    // While it is made or loaded, whoever does that meets the error.
    if (!this.#whole || this.disposed || this.#retiring || !init || init.state.exit) return;
    if (await this.#link.alive()) {
      const again = Date.now() - this.#wentAt < reconnectPause;
      this.#wentAt = Date.now();
      if (again) this.#link.giveUp(new AppError("UNAVAILABLE", "it ends every connection"));
      else await this.#link.retry();
    }
    if (this.disposed) return;
    if (this.#link.service) for (const process of this.list.all) process.follow();
    else await this.#tellLost();
  }

  /** Made or loaded; what happened meanwhile is looked at now. */
  async #nowWhole(): Promise<void> {
    this.#whole = true;
    if (!this.#link.service && !this.list.init?.lost) await this.#shimWent();
  }

  /** It hangs or talks nonsense. What the kernel knows is still true. */
  async #cantAsk(error: unknown): Promise<void> {
    this.#link.giveUp(error);
    await this.#tellLost();
  }

  async #tellLost(): Promise<void> {
    await Promise.all(this.list.all.map((process) => process.shimGone()));
  }

  async #readPhase(): Promise<void> {
    const { status, exit } = await this.#requireService().state("");
    if (status === taskStatus.created) this.enterPhase("created");
    else if (status === taskStatus.running) this.enterPhase("running");
    else if (status === taskStatus.paused || status === taskStatus.pausing)
      this.enterPhase("paused");
    else if (status === taskStatus.stopped) await this.list.init?.noteExit(exit);
  }

  #retireAtEnd(): void {
    void this.wait().then(() => {
      if (!this.disposed) void this.release();
    });
  }

  /**
   * Lets go of shim and container once init has ended and that is written down. Never rejects: what can't be done
   * through the shim is done by hand. A shim that holds others is left to them.
   */
  async #retire(): Promise<void> {
    const { cli } = this.shared;
    const { service } = this.#link;
    const shared = await this.#isShared();
    try {
      if (!service) throw new AppError("UNAVAILABLE", "There is no shim to ask");
      await this.#execsEnd();
      for (const { execId } of this.list.execs) await service.delete(execId).catch(() => {});
      await service.delete("");
      if (!shared) await service.shutdown();
    } catch {
      if (!shared) await this.#link.end(0);
      await cli.delete(this.namespace, this.id, undefined, true).catch(() => {});
      await clearCgroup(this.disk.ref);
      await cli.discard(this.namespace, this.id);
      await this.#tellLost();
    }
    if (shared) this.#link.close();
    else await this.#link.end(shutdownGrace);
    if (this.disk.record.shimGroup !== undefined) {
      await rm(join(this.disk.processDir("init"), "shim.pid"), { force: true });
    }
    for (const process of this.list.all) await process.stdio.end();
  }

  /** They went with init's pid namespace; a container without one of its own may have left some. */
  async #execsEnd(): Promise<void> {
    const signal = AbortSignal.timeout(execGrace);
    for (const process of this.list.execs) {
      await process.wait({ signal }).catch(() => process.end());
    }
  }

  #requireService(): TaskService {
    if (this.#link.service) return this.#link.service;
    const lost = this.unanswered ?? this.list.init?.lost;
    if (lost) throw AppError.fromInfo(lost);
    throw new AppError("UNAVAILABLE", `The shim of ${this.subject} is gone`);
  }
}
