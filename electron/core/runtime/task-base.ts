import { Emitter, type Event } from "#shared/base/emitter";
import { AppError, type ErrorInfo } from "#shared/errors";
import { deleteCheckpoint, listCheckpoints, recordCheckpoint } from "./checkpoint-dir.ts";
import type { ProcessBase } from "./process-base.ts";
import { ProcessList } from "./process-list.ts";
import type {
  CallOptions,
  CheckpointRecord,
  CheckpointRequest,
  ExecRequest,
  ExitStatus,
  OciResources,
  Process,
  RunRequest,
  RunResult,
  ShimState,
  Task,
  TaskEvent,
  TaskPid,
  TaskState,
  TaskStats,
} from "./runtime.ts";
import { Serial } from "./serial.ts";

/** Of a task whose init lives: created until started, then running or paused. */
export type Phase = "created" | "running" | "paused";

/** What a task is, from its first moment to its last. */
export interface TaskFacts {
  namespace: string;
  id: string;
  /** Absolute path. */
  bundle: string;
  runtime: string;
  labels: Readonly<Record<string, string>>;
}

const execId = /^[a-z0-9-]{1,64}$/;

/**
 * What the tasks of every kind of shim have in common: the phases and what each allows, the order in which a life's
 * steps are taken, the processes, and events, which are kept until someone listens. A kind supplies the steps below
 * the line; they are called only when they fit the state, `startInit`, `freeze`, `thaw`, `change`, `dump`, `release`
 * and `removeBundle` one at a time.
 */
export abstract class TaskBase<P extends ProcessBase> implements Task {
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
  readonly runtime: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As errors call it: `container "web"`. */
  protected readonly subject: string;
  protected readonly list: ProcessList<P>;
  readonly #lifecycle = new Serial();
  readonly #events = new Emitter<TaskEvent>();
  /** What happened before anyone listened. */
  #untold: TaskEvent[] | undefined = [];
  #phase: Phase = "created";
  #deleted = false;
  #disposed = false;

  constructor(facts: TaskFacts) {
    this.namespace = facts.namespace;
    this.id = facts.id;
    this.bundle = facts.bundle;
    this.runtime = facts.runtime;
    this.labels = facts.labels;
    this.subject = `container "${facts.id}"`;
    this.list = new ProcessList(this.subject);
  }

  readonly onEvent: Event<TaskEvent> = (listener) => {
    const subscription = this.#events.event(listener);
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold) {
      queueMicrotask(() => {
        untold.forEach((event) => this.#events.fire(event));
        this.caughtUp();
      });
    }
    return subscription;
  };

  get state(): TaskState {
    const { init } = this.list;
    const exit = init?.state.exit;
    const { unanswered } = this;
    const lost = init?.lost;
    const living = unanswered ? "unknown" : lost ? "shim-lost" : this.#phase;
    return {
      status: exit ? "exited" : living,
      pid: init?.state.pid,
      startedAt: this.startedAt,
      exit,
      error: exit ? undefined : (unanswered ?? lost),
    };
  }

  async refresh(options: CallOptions = {}): Promise<TaskState> {
    if (!this.list.requireInit().state.exit) await this.look(options);
    return this.state;
  }

  start(options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("started");
      if (this.runsWhenMade) return;
      if (this.#phase !== "created") throw this.#refuse("it runs already");
      await this.startInit(options);
      this.enterPhase("running");
    });
  }

  pause(options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("paused");
      if (this.#phase === "paused") throw this.#refuse("it is paused already");
      await this.freeze(options);
      this.enterPhase("paused");
    });
  }

  resume(options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("resumed");
      if (this.#phase !== "paused") throw this.#refuse("it is not paused");
      await this.thaw(options);
      this.enterPhase("running");
    });
  }

  async kill(signal: number, options: CallOptions & { all?: boolean } = {}): Promise<void> {
    const init = this.list.requireInit();
    if (!options.all) await init.kill(signal);
    else if (init.state.exit) throw this.#exited();
    else await this.killAll(signal);
    if (signal === 9 && this.#phase === "paused") await this.#thawToDie();
  }

  async exec(request: ExecRequest, options: CallOptions = {}): Promise<Process> {
    if (!execId.test(request.id) || request.id === "init") {
      throw new AppError("INVALID_ARGUMENT", `"${request.id}" can't name a process`, {
        field: "id",
      });
    }
    this.#assertEnterable();
    const process = await this.startExec(request, options);
    this.fire({ type: "changed" });
    return process;
  }

  async run(request: RunRequest, options: CallOptions = {}): Promise<RunResult> {
    this.#assertEnterable();
    return this.runCommand(request, options);
  }

  processes(): readonly Process[] {
    return this.list.all;
  }

  process(id: string): Process | undefined {
    return this.list.get(id);
  }

  async pids(options: CallOptions = {}): Promise<TaskPid[]> {
    if (this.list.requireInit().state.exit) return [];
    const pids = await this.livePids(options);
    const known = new Map(this.list.all.map(({ id, state }) => [state.pid, id]));
    return pids.map((pid) => ({ pid, process: known.get(pid) }));
  }

  async stats(options: CallOptions = {}): Promise<TaskStats> {
    this.#assertAlive("measured");
    return this.measure(options);
  }

  update(resources: OciResources, options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("changed");
      if (!changesAnything(resources)) {
        throw new AppError("INVALID_ARGUMENT", "There is no limit to change");
      }
      await this.change(resources, options);
      this.fire({ type: "changed" });
    });
  }

  checkpoint(request: CheckpointRequest, options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      const init = this.#assertAlive("checkpointed");
      if (this.#phase === "created") throw this.#refuse("it was not started yet");
      await this.dump(request, options);
      await recordCheckpoint(this, request);
      // criu ended it; what waits for its exit sees it in order.
      if (!request.leaveRunning) await init.wait(options);
    });
  }

  checkpoints(directory: string): Promise<CheckpointRecord[]> {
    return listCheckpoints(this, directory);
  }

  deleteCheckpoint(directory: string, name: string): Promise<void> {
    return deleteCheckpoint(this, directory, name);
  }

  wait(options: CallOptions = {}): Promise<ExitStatus> {
    return this.list.requireInit().wait(options);
  }

  delete(options: { force?: boolean } = {}): Promise<ExitStatus | undefined> {
    return this.#lifecycle.run(async () => {
      const init = this.list.requireInit();
      if (this.#deleted) return init.state.exit;
      if (!init.state.exit) {
        if (!options.force) throw this.#refuse("it runs", "Stop it first, or delete it by force.");
        await this.beforeForce();
        const ending = init.end();
        if (this.#phase === "paused") await this.#thawToDie();
        await ending;
      }
      await this.release();
      await this.list.settled();
      this.list.dispose();
      await this.removeBundle();
      this.#deleted = true;
      this.fire({ type: "deleted" });
      return init.state.exit;
    });
  }

  /** Lets go of watches and listeners; the container and its shim are untouched. */
  dispose(): void {
    this.#disposed = true;
    this.list.dispose();
    this.#events.dispose();
  }

  protected get disposed(): boolean {
    return this.#disposed;
  }

  /** What the runtime or the kernel say; `changed` is told when it is another one. */
  protected enterPhase(phase: Phase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    // To who has not listened yet, no phase is news.
    if (!this.#untold) this.fire({ type: "changed" });
  }

  protected fire(event: TaskEvent): void {
    if (this.#untold) this.#untold.push(event);
    else this.#events.fire(event);
  }

  /** The sentence that errors of a step begin with: `Container "web" could not be paused`. */
  protected could(done: string): string {
    return `Container "${this.id}" could not be ${done}`;
  }

  /** On cgroup v1 a frozen process is not even killed. */
  async #thawToDie(): Promise<void> {
    await this.thaw({}).catch(() => {});
    if (!this.list.init?.state.exit) this.enterPhase("running");
  }

  #assertAlive(what: string): P {
    if (this.#deleted) throw new AppError("NOT_FOUND", `The task of ${this.subject} is deleted`);
    const init = this.list.requireInit();
    if (!init.state.exit) return init;
    throw new AppError("FAILED_PRECONDITION", `${this.subject} has exited and can't be ${what}`);
  }

  #assertEnterable(): void {
    this.#assertAlive("entered");
    if (this.#phase === "paused") throw this.#refuse("it is paused", "Resume it first.");
    if (this.#phase === "created") throw this.#refuse("it was not started yet");
  }

  #refuse(reason: string, hint?: string): AppError {
    return new AppError("FAILED_PRECONDITION", `Container "${this.id}" can't do that: ${reason}`, {
      subject: this.subject,
      hint,
    });
  }

  #exited(): AppError {
    return new AppError("NOT_FOUND", `${this.subject} has exited already`);
  }

  // --- What a kind supplies -------------------------------------------------------------------------------------

  abstract get shim(): ShimState;

  abstract runtimeState(options?: CallOptions): Promise<string>;

  abstract cgroup(): Promise<Record<string, string> | undefined>;

  /** When init started. */
  protected abstract get startedAt(): number | undefined;

  /** Asks who knows, enters the phase that is told and notes an end that nobody told of. */
  protected abstract look(options: CallOptions): Promise<void>;

  protected abstract startInit(options: CallOptions): Promise<void>;

  protected abstract freeze(options: CallOptions): Promise<void>;

  protected abstract thaw(options: CallOptions): Promise<void>;

  /** To every process of the container; NOT_FOUND when there is none. */
  protected abstract killAll(signal: number): Promise<void>;

  /** Starts another process and adds it to the list, before any event of it; undoes all on failure. */
  protected abstract startExec(request: ExecRequest, options: CallOptions): Promise<P>;

  protected abstract runCommand(request: RunRequest, options: CallOptions): Promise<RunResult>;

  /** Asked while init lives. */
  protected abstract livePids(options: CallOptions): Promise<number[]>;

  /** Asked while init lives, or may. */
  protected abstract measure(options: CallOptions): Promise<TaskStats>;

  /** Never called without a resource to change: a shim may crash of such. */
  protected abstract change(resources: OciResources, options: CallOptions): Promise<void>;

  protected abstract dump(request: CheckpointRequest, options: CallOptions): Promise<void>;

  /** Once init has ended: lets go of container, shim and what execs are left, whatever state they are in. */
  protected abstract release(): Promise<void>;

  protected abstract removeBundle(): Promise<void>;

  /** Why a shim that lives can't be asked; for kinds that ask one. */
  protected get unanswered(): ErrorInfo | undefined {
    return undefined;
  }

  /** It was restored by a kind that does so at creation, and so never waits to be started. */
  protected get runsWhenMade(): boolean {
    return false;
  }

  /** Somebody listens, and has been told what had happened before. */
  protected caughtUp(): void {}

  /** A living init is about to be killed: makes sure that no shim that hangs is waited for. */
  protected beforeForce(): Promise<void> {
    return Promise.resolve();
  }
}

/** An empty object or list limits nothing. */
function changesAnything(resources: OciResources): boolean {
  return Object.values(resources).some(
    (part) => part !== undefined && Object.values(part).some((value) => value !== undefined),
  );
}
