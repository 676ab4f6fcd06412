import { createReadStream } from "node:fs";
import { join } from "node:path";
import { end, run, sleep, startDaemon, until } from "./command.ts";
import { command, type Contender, type PullingContender } from "./contender.ts";
import { cgroupParent, killAll, removeCgroup, strays } from "./host.ts";
import { type PublishingContender, serve, servedPorts } from "./network.ts";
import { makeOwn, type OrdinaryUser, rootless } from "./ordinary-user.ts";
import type { Rootfs } from "./rootfs.ts";
import { UnixHttp } from "./unix-http.ts";

const image = "localhost/shimyard-bench:latest";
const api = "/v4.0.0/libpod";

/** Podman's default raises these beyond what a container may have where CAP_SYS_RESOURCE is missing. */
const limits = [
  { type: "nofile", soft: 1024, hard: 1024 },
  { type: "nproc", soft: 1024, hard: 1024 },
];

/**
 * A `podman system service` of our own, below `root`, with runc as its runtime. Its containers have
 * podman's defaults (seccomp profile, masked paths, k8s-file log, overlay, conmon) but for the limits
 * above. With a `user` it is rootless: its ports go through slirp4netns, and it makes no cgroups of its own.
 */
export async function startPodman(
  root: string,
  rootfs: Rootfs,
  user?: OrdinaryUser,
): Promise<PublishingContender & PullingContender> {
  const removeStrays = strays([
    user ? `/dev/shm/libpod_rootless_lock_${user.uid}` : "/dev/shm/libpod_lock",
    "/etc/cni/net.d/cni.lock",
    "/run/lock/netavark.lock",
    "/var/lib/containers",
  ]);
  const socket = join(root, "podman.sock");
  await makeOwn(root, user);
  const podman = [
    ...(user ? [...user.as, `XDG_RUNTIME_DIR=${root}`] : []),
    "podman",
    `--root=${join(root, "data")}`,
    `--runroot=${join(root, "run")}`,
    `--tmpdir=${join(root, "tmp")}`,
    "--runtime=runc",
    "--cgroup-manager=cgroupfs",
    "--storage-driver=overlay",
    "--events-backend=file",
  ];
  const daemon = startDaemon(
    [...podman, "system", "service", "--time=0", `unix://${socket}`],
    join(root, "log"),
  );
  const http = new UnixHttp(socket);
  const close = async (): Promise<void> => {
    const left = await http
      .call<{ Id: string }[] | null>("GET", `${api}/containers/json?all=true`)
      .catch(() => null);
    for (const { Id } of left ?? []) {
      await http.raw("DELETE", `${api}/containers/${Id}?force=true&timeout=0`);
    }
    http.close();
    await end(daemon);
    // It leaves a process that holds the user's namespaces.
    if (user) await run([...podman, "system", "migrate"]).catch(() => {});
    // The shims of its execs stay for five minutes, in case someone asks how they ended.
    await killAll(root);
    // Its shims have their own.
    await removeCgroup(`${cgroupParent}/conmon`);
    await removeStrays();
  };

  try {
    await until("The start of podman's service", async () => {
      if (daemon.exitCode !== null) throw new Error(`podman ended; see ${join(root, "log")}`);
      return http.raw("GET", `${api}/_ping`).then(
        () => true,
        () => false,
      );
    });
    await http.raw(
      "POST",
      `${api}/images/import?reference=${encodeURIComponent(image)}`,
      createReadStream(rootfs.tar),
    );
    const { Version } = await http.call<{ Version: string }>("GET", `${api}/version`);
    const manager = {
      name: `${rootless(user)}podman`,
      version: `${rootless(user)}podman ${Version}`,
      root,
      pids: async () => [daemon.pid as number],
      close,
    };
    return new Podman(http, manager, user);
  } catch (error) {
    await close();
    throw error;
  }
}

class Podman implements PublishingContender, PullingContender {
  readonly name: string;
  readonly manager: Contender["manager"];
  readonly #http: UnixHttp;
  readonly #user: OrdinaryUser | undefined;

  constructor(http: UnixHttp, manager: Contender["manager"], user: OrdinaryUser | undefined) {
    this.name = manager.name;
    this.#http = http;
    this.manager = manager;
    this.#user = user;
  }

  start(name: string, of: string = image): Promise<string> {
    return this.#start({ name, image: of, command, netns: { nsmode: "none" } });
  }

  publish(name: string, hostPorts: readonly [number, number]): Promise<string> {
    const portmappings = servedPorts.map((port, index) => ({
      ...{ container_port: port, host_port: hostPorts[index], protocol: "tcp" },
    }));
    const netns = { nsmode: this.#user ? "slirp4netns" : "bridge" };
    return this.#start({ name, command: serve, netns, portmappings });
  }

  async #start(config: object): Promise<string> {
    const { Id } = await this.#http.call<{ Id: string }>("POST", `${api}/containers/create`, {
      image,
      ...config,
      ...(!this.#user && { cgroup_parent: cgroupParent }),
      r_limits: limits,
    });
    await this.#http.raw("POST", `${api}/containers/${Id}/start`);
    return Id;
  }

  async exec(handle: string): Promise<void> {
    const { Id } = await this.#http.call<{ Id: string }>(
      "POST",
      `${api}/containers/${handle}/exec`,
      {
        Cmd: ["true"],
        AttachStdout: true,
        AttachStderr: true,
      },
    );
    await this.#http.raw("POST", `${api}/exec/${Id}/start`, { Detach: false, Tty: false });
    // The stream may end a moment before the exit is recorded.
    for (;;) {
      const state = await this.#http.call<{ Running: boolean; ExitCode: number }>(
        "GET",
        `${api}/exec/${Id}/json`,
      );
      if (!state.Running) {
        if (state.ExitCode === 0) return;
        throw new Error(`podman exec ended with ${state.ExitCode}`);
      }
      await sleep(1);
    }
  }

  async remove(handle: string): Promise<void> {
    await this.#http.raw("DELETE", `${api}/containers/${handle}?force=true&timeout=0`);
  }

  async pull(reference: string): Promise<string> {
    const query = new URLSearchParams({ reference, tlsVerify: "false" });
    const said = await this.#http.raw("POST", `${api}/images/pull?${query.toString()}`);
    const failure = said.split("\n").find((line) => line.includes('"error"'));
    if (failure) throw new Error(`podman pull: ${failure}`);
    return reference;
  }

  async removeImage(name: string): Promise<void> {
    await this.#http.raw("DELETE", `${api}/images/${encodeURIComponent(name)}?force=true`);
  }

  async pid(handle: string): Promise<number | undefined> {
    const { State } = await this.#http.call<{ State: { Running: boolean; Pid: number } }>(
      "GET",
      `${api}/containers/${handle}/json`,
    );
    return State.Running ? State.Pid : undefined;
  }
}
