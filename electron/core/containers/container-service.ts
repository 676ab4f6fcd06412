import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { nameProblem } from "#shared/base/names";
import type {
  Container,
  ContainerConfig,
  ContainerDetail,
  DiskUse,
  Limits,
  RestartPolicy,
} from "#shared/contract/containers";
import type { HealthStatus } from "#shared/contract/health";
import { AppError, isCode } from "#shared/errors";
import { defaultNamespace } from "../base/ids.ts";
import { ListWatch } from "../base/list-watch.ts";
import type { Topic } from "../events/exchange.ts";
import { readyCgroupLock } from "../host/cgroup-lock.ts";
import { containerLog } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { RunResult } from "../runtime/runtime.ts";
import { Activities } from "./activities.ts";
import { ContainerRows } from "./container-rows.ts";
import { ContainerStore, type ContainerRecord } from "./container-store.ts";
import { Creator, type CreatorOptions, type Heir } from "./creator.ts";
import { measureContainers } from "./disk-use.ts";
import { requireEnding } from "./require-ending.ts";
import { Launcher, type LauncherOptions } from "./launcher.ts";
import { Lifecycle, type LifecycleOptions } from "./lifecycle.ts";
import { Membership } from "./membership.ts";
import { nameError } from "./name-error.ts";
import { NextContainer } from "./next-container.ts";
import { brokenOf, requireRoom, shimOf } from "./running.ts";
import { updatedResources } from "./spec/limits.ts";
import type { Store } from "../store/store.ts";
import type { Holder } from "../volumes/volume-set.ts";
import { volumesOf } from "../volumes/volume-uses.ts";

/** Bytes kept per stream of a command that is run to its end. */
const maxExecOutput = 1024 * 1024;

export interface ExecCommand {
  args: string[];
  user?: string | undefined;
  cwd?: string | undefined;
  env?: string[] | undefined;
}

export interface ContainerServiceOptions
  extends
    Omit<LauncherOptions, "store">,
    Pick<LifecycleOptions, "operations" | "ready">,
    Pick<CreatorOptions, "onImageUse"> {
  store: Store;
  privileges: Privileges;
}

/** Containers as the user sees them: the record and its running side together. */
export class ContainerService {
  readonly #o: ContainerServiceOptions;
  readonly records: ContainerStore;
  readonly activities: Activities;
  readonly launcher: Launcher;
  readonly lifecycle: Lifecycle;
  readonly #creator: Creator;
  readonly membership: Membership;
  readonly next: NextContainer;
  readonly #rows: ContainerRows;
  readonly #watch: ListWatch<Container>;
  /** Called with the id of a container of which anything is different. */
  onChanged: (id: string) => void = () => undefined;
  /** As its checks have found it. */
  healthOf: (id: string) => HealthStatus | undefined = () => undefined;
  /** Called with the id of a container whose record has gone. */
  onDeleted: (id: string) => void = () => undefined;

  constructor(options: ContainerServiceOptions) {
    this.#o = options;
    const changed = (id: string): void => this.changed(id);
    this.#watch = new ListWatch({
      list: () => this.#rows.list(),
      get: (id) => this.#rows.find(id),
      ready: options.ready,
    });
    this.records = new ContainerStore(options.store, changed);
    this.activities = new Activities(changed);
    this.next = new NextContainer(options);
    const { records, activities, next } = this;
    const shared = { ...options, store: records, activities };
    this.launcher = new Launcher(shared);
    this.lifecycle = new Lifecycle({ ...shared, launcher: this.launcher });
    this.#creator = new Creator({
      ...{ ...shared, launcher: this.launcher, next },
      forget: (record) => this.#forget(record),
    });
    const { lifecycle } = this;
    this.#rows = new ContainerRows({ ...shared, healthOf: (id) => this.healthOf(id) });
    const { networks } = options;
    this.membership = new Membership({ records, activities, lifecycle, networks });
  }

  /** Says that something about a container's task is different. */
  changed(id: string): void {
    this.#watch.changed(id);
    this.onChanged(id);
  }

  async list(): Promise<Container[]> {
    await this.#o.ready;
    return this.#rows.list();
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Container>["watch"]> {
    return this.#watch.watch(signal);
  }

  /** NOT_FOUND when there is none. */
  async get(id: string): Promise<ContainerDetail> {
    await this.#o.ready;
    const record = this.records.get(id);
    const task = this.lifecycle.task(id);
    return {
      container: this.#rows.of(record),
      config: record.config,
      ...(task ? { shim: await shimOf(task), bundle: task.bundle } : {}),
      logPath: containerLog(this.#o.paths, defaultNamespace, id),
      rootfs: { kind: "overlay", upper: this.#o.snapshots.upper(defaultNamespace, id) },
      volumes: volumesOf(record).map(({ name, target, anonymous }) => ({
        ...{ id: name, target, anonymous },
      })),
      warnings: record.warnings,
      notes: record.notes,
    };
  }

  /** The record, the spec and the runtime's own state, as JSON texts. */
  async inspect(
    id: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ record: string; spec: string | null; runtime: string | null }> {
    await this.#o.ready;
    const record = JSON.stringify(this.records.get(id), null, 2);
    const task = this.lifecycle.task(id);
    if (!task) return { record, spec: null, runtime: null };
    const [spec, runtime] = await Promise.all([
      readFile(join(task.bundle, "config.json"), "utf8").then(pretty, () => null),
      task.runtimeState(options).then(pretty, (error: unknown) => {
        // It has forgotten what ended.
        if (isCode(error, "NOT_FOUND")) return null;
        return JSON.stringify({ error: AppError.from(error).toInfo() }, null, 2);
      }),
    ]);
    return { record, spec, runtime };
  }

  async checkName(name: string): Promise<{ ok: boolean; reason?: string }> {
    await this.#o.ready;
    const reason = nameProblem(name) ?? this.records.takenReason(name);
    return reason === undefined ? { ok: true } : { ok: false, reason };
  }

  /** Rejects when a container could not be made so, whatever else there is; nothing is made. */
  async check(config: ContainerConfig): Promise<void> {
    await this.#o.ready;
    await this.#creator.check(config);
  }

  /**
   * Writes the record and makes the container's directories, and starts it if asked to. When any of
   * it fails, nothing of the container stays: who asked still has what they typed. An `heir` has an id that was chosen
   * for it, and the addresses, ports and anonymous volumes of another one, which does not run.
   */
  async create(
    config: ContainerConfig,
    start: boolean,
    heir?: Heir,
  ): Promise<{ id: string; warnings: string[] }> {
    if (start) readyCgroupLock();
    await this.#o.ready;
    return this.#creator.create(config, start, heir);
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#o.ready;
    const record = this.records.get(id);
    if (record.config.name === name) return;
    this.records.requireFreeName(name);
    const from = record.config.name;
    await this.records.update(id, { config: { ...record.config, name } });
    await this.renamed(id);
    this.#publish("/containers/update", this.records.get(id), { name, from });
    // One that is being started may have told others its old name just now.
    const told = this.activities.get(id)?.ended.then(() => this.renamed(id));
    told?.catch(() => undefined);
  }

  /** What shows its name elsewhere is told of the new one that its record has. */
  async renamed(id: string): Promise<void> {
    const record = this.records.get(id);
    await this.#o.networks.connections.renamed(record);
    this.#volumesChanged(record);
  }

  /**
   * Removes everything of a container; its anonymous volumes only if asked to, and if no other one has them.
   * FAILED_PRECONDITION while it runs, unless `force`.
   */
  async delete(id: string, force: boolean, options: { volumes?: boolean } = {}): Promise<void> {
    await this.#o.ready;
    await this.lifecycle.takeOver(id);
    const row = this.#rows.find(id);
    if (!row) this.records.get(id);
    const name = row?.name ?? id.slice(0, 12);
    if (!force && this.lifecycle.isLive(id)) {
      throw new AppError("FAILED_PRECONDITION", `"${name}" is running`, {
        subject: `container "${name}"`,
        hint: "Stop it first, or delete it by force.",
      });
    }
    if (force) await this.#interrupt(id);
    await this.activities.run(id, name, { name: "deleting" }, async () => {
      if (!force && !this.lifecycle.task(id) && brokenOf(this.#o.tasks, id)) {
        throw new AppError("FAILED_PRECONDITION", `What is left of "${name}" can't be read`, {
          subject: `container "${name}"`,
          hint: "Delete it by force.",
        });
      }
      await this.erase(id, force, options);
    });
  }

  /** As `delete`, by one who holds its activity, or before there are any. */
  async erase(id: string, force: boolean, options: { volumes?: boolean } = {}): Promise<void> {
    const { tasks, networks, snapshots, volumes } = this.#o;
    const task = this.lifecycle.task(id);
    if (task) {
      // Anything but an end that was seen may hold processes.
      const ended = task.state.status === "exited" || task.state.status === "created";
      await task.delete({ force: force || ended });
    } else if (brokenOf(this.#o.tasks, id)) await tasks.discard(defaultNamespace, id);
    await networks.connections.forget(id);
    const record = this.records.find(id);
    if (record) await this.#forget(record);
    else await this.records.remove(id);
    await this.launcher.releaseFiles(id);
    await snapshots.remove(defaultNamespace, id);
    if (!record) return;
    for (const { name, anonymous } of volumesOf(record)) {
      if (anonymous && options.volumes) await volumes.claims.removeAnonymous(name);
    }
    this.#volumesChanged(record);
  }

  /** Changes the limits of a running container at once, and of the next task. A limit that is absent is lifted. */
  async updateLimits(id: string, limits: Limits): Promise<void> {
    await this.#o.ready;
    await this.activities.quiet(id);
    const record = this.records.get(id);
    const { moreLimits } = record.config;
    // Refused whether or not it runs: it could not be started with them.
    const resources = updatedResources({ limits, moreLimits }, this.#o.system.facts);
    const task = this.lifecycle.task(id);
    if (task && this.lifecycle.isLive(id)) {
      await this.#o.system.known(task.runtime);
      const { limits: ability } = this.#o.system.runtime(task.runtime).abilities;
      if (!ability.ok) {
        throw new AppError("FAILED_PRECONDITION", "Limits can't be changed on this machine", {
          ...(ability.reason ? { hint: ability.reason } : {}),
        });
      }
      await requireRoom(task, record.config.name, limits);
      try {
        await task.update(resources);
      } catch (error) {
        throw nameError(error, { id, name: record.config.name });
      }
    }
    await this.records.update(id, { config: { ...this.records.get(id).config, limits } });
    this.#publish("/containers/update", this.records.get(id), { limits: JSON.stringify(limits) });
  }

  async updateRestart(id: string, restart: RestartPolicy): Promise<void> {
    await this.#o.ready;
    const { config } = this.records.get(id);
    requireEnding({ ...config, restart });
    await this.records.update(id, { config: { ...config, restart } });
    if (restart.name === "no") this.lifecycle.supervisor.forget(id);
    this.#publish("/containers/update", this.records.get(id), { restart: restart.name });
  }

  /** Runs one command in a running container to its end. */
  async exec(
    id: string,
    command: ExecCommand,
    options: { signal?: AbortSignal } = {},
  ): Promise<RunResult> {
    await this.#o.ready;
    const { config } = this.records.get(id);
    const task = this.lifecycle.task(id);
    if (!task || task.state.status !== "running") {
      throw new AppError("FAILED_PRECONDITION", `"${config.name}" does not run`, {
        subject: `container "${config.name}"`,
        hint: task?.state.status === "paused" ? "Resume it first." : "Start it first.",
      });
    }
    const { args, user, cwd, env } = command;
    try {
      return await task.run({ args, user, cwd, env, maxOutput: maxExecOutput }, options);
    } catch (error) {
      throw nameError(error, { id, name: config.name });
    }
  }

  /** What every container has on disk. One deleted meanwhile is left out. */
  async diskUse(options: { signal?: AbortSignal } = {}): Promise<DiskUse[]> {
    await this.#o.ready;
    const ids = this.records.list().map(({ id }) => id);
    const { paths, privileges } = this.#o;
    return measureContainers(paths, privileges, defaultNamespace, ids, options);
  }

  /** Tells that a terminal's process was started in a container. */
  executed(id: string, processId: string, args: readonly string[]): void {
    const record = this.records.find(id);
    if (!record) return;
    const data = { process: processId, args: args.join(" ") };
    this.#publish("/tasks/exec-started", record, data);
  }

  /** The containers made from an image. */
  usersOf(imageId: string): { id: string; name: string }[] {
    return this.records
      .list()
      .filter(({ image }) => image.id === imageId)
      .map(({ id, config }) => ({ id, name: config.name }));
  }

  /** Every container, with its volumes. */
  *volumeHolders(): Generator<Holder> {
    for (const record of this.records.list()) {
      const { id, config } = record;
      const live = this.lifecycle.isLive(id) || this.activities.get(id) !== undefined;
      yield { id, name: config.name, live, volumes: volumesOf(record) };
    }
  }

  /** What is being done to it ends now, because it is going to be deleted. */
  async #interrupt(id: string): Promise<void> {
    const busy = this.activities.get(id);
    if (!busy) return;
    await this.lifecycle.kill(id, "SIGKILL").catch(() => undefined);
    await busy.ended;
  }

  #volumesChanged(record: ContainerRecord): void {
    this.#o.volumes.changed(volumesOf(record).map(({ name }) => name));
  }

  async #forget(record: ContainerRecord): Promise<void> {
    await this.records.remove(record.id);
    this.onDeleted(record.id);
    this.#o.onImageUse(record.image.id);
    this.#publish("/containers/delete", record);
  }

  #publish(topic: Topic, record: ContainerRecord, data: Record<string, string> = {}): void {
    this.#o.exchange.publish({
      topic,
      containerId: record.id,
      containerName: record.config.name,
      data,
    });
  }
}

const pretty = (json: string): string => JSON.stringify(JSON.parse(json), null, 2);
