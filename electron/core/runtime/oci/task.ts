import { join } from "node:path";
import { cgroupDirs, cgroupPids, isFrozen } from "#core/host/cgroup";
import { bootId } from "#core/host/proc";
import { Emitter, type Event } from "#shared/base/emitter";
import { AppError, isCode } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import type {
  CallOptions,
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
  TaskState,
} from "../runtime.ts";
import { Serial } from "../serial.ts";
import { checkpoint } from "./checkpoint.ts";
import type { SpawnedShim } from "./conmon.ts";
import { startExec } from "./exec.ts";
import { openStartGate } from "./gate.ts";
import { namespacePids } from "./pids.ts";
import type { OciProcess } from "./process.ts";
import {
  type ProcessFile,
  exists,
  readProcessFiles,
  readProcessJson,
  recordNew,
} from "./process-dir.ts";
import { removeByHand } from "./remove.ts";
import { runInside } from "./run.ts";
import type { OciShared } from "./runtime.ts";
import { TaskProcesses } from "./task-processes.ts";

const execId = /^[a-z0-9-]{1,64}$/;

/** The running side of a container held by conmon, executed by an OCI runtime's command line. */
export class OciTask implements Task {
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
  readonly runtime: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly #shared: OciShared;
  readonly #bundle: Bundle;
  readonly #lifecycle = new Serial();
  readonly #events = new Emitter<TaskEvent>();
  readonly #processes: TaskProcesses;
  /** What happened before anyone listened. */
  #untold: TaskEvent[] | undefined = [];
  /** Of a task whose init lives: created until started, then running or paused. */
  #phase: "created" | "running" | "paused" = "created";
  #deleted = false;

  constructor(shared: OciShared, bundle: Bundle) {
    this.#shared = shared;
    this.#bundle = bundle;
    const { namespace, id, path } = bundle.ref;
    this.namespace = namespace;
    this.id = id;
    this.bundle = path;
    this.runtime = shared.id;
    this.labels = bundle.record.labels;
    this.#processes = new TaskProcesses(shared, bundle, (event) => this.#fire(event));
  }

  readonly onEvent: Event<TaskEvent> = (listener) => {
    const subscription = this.#events.event(listener);
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold) queueMicrotask(() => untold.forEach((event) => this.#events.fire(event)));
    return subscription;
  };

  /** Takes over the init that was just made. */
  async adopt(file: ProcessFile, shim: SpawnedShim): Promise<void> {
    const dir = this.#bundle.processDir("init");
    const files = await recordNew(dir, shim.pid);
    this.#phase = this.#bundle.record.restored ? "running" : "created";
    await this.#processes.addInit(file, files, true, shim.lifeline);
  }

  /** Takes over what an earlier manager left. */
  async load(): Promise<void> {
    const dir = this.#bundle.processDir("init");
    const files = await readProcessFiles(dir);
    if (!files.process) {
      throw new AppError("ABORTED", `The creation of container "${this.id}" was cut short`);
    }
    const sameBoot = this.#bundle.record.bootId === (await bootId());
    await this.#processes.addInit(await readProcessJson(dir), files, sameBoot);
    if (!this.#init?.state.exit) this.#phase = await this.#readPhase();
    await this.#processes.loadExecs(sameBoot);
  }

  get state(): TaskState {
    const init = this.#init;
    const exit = init?.state.exit;
    const lost = init?.lost;
    const status = exit ? "exited" : lost ? "shim-lost" : this.#phase;
    return {
      status,
      pid: init?.state.pid,
      startedAt: this.#processes.startedAt.init,
      exit,
      error: exit ? undefined : lost,
    };
  }

  get shim(): ShimState {
    const { conmon, binary } = this.#shared;
    const exited = this.#init?.state.exit !== undefined;
    return {
      kind: "conmon",
      pid: exited ? undefined : this.#init?.shim?.pid,
      alive: !exited && this.#init?.lost === undefined,
      startedAt: this.#processes.startedAt.shim,
      version: conmon.version,
      runtime: { name: binary.name, path: binary.path, version: binary.version },
    };
  }

  async refresh(options: CallOptions = {}): Promise<TaskState> {
    if (this.#init?.state.exit) return this.state;
    const { state } = await this.#shared.cli.state(
      this.namespace,
      this.id,
      this.#processes.entry,
      options,
    );
    if (state.status === "created" || state.status === "running" || state.status === "paused") {
      this.#enterPhase(state.status);
    }
    return this.state;
  }

  async runtimeState(options: CallOptions = {}): Promise<string> {
    const { cli } = this.#shared;
    return (await cli.state(this.namespace, this.id, this.#processes.entry, options)).text;
  }

  start(options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("started");
      // A restored task runs from the first moment.
      if (this.#bundle.record.restored) return;
      if (this.#phase !== "created") throw this.#refuse("it runs already");
      await openStartGate(
        this.#shared,
        this.#bundle,
        this.#processes.requireInit(),
        this.#processes.entry,
        options,
      );
      this.#enterPhase("running");
    });
  }

  pause(options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("paused");
      if (this.#phase === "paused") throw this.#refuse("it is paused already");
      await this.#cli("pause", "paused", options);
      this.#enterPhase("paused");
    });
  }

  resume(options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("resumed");
      if (this.#phase !== "paused") throw this.#refuse("it is not paused");
      await this.#cli("resume", "resumed", options);
      this.#enterPhase("running");
    });
  }

  async kill(signal: number, options: CallOptions & { all?: boolean } = {}): Promise<void> {
    const init = this.#processes.requireInit();
    if (options.all) {
      const pids = await this.pids();
      if (pids.length === 0)
        throw new AppError("NOT_FOUND", `${this.#processes.subject} has exited already`);
      // One may end between being listed and signalled.
      await Promise.all(pids.map((pid) => init.signal(pid, signal).catch(ignoreNotFound)));
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
    this.#assertAlive("entered");
    if (this.#phase === "paused") throw this.#refuse("it is paused", "Resume it first.");
    if (this.#phase === "created") throw this.#refuse("it was not started yet");
    const target = { entry: this.#processes.entry, pid: this.#init?.state.pid };
    const started = await startExec(this.#shared, this.#bundle, target, request, options);
    const { file, files, lifeline } = started;
    return this.#processes.addExec(request.id, file, files, true, lifeline);
  }

  async run(request: RunRequest, options: CallOptions = {}): Promise<RunResult> {
    this.#assertAlive("entered");
    if (this.#phase === "paused") throw this.#refuse("it is paused", "Resume it first.");
    const pid = this.#init?.state.pid;
    return runInside(
      this.#shared,
      this.#bundle,
      { entry: this.#processes.entry, pid },
      request,
      options,
    );
  }

  processes(): readonly Process[] {
    return this.#processes.list();
  }

  process(id: string): Process | undefined {
    return this.#processes.get(id);
  }

  async pids(): Promise<number[]> {
    const { exit, pid } = this.#processes.requireInit().state;
    if (exit || pid === undefined) return [];
    const dirs = await this.cgroup();
    const pids = dirs ? await cgroupPids(dirs) : [];
    return pids.length > 0 ? pids : namespacePids(pid);
  }

  async cgroup(): Promise<Record<string, string> | undefined> {
    const { cgroupsPath } = this.#bundle.record;
    return cgroupsPath === undefined ? undefined : cgroupDirs(cgroupsPath);
  }

  update(resources: OciResources, options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("changed");
      const { cli } = this.#shared;
      const file = join(this.bundle, "resources.json");
      await cli.update(this.namespace, this.id, this.#processes.entry, resources, file, options);
      this.#fire({ type: "changed" });
    });
  }

  checkpoint(request: CheckpointRequest, options: CallOptions = {}): Promise<void> {
    return this.#lifecycle.run(async () => {
      this.#assertAlive("checkpointed");
      if (this.#phase === "created") throw this.#refuse("it was not started yet");
      await checkpoint(this.#shared, this.#bundle.ref, this.#processes.entry, request, options);
      // criu ended it; what waits for its exit sees it in order.
      if (!request.leaveRunning) await this.#processes.requireInit().wait(options);
    });
  }

  wait(options: CallOptions = {}): Promise<ExitStatus> {
    return this.#processes.requireInit().wait(options);
  }

  delete(options: { force?: boolean } = {}): Promise<ExitStatus | undefined> {
    return this.#lifecycle.run(async () => {
      const init = this.#processes.requireInit();
      if (this.#deleted) return init.state.exit;
      if (!init.state.exit) {
        if (!options.force) throw this.#refuse("it runs", "Stop it first, or delete it by force.");
        const ending = init.end();
        if (this.#phase === "paused") await this.#thaw();
        await ending;
      }
      // They went with init's pid namespace, unless the container has none of its own.
      await this.#processes.endExecs();
      const { cli, privileges } = this.#shared;
      if (!(await removeByHand(this.#shared, this.#bundle))) {
        await cli.delete(this.namespace, this.id, undefined, false);
      }
      await this.#processes.settled();
      this.#processes.dispose();
      await this.#bundle.remove(privileges);
      this.#deleted = true;
      this.#fire({ type: "deleted" });
      return init.state.exit;
    });
  }

  /** Lets go of watches and listeners; the container and its shim are untouched. */
  dispose(): void {
    this.#processes.dispose();
    this.#events.dispose();
  }

  get #init(): OciProcess | undefined {
    return this.#processes.init;
  }

  /** Without asking the runtime, which would be a process for each task of a start. */
  async #readPhase(): Promise<"created" | "running" | "paused"> {
    const gate = join(this.#shared.cli.containerRoot(this.namespace, this.id), "exec.fifo");
    if (!this.#bundle.record.restored && (await exists(gate))) return "created";
    const dirs = await this.cgroup();
    return dirs && (await isFrozen(dirs)) ? "paused" : "running";
  }

  async #cli(command: string, done: string, options: CallOptions): Promise<void> {
    const context = `Container "${this.id}" could not be ${done}`;
    const call = { namespace: this.namespace, entry: this.#processes.entry, context };
    await this.#shared.cli.run(call, [command, this.id], options);
  }

  /** On cgroup v1 a frozen process is not even killed. */
  async #thaw(): Promise<void> {
    await this.#cli("resume", "resumed", {}).catch(() => {});
    if (!this.#init?.state.exit) this.#enterPhase("running");
  }

  #enterPhase(phase: "created" | "running" | "paused"): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#fire({ type: "changed" });
  }

  #assertAlive(what: string): void {
    if (this.#deleted)
      throw new AppError("NOT_FOUND", `The task of ${this.#processes.subject} is deleted`);
    if (!this.#processes.requireInit().state.exit) return;
    throw new AppError(
      "FAILED_PRECONDITION",
      `${this.#processes.subject} has exited and can't be ${what}`,
    );
  }

  #refuse(reason: string, hint?: string): AppError {
    return new AppError("FAILED_PRECONDITION", `Container "${this.id}" can't do that: ${reason}`, {
      subject: this.#processes.subject,
      hint,
    });
  }

  #fire(event: TaskEvent): void {
    if (this.#untold) this.#untold.push(event);
    else this.#events.fire(event);
  }
}

function ignoreNotFound(error: unknown): void {
  if (!isCode(error, "NOT_FOUND")) throw error;
}
