import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { nameProblem, suggestName } from "#shared/base/names";
import type {
  Container,
  ContainerConfig,
  ContainerDetail,
  DiskUse,
  Limits,
  RestartPolicy,
} from "#shared/contract/containers";
import type { HealthStatus } from "#shared/contract/health";
import { AppError, type ErrorInfo, isCode } from "#shared/errors";
import { defaultNamespace, newId } from "../base/ids.ts";
import { ListWatch } from "../base/list-watch.ts";
import type { Topic } from "../events/exchange.ts";
import { readyCgroupLock } from "../host/cgroup-lock.ts";
import { containerLog } from "../host/paths.ts";
import type { RunResult } from "../runtime/runtime.ts";
import { nameOf } from "../images/image-config.ts";
import { Activities } from "./activities.ts";
import { ContainerStore, type ContainerRecord } from "./container-store.ts";
import { type Live, toContainer, toOrphan } from "./container-view.ts";
import { measureContainers } from "./disk-use.ts";
import { requireEnding } from "./ending.ts";
import { Lifecycle, type LifecycleOptions, streams } from "./lifecycle.ts";
import { Membership } from "./membership.ts";
import { nameError } from "./name-error.ts";
import { NextContainer } from "./next-container.ts";
import { requireRoom, shimOf } from "./running.ts";
import { freeIds } from "./spec/id-maps.ts";
import { updatedResources } from "./spec/limits.ts";
import type { Store } from "../store/store.ts";
import type { Holder } from "../volumes/volume-set.ts";
import { nameOwnVolumes, volumesOf } from "../volumes/volume-uses.ts";

/** Bytes kept per stream of a command that is run to its end. */
const maxExecOutput = 1024 * 1024;

export interface ExecCommand {
  args: string[];
  user?: string | undefined;
  cwd?: string | undefined;
  env?: string[] | undefined;
}

export interface ContainerServiceOptions extends Omit<LifecycleOptions, "store" | "activities"> {
  store: Store;
  /** The containers of an image have changed. */
  onImageUse(imageId: string): void;
}

/** Containers as the user sees them: the record and its running side together. */
export class ContainerService {
  readonly #o: ContainerServiceOptions;
  readonly records: ContainerStore;
  readonly activities: Activities;
  readonly lifecycle: Lifecycle;
  readonly membership: Membership;
  readonly next: NextContainer;
  readonly #watch: ListWatch<Container>;
  /** Called with the id of a container of which anything is different. */
  onChanged: (id: string) => void = () => undefined;
  /** As its checks have found it. */
  healthOf: (id: string) => HealthStatus | undefined = () => undefined;
  /** Of which there may be no record yet. */
  readonly #creating = new Set<ContainerRecord>();
  /** Called with the id of a container whose record has gone. */
  onDeleted: (id: string) => void = () => undefined;

  constructor(options: ContainerServiceOptions) {
    this.#o = options;
    const changed = (id: string): void => this.changed(id);
    this.#watch = new ListWatch({
      list: () => this.#list(),
      get: (id) => this.#find(id),
      ready: options.ready,
    });
    this.records = new ContainerStore(options.store, changed);
    this.activities = new Activities(changed);
    this.next = new NextContainer(options);
    this.lifecycle = new Lifecycle({
      ...options,
      store: this.records,
      activities: this.activities,
    });
    const { records, lifecycle } = this;
    this.membership = new Membership({ records, lifecycle, networks: options.networks });
  }

  /** Says that something about a container's task is different. */
  changed(id: string): void {
    this.#watch.changed(id);
    this.onChanged(id);
  }

  async list(): Promise<Container[]> {
    await this.#o.ready;
    return this.#list();
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
      container: toContainer(record, this.#live(id)),
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
    const reason = nameProblem(name) ?? this.#takenReason(name);
    return reason === undefined ? { ok: true } : { ok: false, reason };
  }

  /** Rejects when a container could not be made so, whatever else there is; nothing is made. */
  async check(config: ContainerConfig): Promise<void> {
    await this.#o.ready;
    await this.#o.system.known(config.runtime);
    requireEnding(config);
    await this.lifecycle.spec(this.#newRecord(config));
  }

  /**
   * Writes the record and makes the container's directories, and starts it if asked to. When any of
   * it fails, nothing of the container stays: who asked still has what they typed. An `heir` has an id that was chosen
   * for it, and the addresses, ports and anonymous volumes of another one, which does not run.
   */
  async create(
    config: ContainerConfig,
    start: boolean,
    heir?: { id: string; of: string },
  ): Promise<{ id: string; warnings: string[] }> {
    const { images, snapshots, system, networks, volumes } = this.#o;
    if (start) readyCgroupLock();
    await this.#o.ready;
    await system.known(config.runtime);
    this.requireFreeName(config.name);
    requireEnding(config);
    const record = this.#newRecord(config, heir);
    const { image, runtime } = record;
    this.#creating.add(record);
    const hold = images.hold(image.id);
    const place = start && !heir ? this.next.take({ runtime, ...streams(config) }) : undefined;
    const id = place?.id ?? record.id;
    record.id = id;
    await this.activities
      .run(id, config.name, { name: "creating" }, async () => {
        if (heir) await networks.connections.inherit(record, heir.of);
        if (place) void this.lifecycle.begin(record, place).catch(() => undefined);
        const making = this.lifecycle.spec(record);
        // Looked at below, when the directories are there or have failed.
        making.catch(() => undefined);
        // Before anything is known of it: a port that is taken, an address that is not the network's.
        const checking = networks.connections.check(record, this.lifecycle.plan(record));
        checking.catch(() => undefined);
        if (!place) await snapshots.prepare(defaultNamespace, id);
        // Before the start, so that it finds in them what its image has there.
        const claiming = volumes.claims.claim(record);
        claiming.catch(() => undefined);
        try {
          const [made, claim] = await Promise.all([making, claiming, checking]);
          Object.assign(record, { warnings: made.warnings, notes: made.notes });
          this.requireFreeName(config.name);
          // In memory at once; the disk follows beside the launch, and is waited for.
          const saved = this.records.put(record);
          this.#o.onImageUse(image.id);
          this.#publish("/containers/create", record, { image: record.image.name });
          const written = [saved, claim.keep()];
          await allDone(start ? [...written, this.lifecycle.launch(id, { made })] : written);
          this.#volumesChanged(record);
        } catch (error) {
          await this.lifecycle.task(id)?.delete({ force: true });
          await networks.connections.forget(id);
          if (this.records.find(id)) await this.#forget(record);
          await place?.drop();
          await snapshots.remove(defaultNamespace, id);
          await claiming.then(
            (claim) => claim.undo(),
            () => undefined,
          );
          throw error;
        }
        await place?.drop();
      })
      .finally(() => {
        hold.dispose();
        this.#creating.delete(record);
      });
    return { id, warnings: record.warnings };
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#o.ready;
    const record = this.records.get(id);
    if (record.config.name === name) return;
    this.requireFreeName(name);
    const from = record.config.name;
    await this.records.update(id, { config: { ...record.config, name } });
    await this.renamed(id);
    this.#publish("/containers/update", this.records.get(id), { name, from });
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
    const row = this.#find(id);
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
      if (!force && !this.lifecycle.task(id) && this.#broken(id)) {
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
    } else if (this.#broken(id)) await tasks.discard(defaultNamespace, id);
    await networks.connections.forget(id);
    const record = this.records.find(id);
    if (record) await this.#forget(record);
    else await this.records.remove(id);
    await this.lifecycle.releaseFiles(id);
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

  /** A name nobody has. */
  suggestName(): string {
    return suggestName((name) => this.records.idOf(name) !== undefined);
  }

  #newRecord(config: ContainerConfig, heir?: { id: string; of: string }): ContainerRecord {
    const { images, system } = this.#o;
    const image = images.get(config.imageId);
    const runtime = system.chooseRuntime(config.runtime);
    this.#requireShareable(config, runtime);
    const inherited = heir && this.records.get(heir.of).ownVolumes;
    return {
      ...{ id: heir?.id ?? newId(), config, runtime, ...this.#ids(config) },
      ownVolumes: nameOwnVolumes(config.mounts ?? [], image.config.volumes, inherited),
      image: { id: image.id, name: nameOf(image), config: image.config },
      createdAt: Date.now(),
      ...{ restartCount: 0, stoppedByUser: false, warnings: [], notes: [] },
    };
  }

  /** Ids that no other container has, nor one that is being created. */
  #ids({ userns }: ContainerConfig): Pick<ContainerRecord, "firstId"> {
    if (!userns || !("auto" in userns)) return {};
    const taken = [...this.records.list(), ...this.#creating].flatMap(({ config, firstId }) =>
      config.userns && "auto" in config.userns && firstId !== undefined
        ? [{ first: firstId, size: config.userns.auto }]
        : [],
    );
    return { firstId: freeIds(userns.auto, taken) };
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

  #requireShareable({ shimGroup }: ContainerConfig, runtime: string): void {
    const { shareShim } = this.#o.system.runtime(runtime).abilities;
    if (shimGroup === undefined || shareShim.ok) return;
    throw new AppError("INVALID_ARGUMENT", `Containers of ${runtime} can't share a shim`, {
      field: "shimGroup",
      hint: `${shareShim.reason ?? "It holds one each"}: leave the shim group empty, or choose another runtime.`,
    });
  }

  /** ALREADY_EXISTS when another one has it. */
  requireFreeName(name: string): void {
    const reason = this.#takenReason(name);
    if (reason === undefined) return;
    throw new AppError("ALREADY_EXISTS", reason, {
      field: "name",
      hint: `Choose another, as "${this.suggestName()}".`,
    });
  }

  #takenReason(name: string): string | undefined {
    if (this.records.idOf(name) === undefined) return undefined;
    return `There is a container named "${name}" already`;
  }

  #list(): Container[] {
    const rows = this.records.list().map((record) => toContainer(record, this.#live(record.id)));
    const known = new Set(rows.map(({ id }) => id));
    for (const id of this.#orphans()) {
      const row = known.has(id) ? undefined : this.#find(id);
      if (row) rows.push(row);
    }
    return rows;
  }

  #orphans(): Set<string> {
    const { tasks } = this.#o;
    return new Set([
      ...this.records.damaged.map(({ id }) => id),
      ...tasks.list().flatMap(({ namespace, id }) => (namespace === defaultNamespace ? [id] : [])),
      ...tasks
        .broken()
        .flatMap(({ bundle }) => (bundle.namespace === defaultNamespace ? [bundle.id] : [])),
    ]);
  }

  #find(id: string): Container | undefined {
    const record = this.records.find(id);
    const live = this.#live(id);
    if (record) return toContainer(record, live);
    const damaged = this.records.damaged.find((one) => one.id === id);
    if (damaged) return toOrphan(id, live, damaged.error);
    if (live.task) return toOrphan(id, live, lostRecord);
    return live.broken ? toOrphan(id, live, live.broken) : undefined;
  }

  #live(id: string): Live {
    return {
      task: this.lifecycle.task(id),
      ports: this.#o.networks.connections.ports(id),
      broken: this.#broken(id),
      activity: this.activities.get(id),
      health: this.healthOf(id),
    };
  }

  #broken(id: string): ErrorInfo | undefined {
    return this.#o.tasks
      .broken()
      .find(({ bundle }) => bundle.id === id && bundle.namespace === defaultNamespace)?.error;
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

const lostRecord: ErrorInfo = {
  code: "DATA_LOSS",
  message: "Its record is gone",
  details: { hint: "It goes on running; it can only be deleted by force." },
};

const pretty = (json: string): string => JSON.stringify(JSON.parse(json), null, 2);

/** Waits for all of them, also when one fails; rejects as the first that did. */
async function allDone(works: Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(works)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}
