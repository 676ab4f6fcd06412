import { join } from "node:path";
import { DisposableStore } from "#shared/base/disposable";
import { AppError, type ErrorInfo } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import { makeProcessDir } from "../exec-dir.ts";
import { type ProcessFile, endPid } from "../process-dir.ts";
import type {
  CallOptions,
  ExecRequest,
  RunRequest,
  RunResult,
  ShimState,
  TaskStats,
} from "../runtime.ts";
import { type ShimEvent, listenToShim } from "../shim/events.ts";
import { type ShimExit, taskStatus } from "../shim/task-service.ts";
import type { TtrpcTaskService } from "../shim/ttrpc-task-service.ts";
import { TaskBase } from "../task-base.ts";
import { BoundedQueue } from "./bounded-queue.ts";
import { connectNew, followLog } from "./connect.ts";
import { hcsError } from "./hcs-error.ts";
import { WindowsProcess } from "./process.ts";
import { runThrough } from "./run.ts";
import type { WindowsShared } from "./shared.ts";
import { deleteShim, shimOptions, startShim } from "./shim-command.ts";
import { windowsExec } from "./spec.ts";
import { eventsPipe, logPipe, shimId } from "./transport.ts";

/** Events that may wait to be handled: as many as a shim keeps for itself. */
const maxEvents = 128;

/** Milliseconds for a shim that was told to end. */
const shutdownGrace = 1000;

/** The running side of a container that Windows' shim holds. It ends with the shim, and is not taken up by another. */
export class WindowsTask extends TaskBase<WindowsProcess> {
  readonly #shared: WindowsShared;
  readonly #disk: Bundle;
  readonly #store = new DisposableStore();
  readonly #events = new BoundedQueue<ShimEvent>(maxEvents, (event) => this.#hear(event));
  /** While the shim is there. */
  #service: TtrpcTaskService | undefined;
  #shimPid: number | undefined;
  #startedAt: number | undefined;
  #unanswered: ErrorInfo | undefined;
  #retiring: Promise<void> | undefined;

  constructor(shared: WindowsShared, bundle: Bundle) {
    const { namespace, id, path } = bundle.ref;
    super({ namespace, id, bundle: path, runtime: shared.id, labels: bundle.record.labels });
    this.#shared = shared;
    this.#disk = bundle;
  }

  /** Makes shim, standard streams and container. What is left of a failure the runtime's cleanUp removes. */
  async make(file: ProcessFile, context: string): Promise<void> {
    const { paths, transport } = this.#shared;
    const { terminal } = this.#disk.record;
    const ref = { namespace: this.namespace, id: shimId(paths, this) };
    const init = this.#newProcess("init", file);
    // Known before it began: whatever fails, its streams are closed with the task.
    this.list.add(init);
    const events = transport.address(eventsPipe(paths));
    const hear = (event: ShimEvent): Promise<void> => this.#events.push(event);
    this.#store.add(await listenToShim(paths, ref, hear, events));
    const stdio = await init.open();
    const answer = await startShim(this.#shared, this.#disk.ref, context);
    this.#store.add(followLog(transport.address(logPipe(ref)), join(this.bundle, "log")));
    const service = await connectNew(ref.id, answer);
    this.#service = service;
    service.onClose(() => void this.#shimWent());
    this.#shimPid = await service.shimPid();
    try {
      const request = { bundle: this.bundle, terminal, checkpoint: "", stdio };
      await init.began(await service.create(request, shimOptions, context));
    } catch (error) {
      throw hcsError(error, file.args[0]);
    }
    init.follow();
    void this.wait().then(() => {
      if (!this.disposed) void this.release();
    });
  }

  /** It has ended in an earlier manager's time, or with it; `told`: that one published it. */
  async wasEnded(file: ProcessFile, exit: ShimExit, told: boolean): Promise<void> {
    const init = this.#newProcess("init", file);
    this.list.add(init);
    this.#retiring = Promise.resolve();
    await init.noteExit(exit, told);
  }

  get shim(): ShimState {
    const { name, path, version } = this.#shared.shim;
    const gone = this.list.init?.state.exit !== undefined;
    return {
      kind: name,
      pid: gone ? undefined : this.#shimPid,
      alive: this.#service !== undefined,
      startedAt: this.#disk.record.createdAt,
      version,
      // What it runs containers with is Windows itself.
      runtime: { name, path, version },
    };
  }

  /** In the form of an OCI runtime's (runtime.md#state): the shim's own words. */
  async runtimeState(): Promise<string> {
    const { status, pid } = await this.#requireService().state("");
    const words = Object.entries(taskStatus).find(([, number]) => number === status)?.[0];
    return JSON.stringify(
      { ociVersion: "1.0.2", id: this.id, status: words ?? "unknown", pid, bundle: this.bundle },
      undefined,
      2,
    );
  }

  cgroup(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override dispose(): void {
    super.dispose();
    this.#events.close();
    this.#service?.close();
    this.#store.dispose();
  }

  protected get startedAt(): number | undefined {
    return this.#startedAt;
  }

  protected override get unanswered(): ErrorInfo | undefined {
    return this.#unanswered;
  }

  protected async look(): Promise<void> {
    const service = this.#requireService();
    try {
      const { status, exit } = await service.state("");
      this.#unanswered = undefined;
      if (status === taskStatus.created || status === taskStatus.running) {
        this.enterPhase(status === taskStatus.created ? "created" : "running");
      } else if (status === taskStatus.stopped) await this.list.init?.noteExit(exit);
    } catch (error) {
      // It went meanwhile: that is told.
      if (!this.#service) return;
      const { code, message } = AppError.from(error);
      const what = `The shim of ${this.subject} lives but does not answer: ${message}`;
      const hint = "Try again, or delete the task by force, which ends its shim.";
      this.#unanswered = new AppError(code, what, { hint }).toInfo();
    }
  }

  protected async startInit(): Promise<void> {
    const init = this.list.requireInit();
    try {
      await init.began(await this.#requireService().start("", this.could("started")));
      this.#startedAt = Date.now();
    } catch (error) {
      throw hcsError(error, init.args[0]);
    }
  }

  protected freeze(): Promise<void> {
    throw cannot("be paused");
  }

  protected thaw(): Promise<void> {
    throw cannot("be paused");
  }

  protected change(): Promise<void> {
    throw cannot("be limited yet");
  }

  protected dump(): Promise<void> {
    throw cannot("be checkpointed");
  }

  protected async killAll(signal: number): Promise<void> {
    const context = `${this.subject} could not be signalled`;
    await this.#requireService().kill("", signal, true, context);
  }

  protected async startExec(request: ExecRequest, options: CallOptions): Promise<WindowsProcess> {
    const service = this.#requireService();
    options.signal?.throwIfAborted();
    const asked = await windowsExec(await this.#disk.spec(), request, this.#shared.privileges);
    const { file, context } = await makeProcessDir(this.#disk, request, asked);
    const process = this.#newProcess(request.id, file);
    try {
      const { shimyard: _own, ...spec } = file;
      const stdio = await process.open();
      await service.exec(request.id, { terminal: request.terminal, spec, stdio }, context);
      await process.began(await service.start(request.id, context));
    } catch (error) {
      // The shim has it once it was told of it.
      await process.discard();
      throw hcsError(error, request.args[0]);
    }
    this.list.add(process);
    process.follow();
    return process;
  }

  protected async runCommand(request: RunRequest, options: CallOptions): Promise<RunResult> {
    const spec = await windowsExec(await this.#disk.spec(), request, this.#shared.privileges);
    const context = `The command could not be run in ${this.subject}`;
    try {
      const asked = { ...request, spec, context };
      return await runThrough(this.#requireService(), this.#shared.transport, asked, options);
    } catch (error) {
      throw hcsError(error, request.args[0]);
    }
  }

  protected livePids(): Promise<number[]> {
    return this.#requireService().pids();
  }

  protected async measure(): Promise<TaskStats> {
    const service = this.#requireService();
    const [stats, pids] = await Promise.all([service.stats(), service.pids()]);
    return { ...stats, pids: pids.length };
  }

  protected override async beforeForce(): Promise<void> {
    // Its container ends with it.
    if (this.#unanswered && this.#service && this.#shimPid !== undefined) endPid(this.#shimPid);
  }

  protected release(): Promise<void> {
    this.#retiring ??= this.#retire();
    return this.#retiring;
  }

  protected removeBundle(): Promise<void> {
    return this.#disk.remove(this.#shared.privileges);
  }

  async #hear(event: ShimEvent): Promise<void> {
    if (event.type === "exit") await this.list.get(event.processId)?.noteExit(event.exit);
  }

  /** The connection ended: the shim has, and its container with it (hcsshim's ShouldTerminateOnLastHandleClosed). */
  async #shimWent(): Promise<void> {
    this.#service = undefined;
    this.#unanswered = undefined;
    const { init } = this.list;
    if (this.disposed || this.#retiring || !init || init.state.exit) return;
    const unseen = { code: 255, at: Date.now() };
    const exit = await deleteShim(this.#shared, this.#disk.ref).catch(() => unseen);
    for (const process of this.list.all.toReversed()) await process.noteExit(exit);
  }

  /** Lets go of container and shim once init has ended. Never rejects: what the shim does not do is done without it. */
  async #retire(): Promise<void> {
    const service = this.#service;
    try {
      if (!service) throw new AppError("UNAVAILABLE", "There is no shim to ask");
      for (const { execId } of this.list.execs) await service.delete(execId).catch(() => {});
      await service.delete("");
      await service.shutdown();
    } catch {
      await deleteShim(this.#shared, this.#disk.ref).catch(() => {});
    }
    // They went with the container.
    const exit = { code: 255, at: Date.now() };
    for (const process of this.list.execs) await process.noteExit(exit);
    const end = Date.now() + shutdownGrace;
    while (this.#service && Date.now() < end) await new Promise((go) => setTimeout(go, 5));
    // As long as it holds the connection, the number it told is its own.
    if (this.#service && this.#shimPid !== undefined) endPid(this.#shimPid);
  }

  #newProcess(id: string, file: ProcessFile): WindowsProcess {
    const { record } = this.#disk;
    const isInit = id === "init";
    const directory = this.#disk.processDir(id);
    const { args, shimyard } = file;
    return new WindowsProcess(
      this.#shared,
      {
        name: isInit ? this.subject : `process "${id}" of ${this.subject}`,
        service: () => this.#service,
        lastSign: () => Promise.resolve(Date.now()),
        fire: (event) => this.fire(event),
        forget: (forgotten) => this.list.forget(forgotten),
      },
      {
        ...{ id, args, directory, user: shimyard.user, createdAt: shimyard.createdAt },
        logPath: isInit ? record.logPath : join(directory, "log"),
        terminal: isInit ? record.terminal : (file.terminal ?? false),
        stdin: isInit ? record.stdin : true,
      },
    );
  }

  #requireService(): TtrpcTaskService {
    if (this.#service) return this.#service;
    throw new AppError("UNAVAILABLE", `The shim of ${this.subject} is gone`);
  }
}

function cannot(what: string): AppError {
  return new AppError("UNIMPLEMENTED", `Windows containers can't ${what}`);
}
