import type { Container, ContainerConfig } from "#shared/contract/containers";
import type { Image } from "#shared/contract/images";
import type { AppContract } from "#shared/contract/index";
import type { Volume } from "#shared/contract/volumes";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import type { FakeActivity } from "./fake-activity.ts";
import { fakeId } from "./fake-data.ts";
import { fakeHealthHandlers } from "./fake-health.ts";
import { type FakeList, pause } from "./fake-list.ts";

interface FakeContainersOptions {
  containers: FakeList<Container>;
  images: FakeList<Image>;
  volumes: FakeList<Volume>;
  activity: FakeActivity;
  /** How long an action takes, milliseconds. */
  delay: number;
}

/** Containers that become what they are told to. */
export class FakeContainers {
  readonly #containers: FakeList<Container>;
  readonly #images: FakeList<Image>;
  readonly #volumes: FakeList<Volume>;
  readonly #activity: FakeActivity;
  readonly #delay: number;
  #created = 0;

  constructor({ containers, images, volumes, activity, delay }: FakeContainersOptions) {
    this.#containers = containers;
    this.#images = images;
    this.#volumes = volumes;
    this.#activity = activity;
    this.#delay = delay;
  }

  /** NOT_FOUND when there is none. */
  get(id: string): Container {
    const container = this.#containers.items.get(id);
    if (!container) throw new AppError("NOT_FOUND", `There is no container ${id.slice(0, 12)}`);
    return container;
  }

  /** Passes through an activity into a state, as the core's containers do. */
  async become(
    id: string,
    activity: Container["state"]["activity"],
    state: Container["state"],
  ): Promise<Record<string, never>> {
    this.get(id);
    if (activity && this.#delay) {
      this.#containers.patch(id, (each) => ({ ...each, state: { ...each.state, activity } }));
      await pause(this.#delay);
    }
    this.#containers.patch(id, (each) => ({
      ...each,
      state: { startedAt: each.state.startedAt, pid: each.state.pid, ...state },
    }));
    this.#activity.publish(`/tasks/${state.status}`, this.get(id));
    return {};
  }

  handlers(): Handlers<AppContract>["containers"] {
    return {
      watch: (_, { signal }) => this.#containers.watch(signal),
      list: () => [...this.#containers.items.values()],
      diskUse: () =>
        [...this.#containers.items.keys()].map((id) => ({ id, files: 8192, log: 1024 })),
      get: ({ id }) => {
        const container = this.get(id);
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
          volumes: [...this.#volumes.items.values()].flatMap(({ id: volume, anonymous, usedBy }) =>
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
        record: JSON.stringify(this.get(id), null, 2),
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
        const taken = [...this.#containers.items.values()].some((each) => each.name === name);
        return taken
          ? { ok: false, reason: `“${name}” is taken by another container` }
          : { ok: true };
      },
      create: async ({ config, start }) => ({ id: await this.#make(config, start), warnings: [] }),
      recreate: async ({ id, config, start, keepOld }) => {
        const old = this.get(id);
        const aside = `${old.name}-old`;
        if (keepOld) {
          const state = exited(0);
          this.#containers.patch(id, (container) => ({ ...container, name: aside, state }));
        } else this.#containers.remove(id);
        const made = await this.#make(config, start ?? old.state.status === "running");
        return { id: made, warnings: [], ...(keepOld ? { old: { id, name: aside } } : {}) };
      },
      start: ({ id }) => this.become(id, "starting", running()),
      stop: ({ id }) => this.become(id, "stopping", exited(0)),
      restart: ({ id }) => this.become(id, "restarting", running()),
      kill: ({ id, signal }) =>
        this.become(id, "stopping", exited(signal === "SIGKILL" || signal === 9 ? 137 : 143)),
      pause: ({ id }) => this.become(id, undefined, { status: "paused" }),
      resume: ({ id }) => this.become(id, undefined, { status: "running" }),
      rename: ({ id, name }) => {
        this.#containers.patch(id, (container) => ({ ...container, name }));
        return {};
      },
      delete: async ({ id, force }) => {
        const { state, name } = this.get(id);
        if (!force && ["running", "paused"].includes(state.status)) {
          throw new AppError("FAILED_PRECONDITION", `${name} is running`, {
            hint: "Stop it first, or delete it by force",
          });
        }
        await this.become(id, "deleting", state);
        this.#containers.remove(id);
        return {};
      },
      updateLimits: ({ id, limits }) => {
        this.#containers.patch(id, (container) => ({ ...container, limits }));
        return {};
      },
      updateRestart: ({ id, restart }) => {
        this.#containers.patch(id, (container) => ({ ...container, restart }));
        return {};
      },
      exec: () => ({
        exitCode: 0,
        stdout: new Uint8Array(),
        stderr: new Uint8Array(),
        truncated: false,
      }),
      ...fakeHealthHandlers(this.#containers),
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

  async #make(config: ContainerConfig, start: boolean): Promise<string> {
    const image = this.#images.items.get(config.imageId);
    if (!image) throw new AppError("NOT_FOUND", "The image has gone", { field: "imageId" });
    this.#created += 1;
    const id = fakeId(5000 + this.#created);
    this.#containers.put({
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
    if (start) await this.become(id, "starting", running());
    return id;
  }
}

/** The state of one that has just been started. */
export function running(): Container["state"] {
  return { status: "running", startedAt: Date.now(), pid: 50_000 };
}

function exited(exitCode: number): Container["state"] {
  return { status: "exited", exitedAt: Date.now(), exitCode, pid: undefined };
}
