import { join } from "node:path";
import { AppError } from "#shared/errors";
import type { ContainerConfig } from "#shared/contract/containers";
import { allDone } from "../base/all-done.ts";
import { explainFullDisk } from "../base/disk.ts";
import { defaultNamespace } from "../base/ids.ts";
import { needsNetwork } from "../checkpoints/outer-network.ts";
import type { Exchange, Topic } from "../events/exchange.ts";
import { readyCgroupLock } from "../host/cgroup-lock.ts";
import { containerDir, containerLog, type Paths } from "../host/paths.ts";
import type { ImageService } from "../images/image-service.ts";
import { etcMounts } from "../network/etc-files.ts";
import type { NetworkPlan } from "../network/network-plan.ts";
import type { NetworkService } from "../network/network-service.ts";
import { lookUpUser, withGroups } from "../runtime/oci/user.ts";
import type {
  CheckpointImage,
  IdmappedFiles,
  OciSpec,
  RootfsMount,
  Task,
  Tasks,
} from "../runtime/runtime.ts";
import type { Snapshotter } from "../snapshots/snapshotter.ts";
import type { SystemService } from "../system/system-service.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import { placeVolumes } from "../volumes/volume-uses.ts";
import type { ContainerRecord, ContainerStore } from "./container-store.ts";
import { nameError } from "./name-error.ts";
import type { Place } from "./next-container.ts";
import { nameInside, networkOwner, requireOther } from "./other-containers.ts";
import { isLive, requireWhole } from "./running.ts";
import { makeSpec, type SpecResult } from "./spec.ts";
import { findHostSide } from "./spec/host-side.ts";
import { makePlaces, placeMapped } from "./spec/mapped-mounts.ts";
import { idMapsOf, mountMaps, openWay, requireMapped, requireOwnMounts } from "./spec/id-maps.ts";
import { tell } from "./tell.ts";

export interface LauncherOptions {
  paths: Paths;
  store: ContainerStore;
  tasks: Tasks;
  images: ImageService;
  snapshots: Snapshotter;
  networks: NetworkService;
  volumes: VolumeService;
  exchange: Exchange;
  system: SystemService;
}

/** A spec, and the network that it was made for. */
export interface MadeSpec extends SpecResult {
  network: NetworkPlan;
  /** What of its mounts its user namespace is to see as its own. */
  binds: IdmappedFiles["binds"];
}

interface LaunchOptions {
  checkpoint?: CheckpointImage & { runtime: string };
  /** The spec, where it was made just now, with what `connect` answered. */
  made?: MadeSpec & { connected: string | undefined };
  /** An event that tells of the launch, too. */
  partOf?: Topic;
}

/** What of standard input and output a container has. */
export function streams(config: ContainerConfig): { terminal: boolean; stdin: boolean } {
  return { terminal: config.terminal, stdin: config.stdin ?? config.terminal };
}

/** Makes a container's task out of its record: its spec, its root file system, its network, and what runs in them. */
export class Launcher {
  readonly #o: LauncherOptions;
  /** Called, and waited for, before a container's files are mounted by its shim, or removed. */
  releaseFiles: (id: string) => Promise<void> = () => Promise.resolve();

  constructor(options: LauncherOptions) {
    this.#o = options;
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
      if (store.find(id) && !isLive(this.#task(id))) {
        await store.update(id, { startError: error.toInfo() }).catch(() => undefined);
      }
      tell(this.#o, "/shimyard/start-failed", id, { error: error.message });
      throw error;
    }
  }

  /** What of its launch hangs on nothing but its image goes on while the rest is found out. Rejects like `launch`. */
  async begin(record: ContainerRecord, place: Place): Promise<void> {
    const layers = this.layersAhead(record);
    if (layers === undefined) return;
    place.begin(await this.#o.snapshots.mounts(defaultNamespace, record.id, layers));
  }

  /** Its image's layers; undefined where it has them mounted in ways of its own. */
  layersAhead({ config, image, runtime, firstId }: ContainerRecord): string[] | undefined {
    const { images, system } = this.#o;
    const own = idMapsOf(config, firstId) || system.runtime(runtime).plainLayers;
    return own ? undefined : images.layersOf(image.id);
  }

  /**
   * Takes what it needs of its networks, until `launch`, or `forget` of its connections. Answers the path of its network
   * namespace, where that is there before it.
   */
  async connect(
    record: ContainerRecord,
    network: NetworkPlan,
    checkpoint?: CheckpointImage,
  ): Promise<string | undefined> {
    const ahead = async (): Promise<"no" | "yes" | "must"> => {
      // The network of one with users of its own has to be theirs.
      if (idMapsOf(record.config, record.firstId) !== undefined) return "no";
      if (checkpoint === undefined) return "yes";
      return (await needsNetwork(checkpoint.path)) ? "must" : "no";
    };
    return this.#o.networks.connections.prepare(record, network, await ahead());
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
    // docker's rule: who has another one's network has its name and its /etc/hosts as well.
    const owner = networkOwner(this.#o.store, record);
    const user = withGroups(
      files,
      lookUpUser(files, config.user || record.image.config.user || "0"),
      config.groupAdd ?? [],
    );
    const ids = idMapsOf(config, record.firstId);
    if (ids) requireMapped(ids, user);
    const directory = join(containerDir(paths, defaultNamespace, id), "mounts");
    const { mounts, binds } = placeMapped(
      placeVolumes(record, (name) => volumes.directory(name)),
      directory,
    );
    const made = makeSpec({
      ...{ id, config, image: record.image.config, user, facts, network, host, ids },
      ownName: nameInside(owner),
      mounts,
      etc: etcMounts(paths, defaultNamespace, owner.id),
      limits: system.runtime(record.runtime).abilities.limits,
    });
    return { ...made, network, binds };
  }

  #pidOf(container: string, field: string): number {
    const task = this.#task(requireOther(this.#o.store, container, field).id);
    const pid = isLive(task) ? task.state.pid : undefined;
    if (pid !== undefined) return pid;
    throw new AppError(
      "FAILED_PRECONDITION",
      `It shares what "${container}" has, which does not run`,
      {
        ...{ field, hint: `Start "${container}" first.` },
      },
    );
  }

  async #launch(before: ContainerRecord, options: LaunchOptions): Promise<void> {
    const { checkpoint, made, partOf } = options;
    const { store, tasks, paths, system, networks } = this.#o;
    const { connections } = networks;
    const { id, config } = before;
    const wanted = checkpoint?.runtime ?? config.runtime ?? before.runtime;
    await system.known(wanted);
    const runtime = checkpoint?.runtime ?? system.chooseRuntime(wanted);
    const record = { ...before, runtime };
    const { spec, warnings, notes, network, binds } = made ?? (await this.spec(record));
    let task: Task;
    try {
      const [rootfs, path] = await allDone([
        this.#rootfs(record, binds),
        made ? Promise.resolve(made.connected) : this.connect(record, network, checkpoint),
      ]);
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
    tell(this.#o, "/tasks/create", id, { runtime }, partOf);
    // Before the start, so that the exit of a short one comes after it; the disk follows beside it.
    const saved = store.update(id, {
      ...{ runtime, warnings, notes, startedAt: Date.now(), stoppedByUser: false },
      ...{ exit: undefined, startError: undefined },
    });
    // Told below, or by what fails before.
    saved.catch(() => undefined);
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
    tell(this.#o, "/tasks/start", id, { pid: String(task.state.pid ?? "") }, partOf);
  }

  async #rootfs(
    { id, config, image, runtime, firstId }: ContainerRecord,
    binds: IdmappedFiles["binds"] = [],
  ): Promise<RootfsMount> {
    const { images, snapshots, system, paths } = this.#o;
    const rootfs = await snapshots.mounts(defaultNamespace, id, images.layersOf(image.id));
    const ids = idMapsOf(config, firstId);
    if (ids) {
      requireOwnMounts(system.runtime(runtime));
      await openWay(paths.data);
      await makePlaces(binds);
      rootfs.idmap = { ...mountMaps(ids), binds };
    }
    if (system.runtime(runtime).plainLayers) {
      rootfs.lower = await images.directoriesOf(image.id);
    }
    return rootfs;
  }

  /** Makes room for a new task: what ended goes, what runs or can't be understood is in the way. */
  async #removeEnded(id: string, name: string): Promise<void> {
    requireWhole(this.#o.tasks, id, name);
    const task = this.#task(id);
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

  #task(id: string): Task | undefined {
    return this.#o.tasks.get(defaultNamespace, id);
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
