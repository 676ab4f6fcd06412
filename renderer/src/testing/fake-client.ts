import { AsyncQueue } from "#shared/base/async-queue";
import { Emitter } from "#shared/base/emitter";
import type { Event } from "#shared/contract/activity";
import type { Container, ContainerConfig } from "#shared/contract/containers";
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
import {
  fakeCheckpoints,
  fakeContainers,
  fakeEvents,
  fakeId,
  fakeOperations,
  fakeSystem,
} from "./fake-data.ts";
import { fakeExtensionHandlers, fakeExtensions } from "./fake-extensions.ts";
import { FakeFiles } from "./fake-files.ts";
import { fakeHealthHandlers } from "./fake-health.ts";
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
  readonly events: Event[];
  readonly shell = fakeShell();
  /** Every unary call in order, for tests. */
  readonly calls: { method: string; input: unknown }[] = [];
  readonly connections: WindowConnections;

  readonly #failures = new Map<string, ErrorInfo[]>();
  readonly #eventWatchers = new Set<AsyncQueue<Event>>();
  readonly #delay: number;
  readonly #rootless: boolean;
  #created = 0;

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
    this.events = options.events ?? fakeEvents(containers, 450);
    this.system = new FakeValue(fakeSystem(options.rootless ?? false));
    this.#delay = options.delay ?? 0;
    this.#rootless = options.rootless ?? false;
    const shown: WindowConnection = {
      client: this.#client(this.#handlers()),
      state: "connected",
      onState: new Emitter<WindowConnection["state"]>().event,
    };
    const shell = { client: this.#client(this.shell) };
    this.connections = { manager: options.manager ?? "user", shown, user: shown, shell };
  }

  /** The next call of this method, or of it on this container, rejects. */
  failNext(method: string, error: ErrorInfo): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), error]);
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
        return handler(input, { signal: options.signal ?? new AbortController().signal });
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
      containers: this.#containerHandlers(),
      images: fakeImageHandlers({
        containers: this.containers,
        images: this.images,
        transfers: this.transfers,
        operations: this.operations,
        delay: this.#delay,
      }),
      registries: fakeRegistryHandlers(this.registries),
      activity: {
        events: ({ containerId, before, limit }) =>
          this.events
            .filter((event) => containerId === undefined || event.containerId === containerId)
            .filter((event) => before === undefined || event.seq < before)
            .slice(-limit)
            .reverse(),
        watchEvents: (_, { signal }) => this.#watchEvents(signal),
        watchOperations: (_, { signal }) => this.operations.watch(signal),
        cancel: ({ id }) => {
          this.operations.patch(id, (operation) => ({
            ...operation,
            status: "cancelled",
            endedAt: Date.now(),
          }));
          return {};
        },
      },
      checkpoints: {
        watch: (_, { signal }) => this.checkpoints.watch(signal),
        create: ({ containerId, name, options }) => {
          const checkpoint: Checkpoint = {
            id: `checkpoint-${Date.now()}`,
            containerId,
            containerName: this.#container(containerId).name,
            containerExists: true,
            name,
            createdAt: Date.now(),
            size: 21_000_000,
            options,
            runtime: "oci/runc",
          };
          this.checkpoints.put(checkpoint);
          return checkpoint;
        },
        restore: async ({ id }) => {
          const checkpoint = this.checkpoints.items.get(id);
          if (checkpoint) await this.#become(checkpoint.containerId, "restoring", running());
          return {};
        },
        delete: ({ id }) => {
          this.checkpoints.remove(id);
          return {};
        },
      },
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

  async #make(config: ContainerConfig, start: boolean): Promise<string> {
    const image = this.images.items.get(config.imageId);
    if (!image) throw new AppError("NOT_FOUND", "The image has gone", { field: "imageId" });
    this.#created += 1;
    const id = fakeId(5000 + this.#created);
    this.containers.put({
      id,
      name: config.name,
      image: { id: image.id, name: image.names[0] ?? image.id.slice(0, 12) },
      args: config.args,
      createdAt: Date.now(),
      labels: config.labels,
      runtime: config.runtime ?? "oci/runc",
      terminal: config.terminal,
      restart: config.restart,
      restartCount: 0,
      limits: config.limits,
      ports: [],
      state: { status: "created" },
    });
    if (start) await this.#become(id, "starting", running());
    return id;
  }

  #containerHandlers(): Handlers<AppContract>["containers"] {
    return {
      watch: (_, { signal }) => this.containers.watch(signal),
      list: () => [...this.containers.items.values()],
      diskUse: () =>
        [...this.containers.items.keys()].map((id) => ({ id, files: 8192, log: 1024 })),
      get: ({ id }) => {
        const container = this.#container(id);
        const live = ["running", "paused"].includes(container.state.status);
        return {
          container,
          config: {
            name: container.name,
            imageId: container.image.id,
            args: container.args,
            env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"],
            terminal: container.terminal,
            limits: container.limits,
            restart: container.restart,
            labels: container.labels,
          },
          shim: live
            ? {
                kind: "conmon",
                pid: 48_196,
                alive: true,
                version: "2.1.6",
                pss: 412_000,
                startedAt: container.state.startedAt,
                runtime: { name: "crun", path: "/usr/bin/crun", version: "1.8.1" },
              }
            : undefined,
          bundle: live ? `/run/shimyard/default/${id}` : undefined,
          logPath: `/var/lib/shimyard/logs/${id}.log`,
          volumes: [...this.volumes.items.values()].flatMap(({ id: volume, anonymous, usedBy }) =>
            usedBy
              .filter((user) => user.containerId === id)
              .map(({ target }) => ({ id: volume, target, anonymous })),
          ),
          rootfs: { kind: "overlay", upper: `/var/lib/shimyard/snapshots/${id}/upper` },
          warnings: [],
          notes: ["A process can open at most 20000 files: this machine's hard limit"],
        };
      },
      inspect: ({ id }) => ({
        record: JSON.stringify(this.#container(id), null, 2),
        spec: JSON.stringify({ ociVersion: "1.0.2", process: { args: ["sh"] } }, null, 2),
        runtime: JSON.stringify({ id, status: "running" }, null, 2),
      }),
      checkName: ({ name }) => {
        if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name)) {
          return {
            ok: false,
            reason: "A name begins with a letter or digit; then letters, digits, '_', '.', '-'",
          };
        }
        const taken = [...this.containers.items.values()].some((each) => each.name === name);
        return taken
          ? { ok: false, reason: `“${name}” is taken by another container` }
          : { ok: true };
      },
      create: async ({ config, start }) => ({ id: await this.#make(config, start), warnings: [] }),
      recreate: async ({ id, config, start, keepOld }) => {
        const old = this.#container(id);
        const aside = `${old.name}-old`;
        if (keepOld) {
          const state = exited(0);
          this.containers.patch(id, (container) => ({ ...container, name: aside, state }));
        } else this.containers.remove(id);
        const made = await this.#make(config, start ?? old.state.status === "running");
        return { id: made, warnings: [], ...(keepOld ? { old: { id, name: aside } } : {}) };
      },
      start: ({ id }) => this.#become(id, "starting", running()),
      stop: ({ id }) => this.#become(id, "stopping", exited(0)),
      restart: ({ id }) => this.#become(id, "restarting", running()),
      kill: ({ id, signal }) =>
        this.#become(id, "stopping", exited(signal === "SIGKILL" || signal === 9 ? 137 : 143)),
      pause: ({ id }) => this.#become(id, undefined, { status: "paused" }),
      resume: ({ id }) => this.#become(id, undefined, { status: "running" }),
      rename: ({ id, name }) => {
        this.containers.patch(id, (container) => ({ ...container, name }));
        return {};
      },
      delete: async ({ id, force }) => {
        const { state, name } = this.#container(id);
        if (!force && ["running", "paused"].includes(state.status)) {
          throw new AppError("FAILED_PRECONDITION", `${name} is running`, {
            hint: "Stop it first, or delete it by force",
          });
        }
        await this.#become(id, "deleting", state);
        this.containers.remove(id);
        return {};
      },
      updateLimits: ({ id, limits }) => {
        this.containers.patch(id, (container) => ({ ...container, limits }));
        return {};
      },
      updateRestart: ({ id, restart }) => {
        this.containers.patch(id, (container) => ({ ...container, restart }));
        return {};
      },
      exec: () => ({
        exitCode: 0,
        stdout: new Uint8Array(),
        stderr: new Uint8Array(),
        truncated: false,
      }),
      ...fakeHealthHandlers(this.containers),
      readEnvFile: () => ({ env: ["LANG=C.UTF-8", "MODE=fast"], unset: ["HOME"] }),
      processes: async function* processes(_, { signal }) {
        while (!signal.aborted) {
          const time = Date.now();
          const base = { user: "root", threads: 1, startedAt: time - 3_600_000 };
          yield {
            time,
            processes: [
              {
                ...base,
                pid: 48_211,
                ppid: 48_196,
                containerPid: 1,
                state: "S",
                cpuSeconds: 12.4,
                rss: 61_000_000,
                args: ["python", "-m", "orders"],
                role: "init",
              },
              {
                ...base,
                pid: 48_240,
                ppid: 48_211,
                containerPid: 7,
                state: "R",
                cpuSeconds: 84.1,
                rss: 132_000_000,
                args: ["python", "-m", "orders.pricing", "--batch", "8813"],
              },
              {
                ...base,
                pid: 48_244,
                ppid: 48_211,
                containerPid: 9,
                state: "S",
                cpuSeconds: 0.2,
                rss: 9_000_000,
                args: ["sh"],
                role: "exec-1",
              },
            ],
          };
          await pause(2000, signal);
        }
      },
    };
  }

  #container(id: string): Container {
    const container = this.containers.items.get(id);
    if (!container) throw new AppError("NOT_FOUND", `There is no container ${id.slice(0, 12)}`);
    return container;
  }

  /** Passes through an activity into a state, as the core's containers do. */
  async #become(
    id: string,
    activity: Container["state"]["activity"],
    state: Container["state"],
  ): Promise<Record<string, never>> {
    this.#container(id);
    if (activity && this.#delay) {
      this.containers.patch(id, (each) => ({ ...each, state: { ...each.state, activity } }));
      await pause(this.#delay);
    }
    this.containers.patch(id, (each) => ({
      ...each,
      state: { startedAt: each.state.startedAt, pid: each.state.pid, ...state },
    }));
    this.#publish(id, `/tasks/${state.status}`);
    return {};
  }

  #publish(id: string, topic: string): void {
    const event: Event = {
      seq: (this.events.at(-1)?.seq ?? 0) + 1,
      time: Date.now(),
      topic,
      namespace: "default",
      containerId: id,
      containerName: this.containers.items.get(id)?.name,
      data: {},
    };
    this.events.push(event);
    for (const watcher of this.#eventWatchers) watcher.push(event);
  }

  async *#watchEvents(signal: AbortSignal): AsyncGenerator<Event> {
    const queue = new AsyncQueue<Event>();
    this.#eventWatchers.add(queue);
    signal.addEventListener("abort", () => queue.end(), { once: true });
    yield* queue;
  }
}

function running(): Container["state"] {
  return { status: "running", startedAt: Date.now(), pid: 50_000 };
}

function exited(exitCode: number): Container["state"] {
  return { status: "exited", exitedAt: Date.now(), exitCode, pid: undefined };
}
