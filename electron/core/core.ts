import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { defaultNamespace } from "./base/ids.ts";
import { CheckpointService } from "./checkpoints/checkpoint-service.ts";
import { ContainerService } from "./containers/container-service.ts";
import { reconcile, TaskWatcher } from "./containers/task-watcher.ts";
import { ExtensionService } from "./extensions/extension-service.ts";
import { Exchange } from "./events/exchange.ts";
import { Journal } from "./events/journal.ts";
import { acquireLock, type Lock } from "./host/lock.ts";
import { containerLog, type Paths } from "./host/paths.ts";
import { choosePrivileges } from "./host/privileges.ts";
import { ImageService } from "./images/image-service.ts";
import { LogService } from "./logs/log-service.ts";
import { NetworkService } from "./network/network-service.ts";
import { OperationService } from "./operations/operation-service.ts";
import { TaskManager } from "./runtime/manager.ts";
import { RemoteService } from "./remotes/remote-service.ts";
import { RuntimeRegistry } from "./runtime/plugin.ts";
import type { Tasks } from "./runtime/runtime.ts";
import { ShimService } from "./shims/shim-service.ts";
import { Snapshotter } from "./snapshots/snapshotter.ts";
import { ProcessService } from "./stats/process-service.ts";
import { StatsService } from "./stats/stats-service.ts";
import { Store } from "./store/store.ts";
import { SystemService } from "./system/system-service.ts";
import { TerminalService } from "./terminals/terminal-service.ts";

export interface CoreConfig {
  paths: Paths;
  version: string;
  kind: "electron" | "headless" | "test";
  /** Directory of the extensions that come with the product. */
  shippedExtensions?: string;
}

/** The runtime manager: every service, made once. */
export interface Core {
  readonly lock: Lock;
  readonly system: SystemService;
  readonly exchange: Exchange;
  readonly operations: OperationService;
  readonly images: ImageService;
  readonly containers: ContainerService;
  readonly checkpoints: CheckpointService;
  readonly networks: NetworkService;
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
  const closing: (() => Promise<unknown> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const lock = await acquireLock({ paths, kind });
    closing.push(() => lock.dispose());
    const store = await Store.open(join(paths.data, "meta"));
    closing.push(() => store.close());
    const journal = await Journal.open(join(paths.data, "journal"));
    closing.push(() => journal.close());

    const privileges = choosePrivileges();
    const exchange = new Exchange(journal);
    const operations = new OperationService();
    closing.push(() => operations.dispose());
    const registry = new RuntimeRegistry();
    const tasks: Tasks = new TaskManager({ paths, registry, privileges });
    closing.push(() => tasks.dispose());
    const system = await SystemService.create({ paths, privileges, registry, store, version });
    closing.push(() => system.dispose());
    const snapshots = new Snapshotter(paths, privileges);

    let begin = (): void => undefined;
    const composed = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const ready = composed.then(async () => {
      try {
        await system.probed;
        await tasks.load();
        await reconcile({ tasks, containers, snapshots, networks });
        await terminals.load();
      } catch (error) {
        throw AppError.wrap(error, "The containers could not be loaded");
      }
    });
    const networks = await NetworkService.create({ paths, privileges, store, exchange, ready });
    closing.push(() => networks.dropIdle());
    const images: ImageService = new ImageService({
      ...{ paths, privileges, store, operations, exchange, ready },
      usedBy: (id) => containers.usersOf(id),
      heldBy: (id) => extensions.usersOf(id),
    });
    const containers = new ContainerService({
      ...{
        paths,
        privileges,
        store,
        tasks,
        images,
        snapshots,
        networks,
        operations,
        exchange,
        system,
        ready,
      },
      onImageUse: (id) => images.usageChanged(id),
    });
    closing.push(() => containers.lifecycle.supervisor.dispose());
    closing.push(() => containers.next.close());
    const checkpoints = new CheckpointService({
      ...{ paths, privileges, store, containers, operations, exchange, system, ready },
    });
    containers.onDeleted = (id) => {
      checkpoints.containerDeleted(id);
      terminals.forget(id);
    };

    const logPath = (id: string): string | undefined =>
      containers.records.find(id) && containerLog(paths, defaultNamespace, id);
    const logs = new LogService({ logPath });
    const terminals = new TerminalService({ tasks, namespace: defaultNamespace });
    const stats = new StatsService({ tasks, namespace: defaultNamespace });
    const processes = new ProcessService({ tasks, namespace: defaultNamespace });
    const shims = new ShimService({ tasks, ready });
    const remotes = new RemoteService(store);
    for (const service of [logs, terminals, stats, shims, remotes])
      closing.push(() => service.dispose());

    const extensions: ExtensionService = new ExtensionService({
      ...{ paths, privileges, store, tasks, snapshots, images, containers, operations, system },
      shipped: config.shippedExtensions,
    });
    closing.push(() => extensions.dispose());

    const watcher = new TaskWatcher({ tasks, containers, exchange, networks });
    closing.push(() => watcher.dispose());
    begin();
    // What fails here is told to whoever waits for `ready`; what could not be tidied is next time.
    const tidied = ready
      .then(() => Promise.all([images.tidy(), checkpoints.tidy(), extensions.load()]))
      .catch(() => undefined);
    closing.push(() => tidied);
    exchange.publish({ topic: "/shimyard/manager-started", data: { version, kind } });
    return {
      ...{ lock, system, exchange, operations, images, containers, checkpoints, networks },
      ...{ logs, terminals, stats, processes, shims, extensions, remotes, tasks, ready, close },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
