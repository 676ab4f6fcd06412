import { setTimeout as delay } from "node:timers/promises";
import { AppError, isCode } from "#shared/errors";
import { defaultNamespace } from "../base/ids.ts";
import type { OperationContext, OperationService } from "../operations/operation-service.ts";
import type { Task } from "../runtime/runtime.ts";
import type { Activities } from "./activities.ts";
import type { Launcher, LauncherOptions } from "./launcher.ts";
import { nameError } from "./name-error.ts";
import { RestartSupervisor, wantsRestart } from "./restart-supervisor.ts";
import { isLive, requireWhole } from "./running.ts";
import { parseSignal, stopSignalOf } from "./signals.ts";
import { tell } from "./tell.ts";

const sigkill = 9;
/** After SIGKILL the kernel needs this long only when a process hangs in it. Milliseconds. */
const killDeadline = 10_000;

export interface LifecycleOptions extends Pick<
  LauncherOptions,
  "store" | "tasks" | "exchange" | "system"
> {
  launcher: Launcher;
  operations: OperationService;
  activities: Activities;
  /** When the disk has been looked through. */
  ready: Promise<void>;
}

/** The running side of containers: start, stop, kill, restart, pause, resume. */
export class Lifecycle {
  readonly #o: LifecycleOptions;
  readonly supervisor: RestartSupervisor;

  constructor(options: LifecycleOptions) {
    this.#o = options;
    this.supervisor = new RestartSupervisor((id) => void this.#restartByPolicy(id));
  }

  task(id: string): Task | undefined {
    return this.#o.tasks.get(defaultNamespace, id);
  }

  isLive(id: string): boolean {
    return isLive(this.task(id));
  }

  /** The user decides from here: a restart by policy is let end, and none follows. */
  async takeOver(id: string): Promise<void> {
    if (this.isRestartedByPolicy(id)) await this.#o.activities.get(id)?.ended;
    this.supervisor.forget(id);
  }

  async start(id: string): Promise<void> {
    await this.#o.ready;
    const { config } = this.#o.store.get(id);
    await this.takeOver(id);
    await this.#o.activities.run(id, config.name, { name: "starting" }, async () => {
      await this.#countAnew(id);
      await this.#o.launcher.launch(id);
    });
  }

  /**
   * Stops with its stop signal, and after `grace` seconds (its own, else the settings') with SIGKILL. Nothing happens to
   * a container that does not run; FAILED_PRECONDITION while something else is being done to it, as starting it. Cancelling
   * leaves it as it is then. `within`: see OperationService.run.
   */
  async stop(id: string, grace?: number, within?: AbortSignal): Promise<void> {
    await this.#o.ready;
    const { config } = this.#o.store.get(id);
    requireWhole(this.#o.tasks, id, config.name);
    await this.takeOver(id);
    if (!this.isLive(id) && !this.#o.activities.isBegun(id)) {
      await this.#o.store.update(id, { stoppedByUser: true });
      return;
    }
    const spec = { kind: "stop", title: `Stopping ${config.name}`, containerId: id };
    await this.#o.operations.run(
      { ...spec, cancellable: true },
      (op) =>
        this.#o.activities.run(id, config.name, { name: "stopping", operationId: op.id }, () =>
          this.halt(id, grace, op),
        ),
      within,
    );
  }

  async restart(id: string, grace?: number): Promise<void> {
    await this.#o.ready;
    const { config } = this.#o.store.get(id);
    requireWhole(this.#o.tasks, id, config.name);
    await this.takeOver(id);
    const spec = { kind: "restart", title: `Restarting ${config.name}`, containerId: id };
    await this.#o.operations.run({ ...spec, cancellable: true }, (op) =>
      this.#o.activities.run(
        id,
        config.name,
        { name: "restarting", operationId: op.id },
        async () => {
          if (this.isLive(id)) await this.halt(id, grace, op);
          op.detail("Starting");
          await this.#countAnew(id);
          await this.#o.launcher.launch(id);
        },
      ),
    );
  }

  async kill(id: string, signal: string | number): Promise<void> {
    await this.#o.ready;
    const number = parseSignal(signal);
    const task = this.#requireLive(id, "be sent a signal");
    const { config, image } = this.#o.store.get(id);
    // docker's rule (moby: daemon/kill.go): by another signal it ends itself.
    if (number === sigkill || number === stopSignalOf(config, image.config)) {
      this.supervisor.forget(id);
      await this.#o.store.update(id, { stoppedByUser: true });
    }
    await this.#named(id, task.kill(number));
    // A frozen process dies when it is thawed.
    if (number === sigkill && task.state.status === "paused") {
      await task.resume().catch(() => undefined);
    }
  }

  async pause(id: string): Promise<void> {
    await this.#o.ready;
    const task = this.#requireLive(id, "be paused");
    await this.#o.system.known(task.runtime);
    const { pause } = this.#o.system.runtime(task.runtime).abilities;
    if (!pause.ok) {
      throw new AppError("FAILED_PRECONDITION", "Containers can't be paused on this machine", {
        ...(pause.reason ? { hint: pause.reason } : {}),
      });
    }
    await this.#named(id, task.pause());
    tell(this.#o, "/tasks/paused", id);
  }

  async resume(id: string): Promise<void> {
    await this.#o.ready;
    await this.#named(id, this.#requireLive(id, "be resumed").resume());
    tell(this.#o, "/tasks/resumed", id);
  }

  /**
   * As `stop`, within an operation of the caller's, who holds the container's activity. Nothing happens to one without
   * a task.
   */
  async halt(id: string, grace: number | undefined, op: OperationContext): Promise<void> {
    const { store, system } = this.#o;
    const task = this.task(id);
    if (!task) return;
    await store.update(id, { stoppedByUser: true });
    const { config, image } = store.get(id);
    const seconds = grace ?? config.stopGraceSeconds ?? system.settings.value.stopGrace;
    if (seconds > 0) {
      await signalTo(task, stopSignalOf(config, image.config));
      if (task.state.status === "paused") await task.resume().catch(() => undefined);
      if (await endsWithin(task, seconds, op)) return;
      op.detail("Sending SIGKILL");
    }
    await signalTo(task, sigkill);
    if (task.state.status === "paused") await task.resume().catch(() => undefined);
    if (await endsWithin(task, killDeadline / 1000)) return;
    const { error } = task.state;
    if (error && task.state.status === "unknown") {
      throw new AppError(
        "UNAVAILABLE",
        `"${store.get(id).config.name}" was told to end, and whether it did can't be known now`,
        { ...error.details, output: error.message },
      );
    }
    throw new AppError(
      "DEADLINE_EXCEEDED",
      `"${store.get(id).config.name}" is still there ${killDeadline / 1000} s after SIGKILL`,
      {
        hint: "A process of it hangs in the kernel, perhaps in a file system that is not answering.",
      },
    );
  }

  /** What a policy has tried before the user took over does not count. */
  async #countAnew(id: string): Promise<void> {
    const { store } = this.#o;
    if (store.get(id).restartCount > 0) await store.update(id, { restartCount: 0 });
  }

  /** Whether its policy is starting it again just now. */
  isRestartedByPolicy(id: string): boolean {
    const busy = this.#o.activities.get(id);
    return busy?.name === "restarting" && busy.operationId === undefined;
  }

  async #restartByPolicy(id: string): Promise<void> {
    const { store, activities } = this.#o;
    const record = store.find(id);
    if (!record || this.isLive(id) || activities.get(id)) return;
    const always = record.config.restart.name === "always";
    if (!always && !wantsRestart(record)) return;
    const restartCount = record.restartCount + 1;
    await activities
      .run(id, record.config.name, { name: "restarting" }, async () => {
        await store.update(id, { restartCount });
        await this.#o.launcher.launch(id, { partOf: "/shimyard/restarting" });
      })
      // It is in the record and in the journal.
      .catch(() => undefined);
  }

  async #named<T>(id: string, work: Promise<T>): Promise<T> {
    const { name } = this.#o.store.get(id).config;
    return work.catch((error: unknown) => {
      throw nameError(error, { id, name });
    });
  }

  #requireLive(id: string, what: string): Task {
    const { config } = this.#o.store.get(id);
    requireWhole(this.#o.tasks, id, config.name);
    const task = this.task(id);
    if (isLive(task)) return task;
    throw new AppError(
      "FAILED_PRECONDITION",
      `"${config.name}" does not run, so it can't ${what}`,
      {
        subject: `container "${config.name}"`,
        hint: "Start it first.",
      },
    );
  }
}

/** A process that has gone meanwhile needs no signal. */
async function signalTo(task: Task, signal: number): Promise<void> {
  try {
    await task.kill(signal);
  } catch (error) {
    if (!isCode(error, "NOT_FOUND")) throw error;
  }
}

/** Whether it ended in time; cancelling the operation rejects. */
async function endsWithin(task: Task, seconds: number, op?: OperationContext): Promise<boolean> {
  const stop = new AbortController();
  const ended = task.wait({ signal: stop.signal }).then(
    () => true,
    () => false,
  );
  const until = Date.now() + seconds * 1000;
  try {
    for (;;) {
      op?.signal.throwIfAborted();
      const left = until - Date.now();
      if (left <= 0) return task.state.status === "exited";
      op?.detail(`SIGKILL in ${Math.ceil(left / 1000)} s`);
      op?.progress(1 - left / (seconds * 1000));
      const tick = delay(Math.min(1000, left), false, {
        signal: op ? AbortSignal.any([op.signal, stop.signal]) : stop.signal,
      }).catch(() => false);
      if (await Promise.race([ended, tick])) return true;
    }
  } finally {
    stop.abort();
  }
}
