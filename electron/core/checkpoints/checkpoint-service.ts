import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { z } from "zod";
import { Checkpoint, type CheckpointOptions } from "#shared/contract/checkpoints";
import type { Ability } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { explainFullDisk } from "../base/disk.ts";
import { newId } from "../base/ids.ts";
import { ListWatch } from "../base/list-watch.ts";
import type { ContainerService } from "../containers/container-service.ts";
import { nameError } from "../containers/name-error.ts";
import type { Exchange, Topic } from "../events/exchange.ts";
import { checkpointDir, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import { measure } from "../images/unpack.ts";
import type { OperationService } from "../operations/operation-service.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import type { Collection, DamagedRecord, Store } from "../store/store.ts";
import type { SystemService } from "../system/system-service.ts";

const CheckpointRecord = Checkpoint.omit({ containerExists: true });
type CheckpointRecord = z.infer<typeof CheckpointRecord>;

export interface CheckpointServiceOptions {
  paths: Paths;
  privileges: Privileges;
  store: Store;
  containers: ContainerService;
  operations: OperationService;
  exchange: Exchange;
  system: SystemService;
  /** When the containers are known. */
  ready: Promise<void>;
}

/** The library of checkpoints: criu's images of a container's processes, kept until they are deleted. */
export class CheckpointService {
  readonly #o: CheckpointServiceOptions;
  readonly #collection: Collection<typeof CheckpointRecord>;
  readonly #records = new Map<string, CheckpointRecord>();
  readonly #damaged: readonly DamagedRecord[];
  readonly #watch: ListWatch<Checkpoint>;
  /** Called, and waited for, before a container's processes are written: none but its own may be among them. */
  quiet: (id: string) => Promise<void> = () => Promise.resolve();

  constructor(options: CheckpointServiceOptions) {
    this.#o = options;
    this.#collection = options.store.collection("checkpoints", CheckpointRecord);
    const { records, damaged } = this.#collection.all();
    for (const record of records) this.#records.set(record.id, record);
    this.#damaged = damaged;
    this.#watch = new ListWatch({
      list: () => [...this.#records.values()].map((record) => this.#shown(record)),
      get: (id) => {
        const record = this.#records.get(id);
        return record && this.#shown(record);
      },
      ready: options.ready,
    });
  }

  /** Removes what checkpoints that were cut off have left. */
  async tidy(): Promise<void> {
    const known = new Set([...this.#records.keys(), ...this.#damaged.map(({ id }) => id)]);
    const root = dirname(checkpointDir(this.#o.paths, "id"));
    for (const name of await readdir(root).catch(() => [])) {
      if (!known.has(name)) await removeTree(join(root, name), this.#o.privileges);
    }
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Checkpoint>["watch"]> {
    return this.#watch.watch(signal);
  }

  /** Says that a container has gone: its checkpoints stay, but have nowhere to be restored to. */
  containerDeleted(containerId: string): void {
    for (const record of this.#of(containerId)) this.#watch.changed(record.id);
  }

  /** Freezes a running container's processes into a directory; nothing stays when that fails. */
  async create(containerId: string, name: string, options: CheckpointOptions): Promise<Checkpoint> {
    const { containers, operations, paths, privileges, system } = this.#o;
    await this.#o.ready;
    const { config } = containers.records.get(containerId);
    const subject = `container "${config.name}"`;
    const task = containers.lifecycle.task(containerId);
    if (!task || (task.state.status !== "running" && task.state.status !== "paused")) {
      throw new AppError("FAILED_PRECONDITION", `"${config.name}" does not run`, {
        subject,
        hint: "Start it first.",
      });
    }
    await system.known(task.runtime);
    requireAbility(system.runtime(task.runtime).abilities.checkpoint);
    if (this.#of(containerId).some((record) => record.name === name)) {
      throw new AppError(
        "ALREADY_EXISTS",
        `"${config.name}" has a checkpoint named "${name}" already`,
        { field: "name" },
      );
    }
    const spec = { kind: "checkpoint", title: `Checkpointing ${config.name}`, containerId };
    // criu can't be stopped half-way without harm to what it has frozen.
    return operations.run({ ...spec, cancellable: false }, (op) =>
      containers.activities.run(
        containerId,
        config.name,
        { name: "checkpointing", operationId: op.id },
        async () => {
          const id = newId();
          const directory = checkpointDir(paths, id);
          const policy = containers.records.get(containerId).stoppedByUser;
          try {
            await mkdir(directory, { recursive: true, mode: 0o700 });
            // Its end is wanted: no restart policy may answer it.
            if (!options.leaveRunning) {
              await containers.records.update(containerId, { stoppedByUser: true });
            }
            await this.quiet(containerId);
            op.detail("Writing its processes to disk");
            await task.checkpoint({ path: join(directory, "image"), ...options });
            op.detail("Counting");
            const { size } = await measure(directory, privileges);
            const record: CheckpointRecord = {
              ...{ id, containerId, containerName: config.name, name, options, size },
              createdAt: Date.now(),
              runtime: task.runtime,
            };
            await this.#collection.put(id, record);
            this.#records.set(id, record);
            this.#watch.changed(id);
            this.#publish("/tasks/checkpointed", record);
            if (!options.leaveRunning) await task.wait({ signal: AbortSignal.timeout(10_000) });
            return this.#shown(record);
          } catch (thrown) {
            const error = await explainFullDisk(thrown, directory);
            if (!this.#records.has(id)) {
              await removeTree(directory, privileges).catch(() => undefined);
            }
            if (containers.lifecycle.isLive(containerId)) {
              await containers.records.update(containerId, { stoppedByUser: policy });
            }
            const named = { id: containerId, name: config.name };
            throw nameError(error, named, "could not be checkpointed");
          }
        },
      ),
    );
  }

  /** Brings the processes back into the container they were taken from, which must not run. */
  async restore(id: string): Promise<void> {
    const { containers, operations, paths, system } = this.#o;
    await this.#o.ready;
    const record = this.#get(id);
    await system.known(record.runtime);
    const container = containers.records.find(record.containerId);
    if (!container) {
      throw new AppError(
        "FAILED_PRECONDITION",
        `"${record.containerName}", which this checkpoint was taken from, was deleted`,
        { subject: `checkpoint "${record.name}"` },
      );
    }
    const { config } = container;
    if (containers.lifecycle.isLive(container.id)) {
      throw new AppError("FAILED_PRECONDITION", `"${config.name}" is running`, {
        subject: `container "${config.name}"`,
        hint: "Stop it first, then restore.",
      });
    }
    requireAbility(system.runtime(record.runtime).abilities.checkpoint);
    await containers.lifecycle.takeOver(container.id);
    const spec = { kind: "restore", title: `Restoring ${config.name}`, containerId: container.id };
    await operations.run({ ...spec, cancellable: false }, (op) =>
      containers.activities.run(
        container.id,
        config.name,
        { name: "restoring", operationId: op.id },
        async () => {
          op.detail(`From "${record.name}"`);
          const { tcpEstablished, fileLocks, externalUnixSockets } = record.options;
          await containers.launcher.launch(container.id, {
            checkpoint: {
              ...{ tcpEstablished, fileLocks, externalUnixSockets },
              path: join(checkpointDir(paths, id), "image"),
              runtime: record.runtime,
            },
          });
          this.#publish("/shimyard/restored", record);
        },
      ),
    );
  }

  async delete(id: string): Promise<void> {
    const record = this.#get(id);
    await this.#collection.remove(id);
    this.#records.delete(id);
    this.#watch.changed(id);
    await removeTree(checkpointDir(this.#o.paths, id), this.#o.privileges);
    this.#publish("/shimyard/checkpoint-deleted", record);
  }

  async deleteOf(containerId: string): Promise<void> {
    for (const { id } of this.#of(containerId)) await this.delete(id);
  }

  #of(containerId: string): CheckpointRecord[] {
    return [...this.#records.values()].filter((record) => record.containerId === containerId);
  }

  #get(id: string): CheckpointRecord {
    const record = this.#records.get(id);
    if (record) return record;
    throw new AppError("NOT_FOUND", "There is no such checkpoint", { hint: "It was deleted." });
  }

  #shown(record: CheckpointRecord): Checkpoint {
    const { containers } = this.#o;
    return {
      ...record,
      containerExists: containers.records.find(record.containerId) !== undefined,
    };
  }

  #publish(topic: Topic, record: CheckpointRecord): void {
    const { containerId, containerName, name, size } = record;
    this.#o.exchange.publish({
      ...{ topic, containerId, containerName },
      data: { checkpoint: name, size: String(size) },
    });
  }
}

function requireAbility(ability: Ability): void {
  if (ability.ok) return;
  throw new AppError("FAILED_PRECONDITION", "Checkpoints can't be used on this machine", {
    ...(ability.reason ? { hint: ability.reason } : {}),
  });
}
