import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { SystemInfo } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { Closing } from "./base/closing.ts";
import { defaultNamespace } from "./base/ids.ts";
import { CheckpointService } from "./checkpoints/checkpoint-service.ts";
import { ContainerService } from "./containers/container-service.ts";
import { removeAllEnded } from "./containers/ending.ts";
import { reconcile, TaskWatcher } from "./containers/task-watcher.ts";
import { ExtensionService } from "./extensions/extension-service.ts";
import { Exchange } from "./events/exchange.ts";
import { Journal } from "./events/journal.ts";
import { FileService } from "./files/file-service.ts";
import { acquireLock, type Lock } from "./host/lock.ts";
import { containerLog, type Paths, signInsFile } from "./host/paths.ts";
import { choosePrivileges } from "./host/privileges.ts";
import type { BuildService } from "./images/builds/build-service.ts";
import { ContainerImageService } from "./images/container-image-service.ts";
import { createImages } from "./images/create-images.ts";
import type { ImageService } from "./images/image-service.ts";
import type { TransferService } from "./images/transfer-service.ts";
import { HealthService } from "./health/health-service.ts";
import { LogService } from "./logs/log-service.ts";
import { UserGrounds } from "./network/ground.ts";
import { NetworkService } from "./network/network-service.ts";
import { OperationService } from "./operations/operation-service.ts";
import { TaskManager } from "./runtime/manager.ts";
import { Places } from "./remotes/places.ts";
import { RemoteService } from "./remotes/remote-service.ts";
import { Visits } from "./remotes/visits.ts";
import { ProjectService } from "./projects/project-service.ts";
import { ReplacementService } from "./replacements/replacement-service.ts";
import { RegistryService } from "./registry/registry-service.ts";
import { FileSecretStore, type SecretStore } from "./registry/secret-store.ts";
import { RuntimeRegistry } from "./runtime/plugin.ts";
import type { Tasks } from "./runtime/runtime.ts";
import { ShimService } from "./shims/shim-service.ts";
import { chooseLayerStore } from "./snapshots/choose-layer-store.ts";
import type { LayerKind } from "./snapshots/layer.ts";
import { Snapshotter } from "./snapshots/snapshotter.ts";
import { ProcessService } from "./stats/process-service.ts";
import { StatsService } from "./stats/stats-service.ts";
import { Store } from "./store/store.ts";
import { SystemService } from "./system/system-service.ts";
import { TerminalService } from "./terminals/terminal-service.ts";
import { VolumeService } from "./volumes/volume-service.ts";

export interface CoreConfig {
  paths: Paths;
  version: string;
  kind: SystemInfo["kind"];
  /** Directory of the extensions that come with the product. */
  shippedExtensions?: string;
  /** Where sign-ins to registries are kept; absent: in a file that only this user can read. */
  secrets?: SecretStore;
  /** How layers are kept; absent: the best that this host can. */
  layers?: LayerKind;
}

/** The runtime manager: every service, made once. */
export interface Core {
  readonly lock: Lock;
  readonly system: SystemService;
  readonly exchange: Exchange;
  readonly operations: OperationService;
  readonly images: ImageService;
  readonly transfers: TransferService;
  readonly containerImages: ContainerImageService;
  readonly builds: BuildService;
  readonly registries: RegistryService;
  readonly containers: ContainerService;
  readonly health: HealthService;
  readonly replacements: ReplacementService;
  readonly checkpoints: CheckpointService;
  readonly files: FileService;
  readonly networks: NetworkService;
  readonly projects: ProjectService;
  readonly volumes: VolumeService;
  readonly logs: LogService;
  readonly terminals: TerminalService;
  readonly stats: StatsService;
  readonly processes: ProcessService;
  readonly shims: ShimService;
  readonly extensions: ExtensionService;
  readonly remotes: RemoteService;
  readonly tasks: Tasks;
  /** When the disk has been looked through; lists wait for it. Rejects when that failed as a whole. */
  readonly ready: Promise<void>;
  /** Lets go of everything and leaves all containers running. */
  close(): Promise<void>;
}

/**
 * The composition root. Answers once the root is ours and its database is open, before runtimes are
 * probed and tasks are loaded, so that the window need not wait; lists arrive when `ready` resolves.
 * Rejects, having let go of everything, when another manager has the root (FAILED_PRECONDITION) or
 * the database is damaged (DATA_LOSS).
 */
export async function createCore(config: CoreConfig): Promise<Core> {
  const { paths, version, kind } = config;
  await mkdir(paths.data, { recursive: true, mode: 0o700 });
  const closing = new Closing();
  try {
    const lock = await acquireLock({ paths, kind });
    closing.add(() => lock.dispose());
    const store = await Store.open(join(paths.data, "meta"));
    closing.add(() => store.close());
    const journal = await Journal.open(join(paths.data, "journal"));
    closing.add(() => journal.close());

    const privileges = choosePrivileges();
    const exchange = new Exchange(journal);
    const operations = new OperationService();
    closing.add(() => operations.dispose());
    const registry = new RuntimeRegistry();
    const tasks: Tasks = new TaskManager({ paths, registry, privileges });
    closing.add(() => tasks.dispose());
    const places = new Places(store);
    const grounds = privileges.rootless ? new UserGrounds(paths) : undefined;
    const system = await SystemService.create({
      ...{ paths, privileges, registry, store, places, version, kind },
      namespaces: grounds?.namespaces,
    });
    closing.add(() => system.dispose());
    const layers = await chooseLayerStore({ paths, privileges, kind: config.layers });
    const snapshots = new Snapshotter(paths, privileges, layers);
    const registries = new RegistryService({
      ...{ store, env: process.env, home: homedir() },
      secrets: config.secrets ?? new FileSecretStore(signInsFile(paths, "file")),
      inUse: () => imaging.tools.store.registries(),
    });

    let begin = (): void => undefined;
    const composed = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const ready = composed.then(async () => {
      try {
        await system.probed;
        await images.load();
        await tasks.load();
        await reconcile({
          ...{ tasks, containers, snapshots, networks, volumes, exchange, replacements },
        });
        await health.load();
        await terminals.load();
      } catch (error) {
        throw AppError.wrap(error, "The containers could not be loaded");
      }
    });
    const networks = await NetworkService.create({
      ...{ paths, privileges, grounds, store, exchange, ready },
    });
    closing.add(() => networks.close({ wait: tasks.list().length === 0 }));
    const imaging = await createImages({
      ...{ paths, privileges, store, layers, operations, exchange, registries, ready },
      usedBy: (id) => containers.usersOf(id),
      heldBy: (id) => extensions.usersOf(id),
      // What could not be let go of is with the next container, or after its time.
      releaseLayer: (diffId) => containers.next.release(diffId).catch(() => undefined),
    });
    closing.add(() => imaging.close());
    const registriesChange = exchange.onEvent(({ topic }) => {
      if (topic.startsWith("/images/")) void registries.refresh().catch(() => undefined);
    });
    closing.add(() => registriesChange.dispose());
    const { images, transfers, builds } = imaging;
    const volumes = new VolumeService({
      ...{ paths, privileges, store, exchange, operations, ready },
      holders: () => containers.volumeHolders(),
      unreadable: () => containers.records.damaged.length,
      view: (imageId) => snapshots.view(images.layersOf(imageId)),
      release: (name) => files.releaseVolume(name),
    });
    const containers: ContainerService = new ContainerService({
      ...{
        paths,
        privileges,
        store,
        tasks,
        images,
        snapshots,
        networks,
        volumes,
        operations,
        exchange,
        system,
        ready,
      },
      onImageUse: (id) => images.changed(id),
    });
    closing.add(() => containers.lifecycle.supervisor.dispose());
    closing.add(() => containers.next.close());
    const health = new HealthService({ store, containers, exchange, ready });
    closing.add(() => health.close());
    containers.onChanged = (id) => health.sync(id);
    containers.healthOf = (id) => health.status(id);
    const checkpoints = new CheckpointService({
      ...{ paths, privileges, store, containers, operations, exchange, system, ready },
    });
    const files: FileService = new FileService({
      ...{ paths, privileges, tasks, containers, images, snapshots, operations, volumes, ready },
    });
    closing.add(() => files.close());
    containers.launcher.releaseFiles = (id) => files.release(id);
    checkpoints.quiet = (id) => health.quiet(id);
    containers.onDeleted = (id) => {
      void health.forget(id);
      checkpoints.containerDeleted(id);
      terminals.forget(id);
    };

    const visits = new Visits({ paths, privileges });
    closing.add(() => visits.dispose());
    const remotes = new RemoteService(places, visits);

    const containerImages = new ContainerImageService({
      ...{ paths, privileges, containers, images, snapshots, operations, ...imaging.tools },
    });

    const projects = new ProjectService({
      ...{ paths, store, containers, images, transfers, builds, operations, ready },
      ...{ networks, volumes },
    });
    closing.add(() => projects.dispose());

    const replacements = new ReplacementService({
      ...{ store, tasks, containers, images, containerImages, networks, operations },
    });
    closing.add(() => replacements.close());

    const logPath = (id: string): string | undefined =>
      containers.records.find(id) ? containerLog(paths, defaultNamespace, id) : remotes.logPath(id);
    const logs = new LogService({ logPath });
    const terminals = new TerminalService({
      ...{ tasks, namespace: defaultNamespace, elsewhere: remotes, ready },
      nameOf: (id) => containers.records.find(id)?.config.name,
    });
    const stats = new StatsService({ tasks, namespace: defaultNamespace });
    const processes = new ProcessService({ tasks, namespace: defaultNamespace });
    const shims = new ShimService({ tasks, ready });
    for (const service of [logs, terminals, stats, shims, remotes])
      closing.add(() => service.dispose());

    const extensions: ExtensionService = new ExtensionService({
      ...{ paths, privileges, store, tasks, snapshots, images, containers, operations, system },
      ready,
      shipped: config.shippedExtensions,
    });
    closing.add(() => extensions.dispose());

    const watcher = new TaskWatcher({ tasks, containers, exchange, networks });
    closing.add(() => watcher.dispose());
    begin();
    // What fails here is told to whoever waits for `ready`; what could not be tidied is next time.
    const tidied = ready
      .then(() =>
        Promise.all([
          imaging.tidy(),
          volumes.tidy(),
          checkpoints.tidy(),
          extensions.loaded,
          replacements.resume().then(() => removeAllEnded(containers)),
        ]),
      )
      .catch(() => undefined);
    closing.add(() => tidied);
    exchange.publish({ topic: "/shimyard/manager-started", data: { version, kind } });
    return {
      ...{ lock, system, exchange, operations, images, containers, health, checkpoints, networks },
      ...{ transfers, containerImages, builds, registries, projects, replacements },
      ...{
        files,
        volumes,
        logs,
        terminals,
        stats,
        processes,
        shims,
        extensions,
        remotes,
        tasks,
        ready,
        close: () => closing.close(),
      },
    };
  } catch (error) {
    await closing.close().catch(() => undefined);
    throw error;
  }
}
