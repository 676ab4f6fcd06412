import { setTimeout as delay } from "node:timers/promises";
import type { ContainerConfig } from "#shared/contract/containers";
import { AppError, isCode } from "#shared/errors";
import { explainFullDisk } from "../base/disk.ts";
import { defaultNamespace } from "../base/ids.ts";
import { needsNetwork } from "../checkpoints/outer-network.ts";
import type { Exchange, Topic } from "../events/exchange.ts";
import { readyCgroupLock } from "../host/cgroup-lock.ts";
import { containerLog, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { ImageService } from "../images/image-service.ts";
import type { OperationContext, OperationService } from "../operations/operation-service.ts";
import type { NetworkPlan } from "../network/network-plan.ts";
import type { NetworkService } from "../network/network-service.ts";
import { etcMounts } from "../network/etc-files.ts";
import { placeVolumes } from "../volumes/volume-uses.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import { lookUpUser, withGroups } from "../runtime/oci/user.ts";
import type { CheckpointImage, OciSpec, Task, TaskStatus, Tasks } from "../runtime/runtime.ts";
import type { Snapshotter } from "../snapshots/snapshotter.ts";
import type { SystemService } from "../system/system-service.ts";
import type { Activities } from "./activities.ts";
import type { ContainerRecord, ContainerStore } from "./container-store.ts";
import { RestartSupervisor, wantsRestart } from "./restart-supervisor.ts";
import { nameError } from "./name-error.ts";
import { parseSignal, stopSignalOf } from "./signals.ts";
import { makeSpec, type SpecResult } from "./spec.ts";
import { findHostSide } from "./spec/host-side.ts";
import { idMapsOf, mountMaps, openWay, requireMapped, requireOwnMounts } from "./spec/id-maps.ts";

const sigkill = 9;
/** After SIGKILL the kernel needs this long only when a process hangs in it. Milliseconds. */
const killDeadline = 10_000;

export interface LifecycleOptions {
  paths: Paths;
  privileges: Privileges;
  store: ContainerStore;
  tasks: Tasks;
  images: ImageService;
  snapshots: Snapshotter;
  networks: NetworkService;
  volumes: VolumeService;
  operations: OperationService;
  exchange: Exchange;
  system: SystemService;
  activities: Activities;
  /** When the disk has been looked through. */
  ready: Promise<void>;
}

/** A spec, and the network that it was made for. */
export interface MadeSpec extends SpecResult {
  network: NetworkPlan;
}

interface LaunchOptions {
  checkpoint?: CheckpointImage & { runtime: string };
  /** The spec, where it was made just now, and what it asks of the network was looked at. */
  made?: MadeSpec;
}

/** What of standard input and output a container has. */
export function streams(config: ContainerConfig): { terminal: boolean; stdin: boolean } {
  return { terminal: config.terminal, stdin: config.stdin ?? config.terminal };
}

const live: TaskStatus[] = ["running", "paused", "shim-lost"];

/** The running side of containers: start, stop, kill, restart, pause, resume. */
export class Lifecycle {
  readonly #o: LifecycleOptions;
  readonly supervisor: RestartSupervisor;
  /** Called, and waited for, before a container's files are mounted by its shim, or removed. */
  releaseFiles: (id: string) => Promise<void> = () => Promise.resolve();

  constructor(options: LifecycleOptions) {
    this.#o = options;
    this.supervisor = new RestartSupervisor((id) => void this.#restartByPolicy(id));
  }

  task(id: string): Task | undefined {
    return this.#o.tasks.get(defaultNamespace, id);
  }

  isLive(id: string): boolean {
    const task = this.task(id);
    return task !== undefined && live.includes(task.state.status);
  }

  /** The user decides from here: a restart by policy is let end, and none follows. */
  async takeOver(id: string): Promise<void> {
    const busy = this.#o.activities.get(id);
    if (busy?.name === "restarting" && busy.operationId === undefined) await busy.ended;
    this.supervisor.forget(id);
  }

  async start(id: string): Promise<void> {
    await this.#o.ready;
    const { config } = this.#o.store.get(id);
    await this.takeOver(id);
    await this.#o.activities.run(id, config.name, { name: "starting" }, async () => {
      await this.#countAnew(id);
      await this.launch(id);
    });
  }

  /**
   * Stops with its stop signal, and after `grace` seconds (its own, else the settings') with SIGKILL. Nothing happens to
   * a container that does not run. Cancelling leaves it as it is then. `within`: see OperationService.run.
   */
  async stop(id: string, grace?: number, within?: AbortSignal): Promise<void> {
    await this.#o.ready;
    const { config } = this.#o.store.get(id);
    this.requireWhole(id, config.name);
    await this.takeOver(id);
    if (!this.isLive(id)) {
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
    this.requireWhole(id, config.name);
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
          await this.launch(id);
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
    this.#publish("/tasks/paused", id);
  }

  async resume(id: string): Promise<void> {
    await this.#o.ready;
    await this.#named(id, this.#requireLive(id, "be resumed").resume());
    this.#publish("/tasks/resumed", id);
  }

  /**
   * Makes and starts a task, from a checkpoint when one is given. The caller holds the container's
   * activity. What fails is undone and remembered in the record until the next start.
   */
  async launch(id: string, options: LaunchOptions = {}): Promise<void> {
    const { store } = this.#o;
    const { checkpoint } = options;
    const { config } = store.get(id);
    // The wait that it spares is as long as all that comes before the runtime needs the lock.
    readyCgroupLock();
    try {
      await this.releaseFiles(id);
      await this.#removeEnded(id, config.name);
      this.#o.volumes.claims.require(store.get(id));
      await this.#launch(store.get(id), options);
    } catch (thrown) {
      const verb = checkpoint ? "restored" : "started";
      const explained = await explainFullDisk(thrown, this.#o.paths.data);
      const error = nameError(explained, { id, name: config.name }, `could not be ${verb}`);
      if (store.find(id) && !this.isLive(id)) {
        await store.update(id, { startError: error.toInfo() }).catch(() => undefined);
      }
      this.#publish("/shimyard/start-failed", id, { error: error.message });
      throw error;
    }
  }

  /** How it would be connected; see planNetwork. */
  plan({ config, runtime }: ContainerRecord): NetworkPlan {
    return this.#o.networks.plan(config, this.#o.system.runtime(runtime).name === "runsc");
  }

  /** The spec as it would be now, with what it can't hold. */
  async spec(record: ContainerRecord): Promise<MadeSpec> {
    const { images, snapshots, system, paths, volumes } = this.#o;
    const layers = images.layersOf(record.image.id);
    const { id, config } = record;
    const [files, host] = await Promise.all([
      snapshots.userFiles(defaultNamespace, id, layers),
      findHostSide(config, {
        rootless: system.facts.rootless,
        pidOf: (container, field) => this.#pidOf(container, field),
      }),
    ]);
    const { facts } = system;
    const network = this.plan(record);
    const user = withGroups(
      files,
      lookUpUser(files, config.user || record.image.config.user || "0"),
      config.groupAdd ?? [],
    );
    const ids = idMapsOf(config, record.firstId);
    if (ids) requireMapped(ids, user);
    const made = makeSpec({
      ...{ id, config, image: record.image.config, user, facts, network, host, ids },
      mounts: placeVolumes(record, (name) => volumes.directory(name)),
      etc: etcMounts(paths, defaultNamespace, id),
      limits: system.runtime(record.runtime).abilities.limits,
    });
    return { ...made, network };
  }

  /** Of a container by its name or the beginning of its id. */
  #pidOf(container: string, field: string): number {
    const { store } = this.#o;
    const id =
      store.idOf(container) ?? store.list().find((one) => one.id.startsWith(container))?.id;
    if (id === undefined) {
      throw new AppError("NOT_FOUND", `There is no container "${container}"`, { field });
    }
    const pid = this.isLive(id) ? this.task(id)?.state.pid : undefined;
    if (pid !== undefined) return pid;
    throw new AppError(
      "FAILED_PRECONDITION",
      `It shares what "${container}" has, which does not run`,
      {
        ...{ field, hint: `Start "${container}" first.` },
      },
    );
  }

  async #launch(before: ContainerRecord, { checkpoint, made }: LaunchOptions): Promise<void> {
    const { store, tasks, images, snapshots, paths, system, networks } = this.#o;
    const { connections } = networks;
    const { id, config } = before;
    const wanted = checkpoint?.runtime ?? config.runtime ?? before.runtime;
    await system.known(wanted);
    const runtime = checkpoint?.runtime ?? system.chooseRuntime(wanted);
    const record = { ...before, runtime };
    const { spec, warnings, notes, network } = made ?? (await this.spec(record));
    let task: Task;
    try {
      const rootfs = await snapshots.mounts(defaultNamespace, id, images.layersOf(record.image.id));
      const ids = idMapsOf(config, record.firstId);
      if (ids) {
        requireOwnMounts(system.runtime(runtime));
        await openWay(paths.data);
        rootfs.idmap = mountMaps(ids);
      }
      if (system.runtime(runtime).plainLayers) {
        rootfs.lower = await images.directoriesOf(record.image.id);
      }
      // The network of one with users of its own has to be theirs.
      const ahead =
        ids === undefined && (checkpoint === undefined || (await needsNetwork(checkpoint.path)));
      const checked = made !== undefined;
      const path = await connections.prepare(record, network, { checked, ahead });
      task = await tasks.create(runtime, {
        namespace: defaultNamespace,
        id,
        spec: path === undefined ? spec : inNetwork(spec, path),
        rootfs,
        ...streams(config),
        logPath: containerLog(paths, defaultNamespace, id),
        labels: {},
        ...(config.shimGroup === undefined ? {} : { shimGroup: config.shimGroup }),
        ...(checkpoint ? { checkpoint } : {}),
      });
    } catch (error) {
      await connections.release(id);
      throw error;
    }
    this.#publish("/tasks/create", id, { runtime });
    // Before the start, so that the exit of a short one comes after it; the disk follows beside it.
    const saved = store.update(id, {
      ...{ runtime, warnings, notes, startedAt: Date.now(), stoppedByUser: false },
      ...{ exit: undefined, startError: undefined },
    });
    try {
      const { pid } = task.state;
      // One that was restored may have ended already.
      if (pid !== undefined) await connections.join(id, network, pid);
      if (task.state.status === "created") await task.start();
      await saved;
    } catch (error) {
      await saved.catch(() => undefined);
      await task.delete({ force: true }).catch(() => undefined);
      await connections.release(id);
      throw error;
    }
    this.#publish("/tasks/start", id, { pid: String(task.state.pid ?? "") });
  }

  /** Makes room for a new task: what ended goes, what runs or can't be understood is in the way. */
  async #removeEnded(id: string, name: string): Promise<void> {
    this.requireWhole(id, name);
    const task = this.task(id);
    if (!task) return;
    const subject = `container "${name}"`;
    const { status } = task.state;
    if (status === "running" || status === "paused") {
      throw new AppError("FAILED_PRECONDITION", `it is ${status} already`, { subject });
    }
    if (status === "shim-lost" || status === "unknown") {
      throw new AppError("FAILED_PRECONDITION", "what is left of it has to be stopped first", {
        subject,
        hint: "Stop it, then start it again.",
      });
    }
    // `created` was left by a manager that was killed between create and start.
    await task.delete({ force: status === "created" });
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

  async #restartByPolicy(id: string): Promise<void> {
    const { store, activities } = this.#o;
    const record = store.find(id);
    if (!record || this.isLive(id) || activities.get(id)) return;
    const always = record.config.restart.name === "always";
    if (!always && !wantsRestart(record)) return;
    const restartCount = record.restartCount + 1;
    this.#publish("/shimyard/restarting", id, { count: String(restartCount) });
    await activities
      .run(id, record.config.name, { name: "restarting" }, async () => {
        await store.update(id, { restartCount });
        await this.launch(id);
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

  /** DATA_LOSS, or what else it is, when what is kept of its task can't be read. */
  requireWhole(id: string, name: string): void {
    const broken = this.#o.tasks
      .broken()
      .find(({ bundle }) => bundle.id === id && bundle.namespace === defaultNamespace);
    if (!broken) return;
    const { code, message, details } = broken.error;
    throw new AppError(code, `What is kept of "${name}" can't be read: ${message}`, {
      ...details,
      hint: "Delete it by force.",
    });
  }

  #requireLive(id: string, what: string): Task {
    const { config } = this.#o.store.get(id);
    this.requireWhole(id, config.name);
    const task = this.task(id);
    if (task && this.isLive(id)) return task;
    throw new AppError(
      "FAILED_PRECONDITION",
      `"${config.name}" does not run, so it can't ${what}`,
      {
        subject: `container "${config.name}"`,
        hint: "Start it first.",
      },
    );
  }

  #publish(topic: Topic, id: string, data: Record<string, string> = {}): void {
    const containerName = this.#o.store.find(id)?.config.name;
    this.#o.exchange.publish({
      topic,
      containerId: id,
      ...(containerName ? { containerName } : {}),
      data,
    });
  }
}

/** In a network namespace that is there already. */
function inNetwork(spec: OciSpec, path: string): OciSpec {
  const { linux } = spec;
  const namespaces = linux.namespaces.map((one) =>
    one.type === "network" ? { ...one, path } : one,
  );
  return { ...spec, linux: { ...linux, namespaces } };
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
