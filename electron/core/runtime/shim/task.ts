import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cgroupDirs, cgroupPids } from "#core/host/cgroup";
import { bootId, startTimeToEpoch } from "#core/host/proc";
import { DisposableStore } from "#shared/base/disposable";
import { Emitter, type Event } from "#shared/base/emitter";
import { AppError } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import { criuError, criuWork } from "../oci/checkpoint.ts";
import { type ProcessFile, endPid, readProcessFiles, readProcessJson } from "../oci/process-dir.ts";
import { runInside } from "../oci/run.ts";
import type {
  CallOptions,
  CheckpointRequest,
  CreateRequest,
  ExecRequest,
  ExitStatus,
  OciResources,
  Process,
  RunRequest,
  RunResult,
  ShimState,
  Task,
  TaskEvent,
  TaskState,
} from "../runtime.ts";
import { Serial } from "../serial.ts";
import { clearCgroup } from "../task-cgroup.ts";
import { type ShimEvent, listenToShim } from "./events.ts";
import { startExec } from "./exec.ts";
import { ShimLink } from "./link.ts";
import { ShimProcess, type ShimProcessHost } from "./process.ts";
import type { ShimShared } from "./runtime.ts";
import type { StartAnswer } from "./start-answer.ts";
import { type TaskService, taskStatus } from "./task-service.ts";

const execId = /^[a-z0-9-]{1,64}$/;

/** Milliseconds for execs to be told of their end once init's took them along. */
const execGrace = 3000;

/** Milliseconds: a shim that ends two connections within this is not asked again by itself. */
const reconnectPause = 10_000;

/** Milliseconds for a shim that was told to end. */
const shutdownGrace = 1000;

type Phase = "created" | "running" | "paused";

/** The running side of a container that a containerd v2 shim holds. */
export class ShimTask implements Task {
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
  readonly runtime: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly #shared: ShimShared;
  readonly #bundle: Bundle;
  readonly #lifecycle = new Serial();
  readonly #events = new Emitter<TaskEvent>();
  readonly #store = new DisposableStore();
  readonly #processes = new Map<string, ShimProcess>();
  readonly #host: ShimProcessHost;
  readonly #link: ShimLink;
  /** What happened before anyone listened. */
  #untold: TaskEvent[] | undefined = [];
  #init: ShimProcess | undefined;
  #phase: Phase = "created";
  #startedAt: number | undefined;
  #shimStartedAt: number | undefined;
  /** Shim and container are let go of as soon as init has ended: an idle shim holds some 13 MB. */
  #retiring: Promise<void> | undefined;
  #whole = false;
  /** When the shim last ended the connection. */
  #wentAt = 0;
  #disposed = false;
  #deleted = false;

  constructor(shared: ShimShared, bundle: Bundle) {
    this.#shared = shared;
    this.#bundle = bundle;
    const { namespace, id, path } = bundle.ref;
    this.namespace = namespace;
    this.id = id;
    this.bundle = path;
    this.runtime = shared.id;
    this.labels = bundle.record.labels;
    this.#link = new ShimLink(this, () => void this.#shimWent());
    this.#host = {
      name: `container "${id}"`,
      processWatch: shared.processWatch,
      cgroupsPath: bundle.record.cgroupsPath,
      service: () => this.#link.service,
      unanswered: () => this.#link.unanswered,
      lastSign: async () => {
        const log = await stat(bundle.record.logPath).catch(() => undefined);
        return Math.round(Math.max(bundle.record.createdAt, log?.mtimeMs ?? 0));
      },
      fire: (event) => this.#fire(event),
      forget: (process) => this.#processes.delete(process.id),
    };
  }

  readonly onEvent: Event<TaskEvent> = (listener) => {
    const subscription = this.#events.event(listener);
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold) queueMicrotask(() => untold.forEach((event) => this.#events.fire(event)));
    return subscription;
  };

  /** Makes shim, standard streams and container. What is left of a failure the runtime's cleanUp removes. */
  async make(
    request: CreateRequest,
    file: ProcessFile,
    startShim: () => Promise<StartAnswer>,
    context: string,
  ): Promise<void> {
    const { conmon, busybox, cli, binary } = this.#shared;
    const init = this.#process("init", file);
    const { terminal, stdin, logPath } = request;
    const { id } = this;
    await this.#listen();
    // Both to their ends, also when one fails: cleanUp must find whatever they make.
    const [shim, stdio] = await Promise.allSettled([
      startShim().then((answer) => this.#link.meet(answer, init.directory)),
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
    this.#init = init;
    await init.began(pid);
    await this.#noteStart();
    init.follow();
    await this.#nowWhole();
    this.#tellWhenRetired(init);
  }

  /** Takes over what an earlier manager left. */
  async load(): Promise<void> {
    const dir = this.#bundle.processDir("init");
    const files = await readProcessFiles(dir);
    if (!files.process) {
      throw new AppError("ABORTED", `The creation of container "${this.id}" was cut short`);
    }
    const sameBoot = this.#bundle.record.bootId === (await bootId());
    const init = this.#process("init", await readProcessJson(dir), files);
    this.#init = init;
    if (sameBoot) {
      await this.#listen();
      await this.#link.reopen(files.shim);
      await this.#noteStart();
    }
    try {
      await init.load(files, sameBoot);
      if (this.#link.service && !init.state.exit) await this.#readPhase();
      const execs = await this.#execDirs();
      await Promise.all(execs.map((id) => this.#loadExec(id, sameBoot)));
    } catch (error) {
      await this.#cantAsk(error);
    }
    await this.#nowWhole();
    this.#tellWhenRetired(init);
  }

  get state(): TaskState {
    const init = this.#init;
    const exit = init?.state.exit;
    const lost = init?.lost;
    const status = exit
      ? "exited"
      : this.#link.unanswered
        ? "unknown"
        : lost
          ? "shim-lost"
          : this.#phase;
    return {
      status,
      pid: init?.state.pid,
      startedAt: this.#startedAt,
      exit,
      error: exit ? undefined : (this.#link.unanswered ?? lost),
    };
  }

  get shim(): ShimState {
    const { shim, binary } = this.#shared;
    const gone = this.#init?.state.exit !== undefined || this.#init?.lost !== undefined;
    const alive = !gone || this.#link.unanswered !== undefined;
    return {
      kind: shim.name,
      pid: this.#init?.state.exit ? undefined : this.#link.identity?.pid,
      alive,
      startedAt: this.#shimStartedAt,
      version: shim.version,
      runtime: {
        name: binary.path.split("/").at(-1) ?? "",
        path: binary.path,
        version: binary.version,
      },
    };
  }

  async refresh(): Promise<TaskState> {
    const init = this.#requireInit();
    if (init.state.exit) return this.state;
    await this.#link.retry();
    if (!this.#link.service) return this.state;
    try {
      await this.#readPhase();
    } catch (error) {
      await this.#cantAsk(error);
      return this.state;
    }
    this.#link.recovered();
    for (const process of this.#all()) if (process.lost) process.found();
    return this.state;
  }

  async runtimeState(options: CallOptions = {}): Promise<string> {
    const { cli } = this.#shared;
    return (await cli.state(this.namespace, this.id, undefined, options)).text;
  }

  start(): Promise<void> {
    return this.#lifecycle.run(async () => {
      const init = this.#assertAlive("started");
      if (this.#phase !== "created") throw this.#refuse("it runs already");
      const { restored } = this.#bundle.record;
      const context = `Container "${this.id}" could not be ${restored ? "restored" : "started"}`;
      try {
        const pid = await this.#requireService().start("", context);
        if (restored) {
          await init.began(pid);
          await this.#noteStart();
        }
      } catch (error) {
        if (!restored) throw error;
        throw await criuError(error, context, join(this.bundle, "work", "restore.log"));
      }
      this.#enterPhase("running");
    });
  }

  pause(): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("paused");
      if (this.#phase === "paused") throw this.#refuse("it is paused already");
      await this.#requireService().pause(`Container "${this.id}" could not be paused`);
      this.#enterPhase("paused");
    });
  }

  resume(): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("resumed");
      if (this.#phase !== "paused") throw this.#refuse("it is not paused");
      await this.#requireService().resume(`Container "${this.id}" could not be resumed`);
      this.#enterPhase("running");
    });
  }

  async kill(signal: number, options: CallOptions & { all?: boolean } = {}): Promise<void> {
    const init = this.#requireInit();
    if (options.all && !init.state.exit && this.#link.service) {
      await this.#link.service.kill("", signal, true, `${this.#host.name} could not be signalled`);
    } else if (options.all) {
      const pids = await this.pids();
      if (pids.length === 0)
        throw new AppError("NOT_FOUND", `${this.#host.name} has exited already`);
      for (const pid of pids) endPid(pid);
    } else {
      await init.kill(signal);
    }
    if (signal === 9 && this.#phase === "paused") await this.#thaw();
  }

  async exec(request: ExecRequest, options: CallOptions = {}): Promise<Process> {
    if (!execId.test(request.id) || request.id === "init") {
      throw new AppError("INVALID_ARGUMENT", `"${request.id}" can't name a process`, {
        field: "id",
      });
    }
    this.#assertEnterable();
    const target = {
      service: this.#requireService(),
      pid: this.#init?.state.pid,
      make: (file: ProcessFile) => this.#process(request.id, file),
    };
    const started = await startExec(this.#shared, this.#bundle, target, request, options);
    const { process, lifeline } = started;
    this.#store.add(lifeline);
    this.#processes.set(request.id, process);
    process.follow();
    return process;
  }

  async run(request: RunRequest, options: CallOptions = {}): Promise<RunResult> {
    this.#assertEnterable();
    const pid = this.#init?.state.pid;
    return runInside(this.#shared, this.#bundle, { entry: undefined, pid }, request, options);
  }

  processes(): readonly Process[] {
    return this.#all();
  }

  process(id: string): Process | undefined {
    return id === "init" ? this.#init : this.#processes.get(id);
  }

  async pids(): Promise<number[]> {
    const { exit, pid } = this.#requireInit().state;
    if (exit || pid === undefined) return [];
    const dirs = await this.cgroup();
    if (dirs) return cgroupPids(dirs);
    return this.#link.service ? this.#link.service.pids() : [pid];
  }

  async cgroup(): Promise<Record<string, string> | undefined> {
    const { cgroupsPath } = this.#bundle.record;
    return cgroupsPath === undefined ? undefined : cgroupDirs(cgroupsPath);
  }

  update(resources: OciResources): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("changed");
      const context = `The limits of container "${this.id}" could not be changed`;
      await this.#requireService().update(resources, context);
      this.#fire({ type: "changed" });
    });
  }

  /** Once begun, a dump comes to its end: the shim can't be told to leave it. */
  checkpoint(request: CheckpointRequest, options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      const init = this.#assertAlive("checkpointed");
      if (this.#phase === "created") throw this.#refuse("it was not started yet");
      options.signal?.throwIfAborted();
      const context = `Container "${this.id}" could not be checkpointed`;
      const work = criuWork(request.path);
      const dirs = [request.path, work];
      await Promise.all(dirs.map((dir) => mkdir(dir, { recursive: true, mode: 0o700 })));
      try {
        await this.#requireService().checkpoint(request, work, context);
      } catch (error) {
        const failure = await criuError(error, context, join(work, "dump.log"));
        await Promise.all(dirs.map((dir) => rm(dir, { recursive: true, force: true })));
        throw failure;
      }
      if (!request.leaveRunning) await init.wait(options);
    });
  }

  wait(options: CallOptions = {}): Promise<ExitStatus> {
    return this.#requireInit().wait(options);
  }

  delete(options: { force?: boolean } = {}): Promise<ExitStatus | undefined> {
    return this.#lifecycle.run(async () => {
      const init = this.#requireInit();
      if (this.#deleted) return init.state.exit;
      if (!init.state.exit) {
        if (!options.force) throw this.#refuse("it runs", "Stop it first, or delete it by force.");
        // Without this a shim that hangs would be waited for.
        if (this.#link.unanswered) await this.#link.end(0);
        const ending = init.end();
        if (this.#phase === "paused") await this.#thaw();
        await ending;
      }
      await (this.#retiring ??= this.#retire());
      await Promise.all(this.#all().map((process) => process.settled()));
      this.#disposeProcesses();
      await this.#bundle.remove(this.#shared.privileges);
      this.#deleted = true;
      this.#fire({ type: "deleted" });
      return init.state.exit;
    });
  }

  /** Lets go of connection, watches and listeners; the container and its shim are untouched. */
  dispose(): void {
    this.#disposed = true;
    this.#disposeProcesses();
    this.#link.close();
    this.#store.dispose();
    this.#events.dispose();
  }

  #process(
    id: string,
    file: ProcessFile,
    files?: Awaited<ReturnType<typeof readProcessFiles>>,
  ): ShimProcess {
    const { record } = this.#bundle;
    const isInit = id === "init";
    const directory = this.#bundle.processDir(id);
    const host = isInit
      ? this.#host
      : { ...this.#host, name: `process "${id}" of ${this.#host.name}` };
    const parts = {
      ...{ id, directory, file },
      logPath: isInit ? record.logPath : join(directory, "log"),
      terminal: isInit ? record.terminal : (file.terminal ?? false),
      stdin: isInit ? record.stdin : true,
    };
    return new ShimProcess(host, parts, files);
  }

  async #listen(): Promise<void> {
    const { paths } = this.#shared;
    const subscription = await listenToShim(paths, this, (event) => this.#hear(event));
    this.#store.add(subscription);
  }

  #hear(event: ShimEvent): void {
    if (event.type === "oom") {
      this.#init?.noteOom();
      return;
    }
    const process = event.processId === "init" ? this.#init : this.#processes.get(event.processId);
    // One of an earlier process of the same name comes too late.
    if (process?.identity?.pid === event.pid) void process.noteExit(event.exit);
  }

  /** The connection ended: the shim was killed, or closed it and is asked once more. */
  async #shimWent(): Promise<void> {
    const init = this.#init;
    // While it is made or loaded, whoever does that meets the error.
    if (!this.#whole || this.#disposed || this.#retiring || !init || init.state.exit) return;
    if (await this.#link.alive()) {
      const again = Date.now() - this.#wentAt < reconnectPause;
      this.#wentAt = Date.now();
      if (again) this.#link.giveUp(new AppError("UNAVAILABLE", "it ends every connection"));
      else await this.#link.retry();
    }
    if (this.#disposed) return;
    if (this.#link.service) for (const process of this.#all()) process.follow();
    else await this.#tellLost();
  }

  /** Made or loaded; what happened meanwhile is looked at now. */
  async #nowWhole(): Promise<void> {
    this.#whole = true;
    if (!this.#link.service && !this.#init?.lost) await this.#shimWent();
  }

  /** It hangs or talks nonsense. What the kernel knows is still true. */
  async #cantAsk(error: unknown): Promise<void> {
    this.#link.giveUp(error);
    await this.#tellLost();
  }

  async #tellLost(): Promise<void> {
    await Promise.all(this.#all().map((process) => process.shimGone()));
  }

  async #noteStart(): Promise<void> {
    const startTime = this.#init?.identity?.startTime;
    if (startTime) this.#startedAt = await startTimeToEpoch(startTime);
    const shim = this.#link.identity;
    if (shim) this.#shimStartedAt = await startTimeToEpoch(shim.startTime);
  }

  async #readPhase(): Promise<void> {
    const { status, exit } = await this.#requireService().state("");
    if (status === taskStatus.created) this.#enterPhase("created");
    else if (status === taskStatus.running) this.#enterPhase("running");
    else if (status === taskStatus.paused || status === taskStatus.pausing)
      this.#enterPhase("paused");
    else if (status === taskStatus.stopped) await this.#init?.noteExit(exit);
  }

  async #loadExec(id: string, sameBoot: boolean): Promise<void> {
    const dir = this.#bundle.processDir(id);
    const files = await readProcessFiles(dir);
    const file = files.process && (await readProcessJson(dir).catch(() => undefined));
    const process = this.#process(id, file ?? noProcess, files);
    if (!file) {
      // Cut short, or damaged: an exec nobody can name is of no use to anyone.
      await this.#link.service?.kill(id, 9, false, "").catch(() => {});
      await this.#link.service?.delete(id).catch(() => {});
      await process.discard();
      return;
    }
    this.#processes.set(id, process);
    await process.load(files, sameBoot);
  }

  async #execDirs(): Promise<string[]> {
    const entries = await readdir(this.#bundle.processDir("."), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && entry.name !== "init")
      .map((entry) => entry.name);
  }

  #tellWhenRetired(init: ShimProcess): void {
    void init.wait().then(() => {
      if (!this.#disposed) this.#retiring ??= this.#retire();
    });
  }

  /**
   * Lets go of shim and container once init has ended and that is written down. Never rejects: what can't be done
   * through the shim is done by hand.
   */
  async #retire(): Promise<void> {
    const { cli } = this.#shared;
    const { service } = this.#link;
    try {
      if (!service) throw new AppError("UNAVAILABLE", "There is no shim to ask");
      await this.#execsEnd();
      for (const { execId } of this.#processes.values())
        await service.delete(execId).catch(() => {});
      await service.delete("");
      await service.shutdown();
    } catch {
      await this.#link.end(0);
      await cli.delete(this.namespace, this.id, undefined, true).catch(() => {});
      await clearCgroup(this.#bundle.ref);
      await cli.discard(this.namespace, this.id);
      await this.#tellLost();
    }
    await this.#link.end(shutdownGrace);
    for (const process of this.#all()) await process.stdio.end();
  }

  /** They went with init's pid namespace; a container without one of its own may have left some. */
  async #execsEnd(): Promise<void> {
    const signal = AbortSignal.timeout(execGrace);
    for (const process of this.#processes.values()) {
      await process.wait({ signal }).catch(() => process.end());
    }
  }

  /** On cgroup v1 a frozen process is not even killed. */
  async #thaw(): Promise<void> {
    await this.#link.service?.resume("").catch(() => {});
    if (!this.#init?.state.exit) this.#enterPhase("running");
  }

  #enterPhase(phase: Phase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#fire({ type: "changed" });
  }

  #requireInit(): ShimProcess {
    if (!this.#init) throw new AppError("INTERNAL", `${this.#host.name} has no first process`);
    return this.#init;
  }

  #requireService(): TaskService {
    if (this.#link.service) return this.#link.service;
    const lost = this.#link.unanswered ?? this.#init?.lost;
    if (lost) throw AppError.fromInfo(lost);
    throw new AppError("UNAVAILABLE", `The shim of ${this.#host.name} is gone`);
  }

  #assertAlive(what: string): ShimProcess {
    if (this.#deleted) throw new AppError("NOT_FOUND", `The task of ${this.#host.name} is deleted`);
    const init = this.#requireInit();
    if (!init.state.exit) return init;
    throw new AppError("FAILED_PRECONDITION", `${this.#host.name} has exited and can't be ${what}`);
  }

  #assertEnterable(): void {
    this.#assertAlive("entered");
    if (this.#phase === "paused") throw this.#refuse("it is paused", "Resume it first.");
    if (this.#phase === "created") throw this.#refuse("it was not started yet");
  }

  #refuse(reason: string, hint?: string): AppError {
    return new AppError("FAILED_PRECONDITION", `Container "${this.id}" can't do that: ${reason}`, {
      subject: this.#host.name,
      hint,
    });
  }

  #all(): ShimProcess[] {
    return this.#init ? [this.#init, ...this.#processes.values()] : [];
  }

  #disposeProcesses(): void {
    for (const process of this.#all()) process.dispose();
  }

  #fire(event: TaskEvent): void {
    if (this.#untold) this.#untold.push(event);
    else this.#events.fire(event);
  }
}

/** Stands for an exec of which nothing is known but its directory. */
const noProcess: ProcessFile = {
  args: [],
  cwd: "/",
  user: { uid: 0, gid: 0 },
  shimyard: { id: "", createdAt: 0 },
};
