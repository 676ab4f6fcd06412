import type { AppContract } from "#shared/contract/index";
import type { Place, RemoteCheckpoint, RemoteContainer } from "#shared/contract/remotes";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import { FakeList, pause } from "./fake-list.ts";

const docker = "/run/docker/containerd/containerd.sock";
const away = "/run/k3s/containerd/containerd.sock";

export function fakePlaces(): Place[] {
  return [
    {
      ...{ id: docker, found: true, status: "connected", version: "1.6.20~ds1" },
      namespaces: [
        { name: "moby", owner: "docker", deletable: false },
        { name: "build", owner: "other", deletable: true },
        { name: "shimyard", owner: "shimyard", deletable: false },
      ],
    },
    {
      ...{ id: away, found: false, status: "away", namespaces: [] },
      error: {
        code: "UNAVAILABLE",
        message: `Nobody answers at ${away}`,
        details: { hint: "containerd is not running, or is just starting" },
      },
    },
  ];
}

export function fakeRemoteContainers(): RemoteContainer[] {
  const container = (namespace: string, more: Partial<RemoteContainer>): RemoteContainer => {
    const containerId = more.containerId ?? "c3".repeat(32);
    return {
      ...{ ref: `elsewhere-${containerId.slice(0, 32)}`, hasLog: false, attachable: false },
      ...{ id: `${docker} ${namespace} ${containerId}`, place: docker, namespace, containerId },
      ...{ name: containerId.slice(0, 12), image: "", runtime: "io.containerd.runc.v2" },
      ...{ labels: {}, createdAt: Date.now() - 5 * 3600_000, status: "running", pid: 31_337 },
      ...more,
    };
  };
  return [
    container("moby", { labels: { "com.docker/engine.bundle.path": "/run/docker/c3" } }),
    container("moby", { containerId: "d4".repeat(32), status: "paused", pid: 31_400 }),
    container("build", {
      ...{ containerId: "buildkitd", name: "buildkitd", status: "exited", exitCode: 1 },
      ...{ image: "docker.io/moby/buildkit:v0.12", hasLog: true },
    }),
    container("shimyard", { containerId: "e5".repeat(32), pid: 31_500 }),
  ];
}

const sleeper = {
  ...{ pid: 31_337, ppid: 31_300, containerPid: 1, user: "root", state: "S", role: "init" },
  ...{ cpuSeconds: 0.31, rss: 1_200_000, threads: 1, startedAt: 0, args: ["sleep", "1000"] },
};

export function fakeRemoteHandlers(): Handlers<AppContract>["remotes"] {
  const places = new FakeList<Place>();
  const containers = new FakeList<RemoteContainer>();
  places.put(...fakePlaces());
  containers.put(...fakeRemoteContainers());
  const checkpoints = new Map<string, RemoteCheckpoint[]>();
  const taken = (id: string): RemoteCheckpoint[] => checkpoints.get(id) ?? [];
  const become = (id: string, status: RemoteContainer["status"]): Record<string, never> => {
    containers.patch(id, (before) => ({
      ...before,
      status,
      ...(status === "exited" ? { exitCode: 137 } : {}),
    }));
    return {};
  };
  return {
    watchPlaces: (_, { signal }) => places.watch(signal),
    watch: (_, { signal }) => containers.watch(signal),
    add: ({ address }) => {
      throw new AppError("UNAVAILABLE", `Nobody answers at ${address}`);
    },
    forget: ({ id }) => {
      places.remove(id);
      return {};
    },
    allowDelete: ({ place, namespace, allow }) => {
      places.patch(place, (before) => ({
        ...before,
        namespaces: before.namespaces.map((one) =>
          one.name === namespace ? { ...one, deletable: allow } : one,
        ),
      }));
      return {};
    },
    start: ({ id }) => become(id, "running"),
    stop: ({ id }) => become(id, "exited"),
    kill: ({ id }) => become(id, "exited"),
    pause: ({ id }) => become(id, "paused"),
    resume: ({ id }) => become(id, "running"),
    delete: ({ id }) => {
      containers.remove(id);
      return {};
    },
    inspect: () => ({ spec: '{"ociVersion":"1.0.2","process":{"args":["sleep","1000"]}}' }),
    checkpoint: ({ id, name }) => {
      const path = `/var/lib/shimyard/elsewhere/c3/checkpoints/${name}/image`;
      checkpoints.set(id, [...taken(id), { name, createdAt: Date.now(), path }]);
      return {};
    },
    checkpoints: ({ id }) => taken(id),
    deleteCheckpoint: ({ id, name }) => {
      checkpoints.set(
        id,
        taken(id).filter((checkpoint) => checkpoint.name !== name),
      );
      return {};
    },
    async *watchUse(_, { signal }) {
      let first = true;
      while (!signal.aborted) {
        const time = Date.now();
        yield {
          ...{ time, processes: [sleeper] },
          ...(first ? {} : { sample: { time, cpu: 0.12, memory: 12_300_000, pids: 1 } }),
        };
        first = false;
        await pause(2000, signal);
      }
    },
  };
}
