import { AsyncQueue } from "#shared/base/async-queue";
import { Emitter } from "#shared/base/emitter";
import type { Event } from "#shared/contract/activity";
import type { Container } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import type { ManagerName } from "#shared/contract/shell";
import type { Settings, SystemInfo } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import type { ErrorInfo } from "#shared/errors";
import type { CallContext, Client, Contract, Handlers } from "#shared/rpc/define";
import type { Checkpoint } from "#shared/contract/checkpoints";
import type { Shim } from "#shared/contract/shims";
import type { Extension } from "#shared/contract/extensions";
import type { Image, Transfer } from "#shared/contract/images";
import type { Registry } from "#shared/contract/registries";
import type { Network } from "#shared/contract/networks";
import type { Project } from "#shared/contract/projects";
import type { Volume } from "#shared/contract/volumes";
import type { Operation } from "#shared/contract/activity";
import type { Terminal } from "#shared/contract/terminals";
import type { WindowConnection, WindowConnections } from "../queries/client.tsx";
import { fakeContainers, fakeEvents, fakeOperations, fakeSystem } from "./fake-data.ts";
import { FakeActivity } from "./fake-activity.ts";
import { fakeCheckpointHandlers, fakeCheckpoints } from "./fake-checkpoints.ts";
import { FakeContainers } from "./fake-containers.ts";
import { fakeExtensionHandlers, fakeExtensions } from "./fake-extensions.ts";
import { FakeFiles } from "./fake-files.ts";
import { fakeImageHandlers } from "./fake-image-handlers.ts";
import { fakeImages } from "./fake-images.ts";
import { fakeRegistries, fakeRegistryHandlers } from "./fake-registries.ts";
import { fakeNetworkHandlers, fakeNetworks } from "./fake-networks.ts";
import { fakeProjectHandlers, fakeProjects } from "./fake-projects.ts";
import { fakeRemoteHandlers } from "./fake-remotes.ts";
import { fakeShell } from "./fake-shell.ts";
import { fakeShimHandlers, fakeShims } from "./fake-shims.ts";
import { FakeList, FakeValue, pause } from "./fake-list.ts";
import { fakeVolumeHandlers, fakeVolumes } from "./fake-volumes.ts";
import { fakeLogs, fakeStats, fakeTerminals } from "./fake-streams.ts";

export interface FakeOptions {
  containers?: Container[];
  rootless?: boolean;
  manager?: ManagerName;
  /** How long an action takes, milliseconds. */
  delay?: number;
  images?: Image[];
  transfers?: Transfer[];
  projects?: Project[];
  checkpoints?: Checkpoint[];
  volumes?: Volume[];
  shims?: Shim[];
  extensions?: Extension[];
  operations?: Operation[];
  events?: Event[];
}

/**
 * An in-memory stand-in for the core, for tests and for design work without one. It keeps lists and
 * states as the contract says; nothing runs behind it.
 */
export class FakeCore {
  readonly containers = new FakeList<Container>();
  readonly images = new FakeList<Image>();
  readonly checkpoints = new FakeList<Checkpoint>();
  readonly networks = new FakeList<Network>();
  readonly projects = new FakeList<Project>();
  readonly volumes = new FakeList<Volume>();
  readonly shims = new FakeList<Shim>();
  readonly extensions = new FakeList<Extension>();
  readonly transfers = new FakeList<Transfer>();
  readonly registries = new FakeList<Registry>();
  readonly operations = new FakeList<Operation>();
  readonly terminals = new FakeList<Terminal>();
  readonly system: FakeValue<SystemInfo>;
  readonly settings = new FakeValue<Settings>({ theme: "system", stopGrace: 10 });
  readonly shell = fakeShell();
  /** Every unary call in order, for tests. */
  readonly calls: { method: string; input: unknown }[] = [];
  readonly connections: WindowConnections;

  readonly #failures = new Map<string, ErrorInfo[]>();
  readonly #held = new Map<string, Promise<void>>();
  readonly #breaks = new Set<(error: AppError) => void>();
  readonly #activity: FakeActivity;
  readonly #containers: FakeContainers;
  readonly #delay: number;
  readonly #rootless: boolean;

  constructor(options: FakeOptions = {}) {
    const containers = options.containers ?? fakeContainers();
    this.containers.put(...containers);
    this.images.put(...(options.images ?? fakeImages(containers)));
    this.transfers.put(...(options.transfers ?? []));
    this.registries.put(...fakeRegistries());
    this.checkpoints.put(...(options.checkpoints ?? fakeCheckpoints()));
    this.networks.put(...(options.rootless ? [] : fakeNetworks(containers)));
    this.projects.put(...(options.projects ?? fakeProjects(containers)));
    this.volumes.put(...(options.volumes ?? fakeVolumes(containers)));
    this.shims.put(...(options.shims ?? fakeShims(containers)));
    this.extensions.put(...(options.extensions ?? fakeExtensions()));
    this.operations.put(...(options.operations ?? fakeOperations()));
    const events = options.events ?? fakeEvents(containers, 450);
    this.#activity = new FakeActivity(events, this.operations);
    this.system = new FakeValue(fakeSystem(options.rootless ?? false));
    this.#delay = options.delay ?? 0;
    this.#rootless = options.rootless ?? false;
    this.#containers = new FakeContainers({
      ...{ containers: this.containers, images: this.images, volumes: this.volumes },
      ...{ activity: this.#activity, delay: this.#delay },
    });
    const shown: WindowConnection = {
      client: this.#client(this.#handlers()),
      state: "connected",
      onState: new Emitter<WindowConnection["state"]>().event,
    };
    const shell = { client: this.#client(this.shell) };
    this.connections = { manager: options.manager ?? "user", shown, user: shown, shell };
  }

  get events(): Event[] {
    return this.#activity.events;
  }

  /** The next call of this method, or of it on this container, rejects. */
  failNext(method: string, error: ErrorInfo): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), error]);
  }

  /** The next call of this method waits until what is given back is called. */
  holdNext(method: string): () => void {
    let release = (): void => undefined;
    this.#held.set(method, new Promise<void>((resolve) => (release = resolve)));
    return () => release();
  }

  /** As when the core goes: all streams that are open end with UNAVAILABLE. */
  breakStreams(): void {
    for (const fail of this.#breaks) fail(new AppError("UNAVAILABLE", "The core went"));
  }

  async *#breakable(items: AsyncIterableIterator<unknown>): AsyncGenerator {
    let fail: (error: AppError) => void = () => undefined;
    const broken = new Promise<never>((_, reject) => (fail = reject));
    broken.catch(() => undefined);
    this.#breaks.add(fail);
    try {
      for (;;) {
        const next = await Promise.race([items.next(), broken]);
        if (next.done) return;
        yield next.value;
      }
    } finally {
      this.#breaks.delete(fail);
      void items.return?.();
    }
  }

  #client<C extends Contract>(handlers: Handlers<C>): Client<C> {
    const handlerOf = (method: string) => {
      const [domain = "", name = ""] = method.split(".");
      return (handlers[domain] as Record<string, unknown>)[name];
    };
    return {
      call: async (method: string, input: unknown, options: { signal?: AbortSignal } = {}) => {
        this.calls.push({ method, input });
        if (this.#delay) await pause(this.#delay / 4);
        const held = this.#held.get(method);
        this.#held.delete(method);
        await held;
        const failure = this.#failures.get(method)?.shift();
        if (failure) throw AppError.fromInfo(failure);
        const handler = handlerOf(method) as (input: unknown, context: CallContext) => unknown;
        return handler(input, { signal: options.signal ?? new AbortController().signal });
      },
      stream: (method: string, input: unknown, options: { signal?: AbortSignal } = {}) => {
        const handler = handlerOf(method) as (
          input: unknown,
          context: CallContext,
        ) => AsyncIterableIterator<unknown>;
        const { signal = new AbortController().signal } = options;
        return this.#breakable(handler(input, { signal }));
      },
      duplex: (method: string, input: unknown) => {
        const up = new AsyncQueue<unknown>();
        const abort = new AbortController();
        const handler = handlerOf(method) as (
          input: unknown,
          up: AsyncIterable<unknown>,
          context: CallContext,
        ) => AsyncGenerator;
        const down = handler(input, up, { signal: abort.signal });
        return {
          next: () => down.next(),
          return: () => {
            abort.abort();
            return down.return(undefined);
          },
          send: (value: unknown) => Promise.resolve(up.push(value)),
          end: () => up.end(),
          [Symbol.asyncIterator]() {
            return this;
          },
        };
      },
    } as unknown as Client<C>;
  }

  #handlers(): Handlers<AppContract> {
    return {
      containers: this.#containers.handlers(),
      images: fakeImageHandlers({
        containers: this.containers,
        images: this.images,
        transfers: this.transfers,
        operations: this.operations,
        delay: this.#delay,
      }),
      registries: fakeRegistryHandlers(this.registries),
      activity: this.#activity.handlers(),
      checkpoints: fakeCheckpointHandlers(this.checkpoints, this.#containers),
      extensions: fakeExtensionHandlers(this.extensions),
      files: new FakeFiles().handlers(),
      networks: fakeNetworkHandlers(this.networks, this.containers, this.#rootless),
      projects: fakeProjectHandlers(this.projects, this.containers),
      volumes: fakeVolumeHandlers(this.volumes),
      remotes: fakeRemoteHandlers(),
      shims: fakeShimHandlers(this.shims),
      logs: fakeLogs(),
      stats: fakeStats(this.containers),
      terminals: fakeTerminals(this.terminals, this.containers),
      system: {
        watch: (_, { signal }) => this.system.watch(signal),
        probe: async () => {
          this.system.set({ ...this.system.value, probing: true });
          await pause(this.#delay * 4);
          this.system.set({ ...this.system.value, probing: false });
          return this.system.value;
        },
        watchSettings: (_, { signal }) => this.settings.watch(signal),
        updateSettings: (change) => {
          const before = this.settings.value;
          const { defaultRuntime = before.defaultRuntime, ...others } = change;
          const chosen = { defaultRuntime: defaultRuntime ?? undefined };
          this.settings.set({ ...before, ...others, ...chosen });
          return this.settings.value;
        },
        engines: () => [{ name: "podman", path: "/usr/bin/podman", version: "5.4.2" }],
        cdiDevices: () => ({
          directories: ["/etc/cdi", "/var/run/cdi"],
          devices: ["0", "all"].map((name) => ({
            name: `nvidia.com/gpu=${name}`,
            spec: "/etc/cdi/nvidia.yaml",
          })),
          faults: [],
        }),
      },
    };
  }
}
