import type { Event, Operation } from "#shared/contract/activity";
import type { Container } from "#shared/contract/containers";
import type { SystemInfo } from "#shared/contract/system";

const second = 1000;
const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;
export const MiB = 1024 * 1024;

/** 64 hexadecimal digits from a small number. */
export function fakeId(n: number): string {
  const part = ((n + 1) * 2654435761) >>> 0;
  return part.toString(16).padStart(8, "0").repeat(8);
}

/** A number of its own for every name. */
function imageNumber(name: string): number {
  return Array.from(name).reduce(
    (sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003,
    1000,
  );
}

type State = Partial<Container["state"]> & { status: Container["state"]["status"] };

/** A container with everything that a test does not care about filled in. */
export function fakeContainer(
  n: number,
  name: string,
  image: string,
  state: State,
  rest: Partial<Container> = {},
): Container {
  return {
    id: fakeId(n),
    name,
    image: { id: fakeId(imageNumber(image)), name: image },
    args: ["sleep", "infinity"],
    createdAt: Date.now() - 4 * day,
    labels: {},
    runtime: "oci/crun",
    terminal: false,
    restart: { name: "no" },
    restartCount: 0,
    limits: {},
    ports: [],
    state: { pid: 48000 + n, ...state },
    ...rest,
  };
}

function port(
  hostPort: number,
  containerPort = hostPort,
  hostIp = "0.0.0.0",
): Container["ports"][0] {
  return { hostIp, hostPort, containerPort, protocol: "tcp" };
}

/** One container of every state that there is, named as in a small company. */
export function fakeContainers(): Container[] {
  const now = Date.now();
  const running = (age: number): State => ({ status: "running", startedAt: now - age });
  const ended = (ago: number, exitCode: number, more: Partial<State> = {}): State => ({
    status: "exited",
    pid: undefined,
    startedAt: now - ago - hour,
    exitedAt: now - ago,
    exitCode,
    ...more,
  });
  return [
    fakeContainer(
      1,
      "postgres",
      "postgres:17",
      { ...running(3 * day + hour), health: "healthy" },
      {
        ports: [port(5432)],
        labels: { team: "data", tier: "db" },
        restart: { name: "unless-stopped" },
        limits: { memory: 1024 * MiB, cpus: 2 },
        args: ["postgres", "-c", "shared_buffers=256MB"],
      },
    ),
    fakeContainer(
      2,
      "api-gateway",
      "gateway:2.8.1",
      { ...running(3 * day), health: "unhealthy" },
      {
        ports: [port(8443, 443)],
        labels: { team: "edge" },
        args: ["gateway", "--listen", ":443"],
      },
    ),
    fakeContainer(3, "orders-worker", "orders:41f9c2", running(5 * hour), {
      labels: { team: "orders", tier: "worker" },
      limits: { memory: 768 * MiB, cpus: 2, pids: 256 },
      terminal: true,
      args: ["python", "-m", "orders"],
    }),
    fakeContainer(
      4,
      "ml-notebook",
      "scipy:2026.10",
      { status: "paused", startedAt: now - 2 * day },
      {
        ports: [port(8888, 8888, "127.0.0.1")],
        runtime: "oci/runc",
        terminal: true,
      },
    ),
    fakeContainer(5, "cache", "valkey:9", running(3 * day), { ports: [port(6379)] }),
    fakeContainer(
      6,
      "sim-batch-07",
      "sim:7",
      { ...running(41 * minute), activity: "checkpointing", operationId: "op-1" },
      { runtime: "oci/runc" },
    ),
    fakeContainer(
      7,
      "legacy-ftp",
      "vsftpd:3",
      {
        status: "shim-lost",
        startedAt: now - 19 * day,
        error: {
          code: "UNAVAILABLE",
          message: "The shim of this container has gone; its processes may still run",
          details: { hint: "Stop or delete it: both work without the shim" },
        },
      },
      { ports: [port(21)], runtime: "oci/runc" },
    ),
    fakeContainer(8, "migrate-2026-11", "orders:41f9c2", ended(5 * hour, 0)),
    fakeContainer(9, "mailer", "mailer:0.3", ended(2 * minute, 137)),
    fakeContainer(10, "thumbnailer", "imaging:1.4", ended(50 * minute, 137, { oomKilled: true }), {
      limits: { memory: 64 * MiB },
    }),
    fakeContainer(11, "broken-entry", "busybox:host", {
      status: "created",
      pid: undefined,
      error: {
        code: "NOT_FOUND",
        message: "The command was not found in the image",
        details: {
          hint: "Give the command's full path, or one that the image has",
          output:
            'runc create failed: unable to start container process: error during container init: exec: "/bin/serve": stat /bin/serve: no such file or directory',
        },
      },
    }),
    fakeContainer(12, "sandbox", "busybox:host", { status: "created", pid: undefined }),
    fakeContainer(13, "edge-proxy", "caddy:3", {
      status: "unknown",
      pid: undefined,
      error: {
        code: "DATA_LOSS",
        message: "Its state file can't be read",
        details: { output: "Unexpected end of JSON input in state.json" },
      },
    }),
  ];
}

/** `count` containers, as a list that must stay smooth would have. */
export function manyContainers(count: number): Container[] {
  const list = fakeContainers();
  const images = ["api:12", "worker:12", "busybox:host", "metrics:3", "cron:8"];
  for (let n = list.length; n < count; n += 1) {
    const running = n % 5 !== 4;
    const image = images[n % images.length] as string;
    list.push(
      fakeContainer(
        100 + n,
        `${image.slice(0, image.indexOf(":"))}-${String(n).padStart(4, "0")}`,
        image,
        running
          ? { status: "running", startedAt: Date.now() - n * minute }
          : { status: "exited", exitedAt: Date.now() - n * minute, exitCode: n % 3 ? 0 : 1 },
        { labels: { shard: String(n % 16) }, ports: n % 7 ? [] : [port(20_000 + n, 80)] },
      ),
    );
  }
  return list.slice(0, count);
}

export function fakeOperations(): Operation[] {
  const now = Date.now();
  return [
    {
      id: "op-3",
      kind: "import",
      title: "Importing imaging:1.4",
      startedAt: now - 3 * minute,
      endedAt: now - 2 * minute,
      status: "done",
      cancellable: false,
      detail: "1,204 MiB",
    },
    {
      id: "op-2",
      kind: "checkpoint",
      title: "Checkpointing legacy-ftp",
      containerId: fakeId(7),
      startedAt: now - 9 * minute,
      endedAt: now - 9 * minute + 800,
      status: "failed",
      cancellable: false,
      error: {
        code: "FAILED_PRECONDITION",
        message: "criu can't dump a container with open TCP connections",
        details: {
          hint: "Check again with “open TCP connections” ticked",
          output:
            "(00.084120) Error (criu/sk-inet.c:191): inet: Connected TCP socket, consider using --tcp-established option.\n(00.084310) Error (criu/cr-dump.c:1768): Dumping FAILED.",
        },
      },
    },
    {
      id: "op-1",
      kind: "checkpoint",
      title: "Checkpointing sim-batch-07",
      containerId: fakeId(6),
      startedAt: now - 4 * second,
      status: "running",
      progress: 0.62,
      detail: "62 % of 884 MiB",
      cancellable: true,
    },
  ];
}

/** A journal of `count` events, oldest first. */
export function fakeEvents(containers: Container[], count: number): Event[] {
  const ended = (index: number): Event["data"] => ({
    process: "init",
    code: index % 3 ? "0" : "137",
    pid: "48211",
  });
  const topics = [
    "/tasks/start",
    "/tasks/exit",
    "/tasks/create",
    "/tasks/paused",
    "/containers/update",
  ];
  return Array.from({ length: count }, (_, index) => {
    const container = containers[index % Math.max(1, containers.length)];
    const topic = topics[index % topics.length] as string;
    return {
      seq: index + 1,
      time: Date.now() - (count - index) * 7 * minute,
      topic,
      namespace: "default",
      containerId: container?.id,
      containerName: container?.name,
      data: topic === "/tasks/exit" ? ended(index) : { pid: "48211" },
    };
  });
}

export function fakeSystem(rootless: boolean): SystemInfo {
  const yes = { ok: true };
  const no = (reason: string) => ({ ok: false, reason });
  const checkpoint = rootless ? no("Checkpoints need root") : yes;
  const limits = rootless ? no("This host's cgroup v1 lets only root set limits") : yes;
  const now = Date.now();
  return {
    version: "0.1.0",
    kind: "electron",
    pid: 40_117,
    startedAt: now - 3 * hour,
    hostname: "atelier",
    kernel: "6.1.0-29-amd64",
    distribution: "Debian GNU/Linux 12 (bookworm)",
    arch: "x86_64",
    user: rootless
      ? { uid: 1000, gid: 1000, name: "mara", home: "/home/mara", rootless }
      : { uid: 0, gid: 0, name: "root", home: "/root", rootless },
    cgroup: "hybrid",
    paths: { data: "/var/lib/shimyard", state: "/run/shimyard" },
    prerequisites: [
      {
        name: "conmon",
        purpose: "Holds a container's output and exit status while Shimyard is closed",
        status: "found",
        required: true,
        version: "2.1.6",
        path: "/usr/bin/conmon",
      },
      {
        name: "runc",
        purpose: "Runs containers",
        status: "found",
        required: false,
        version: "1.1.5",
        path: "/usr/sbin/runc",
      },
      {
        name: "crun",
        purpose: "Runs containers, faster",
        status: "found",
        required: false,
        version: "1.8.1",
        path: "/usr/bin/crun",
      },
      {
        name: "criu",
        purpose: "Checkpoints and restores",
        status: "unusable",
        required: true,
        version: "3.17.1",
        path: "/usr/sbin/criu",
        note: "criu check fails on this kernel: checkpoints are off",
        install: "npm start builds a newer one",
      },
      {
        name: "busybox",
        purpose: "The starter image",
        status: "missing",
        required: false,
        note: "Without it the first container needs an image of yours",
        install: "sudo apt-get install busybox-static",
      },
    ],
    firewalls: [],
    runtimes: [
      {
        id: "oci/crun",
        name: "crun",
        path: "/usr/bin/crun",
        version: "1.8.1",
        usable: yes,
        preferred: false,
        hidesUnifiedCgroup: true,
        abilities: {
          pause: yes,
          checkpoint: no("This crun was built without checkpoint support"),
          limits,
          exec: yes,
          shareShim: no("conmon holds one container each"),
        },
        startMs: 21,
        probedAt: now - 3 * hour,
      },
      {
        id: "oci/runc",
        name: "runc",
        path: "/usr/sbin/runc",
        version: "1.1.5",
        usable: yes,
        preferred: true,
        hidesUnifiedCgroup: false,
        abilities: {
          ...{ pause: yes, checkpoint, limits, exec: yes },
          shareShim: no("conmon holds one container each"),
        },
        startMs: 49,
        probedAt: now - 3 * hour,
      },
      {
        id: "containerd/run/containerd/containerd.sock",
        name: "containerd",
        path: "/run/containerd/containerd.sock",
        version: "1.6.20~ds1",
        usable: yes,
        preferred: false,
        hidesUnifiedCgroup: false,
        abilities: {
          ...{ pause: yes, checkpoint: yes, limits: yes, exec: yes },
          shareShim: no("In containerd each container gets a shim of its own"),
        },
        note: "Runs in the containerd at /run/containerd/containerd.sock, in a namespace of Shimyard's.",
        probedAt: now - 3 * hour,
      },
    ],
    abilities: { checkpoint, limits, pause: yes },
    limits: { memory: yes, swap: yes, cpu: yes, cpuset: yes, pids: yes, io: yes },
    probing: false,
  };
}
