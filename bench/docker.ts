import { createReadStream } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { end, sleep, startDaemon, until } from "./command.ts";
import { command, type Contender, type PullingContender } from "./contender.ts";
import { cgroupParent, strays } from "./host.ts";
import { type PublishingContender, serve, servedPorts } from "./network.ts";
import type { Rootfs } from "./rootfs.ts";
import { UnixHttp } from "./unix-http.ts";

const image = "shimyard-bench:latest";

/** Nothing of the machine's network is touched. */
const withoutNetwork = [
  ...["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"],
  "--userland-proxy=false",
];

/**
 * A dockerd of our own, with its containerd, below `root`: nothing shared with a docker that may run
 * here, and no bridge and no iptables unless `network`. Its containers have docker's defaults (seccomp profile, masked
 * paths, json-file log, overlay2, runc).
 */
export async function startDocker(
  root: string,
  rootfs: Rootfs,
  { network = false } = {},
): Promise<PublishingContender & PullingContender> {
  const removeStrays = strays(["/run/docker"]);
  const socket = join(root, "docker.sock");
  await mkdir(root, { recursive: true });
  const config = join(root, "daemon.json");
  // The key would otherwise be made in /etc/docker.
  await writeFile(config, JSON.stringify({ "deprecated-key-path": join(root, "key.json") }));
  const daemon = startDaemon(
    [
      "/usr/sbin/dockerd",
      `--config-file=${config}`,
      `--data-root=${join(root, "data")}`,
      `--exec-root=${join(root, "exec")}`,
      `--pidfile=${join(root, "docker.pid")}`,
      `--host=unix://${socket}`,
      "--group=root",
      `--cgroup-parent=${cgroupParent}`,
      "--storage-driver=overlay2",
      ...(network ? [] : withoutNetwork),
    ],
    join(root, "log"),
  );
  const http = new UnixHttp(socket);
  const close = async (): Promise<void> => {
    const left = await http
      .call<{ Id: string }[]>("GET", "/containers/json?all=1")
      .catch((): { Id: string }[] => []);
    for (const { Id } of left) await http.raw("DELETE", `/containers/${Id}?force=1`);
    http.close();
    await end(daemon);
    await removeStrays();
    // Where containerd 1.6 keeps its shims' sockets, whatever its state directory is. Others may use it too.
    for (const path of ["/run/containerd/s", "/run/containerd"]) {
      await rmdir(path).catch(() => {});
    }
  };

  try {
    await until("The start of dockerd", async () => {
      if (daemon.exitCode !== null) throw new Error(`dockerd ended; see ${join(root, "log")}`);
      return http.raw("GET", "/_ping").then(
        () => true,
        () => false,
      );
    });
    await http.raw(
      "POST",
      "/images/create?fromSrc=-&repo=shimyard-bench&tag=latest",
      createReadStream(rootfs.tar),
    );
    const { Version } = await http.call<{ Version: string }>("GET", "/version");
    return new Docker(http, {
      name: "docker",
      version: `docker ${Version}`,
      root,
      pids: async () => {
        const containerd = await readFile(join(root, "exec/containerd/containerd.pid"), "utf8");
        return [daemon.pid as number, Number(containerd)];
      },
      close,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

class Docker implements PublishingContender, PullingContender {
  readonly name = "docker";
  readonly manager: Contender["manager"];
  readonly #http: UnixHttp;

  constructor(http: UnixHttp, manager: Contender["manager"]) {
    this.#http = http;
    this.manager = manager;
  }

  start(name: string, of: string = image): Promise<string> {
    return this.#start(name, { Image: of, Cmd: command, HostConfig: { NetworkMode: "none" } });
  }

  publish(name: string, hostPorts: readonly [number, number]): Promise<string> {
    const bindings = servedPorts.map((port, index) => [
      `${port}/tcp`,
      [{ HostPort: String(hostPorts[index]) }],
    ]);
    const exposed = servedPorts.map((port) => [`${port}/tcp`, {}]);
    return this.#start(name, {
      ...{ Cmd: serve, ExposedPorts: Object.fromEntries(exposed) },
      HostConfig: { PortBindings: Object.fromEntries(bindings) },
    });
  }

  async #start(name: string, config: object): Promise<string> {
    const path = `/containers/create?name=${name}`;
    const { Id } = await this.#http.call<{ Id: string }>("POST", path, { Image: image, ...config });
    await this.#http.raw("POST", `/containers/${Id}/start`);
    return Id;
  }

  async exec(handle: string): Promise<void> {
    const { Id } = await this.#http.call<{ Id: string }>("POST", `/containers/${handle}/exec`, {
      Cmd: ["true"],
      AttachStdout: true,
      AttachStderr: true,
    });
    await this.#http.raw("POST", `/exec/${Id}/start`, { Detach: false, Tty: false });
    // The stream may end a moment before the exit is recorded.
    for (;;) {
      const state = await this.#http.call<{ Running: boolean; ExitCode: number | null }>(
        "GET",
        `/exec/${Id}/json`,
      );
      if (!state.Running) {
        if (state.ExitCode === 0) return;
        throw new Error(`docker exec ended with ${state.ExitCode}`);
      }
      await sleep(1);
    }
  }

  async remove(handle: string): Promise<void> {
    await this.#http.raw("DELETE", `/containers/${handle}?force=1`);
  }

  async pull(reference: string): Promise<string> {
    const query = new URLSearchParams({ fromImage: reference });
    const said = await this.#http.raw("POST", `/images/create?${query.toString()}`);
    // Its failures come with status 200.
    const failure = said.split("\n").find((line) => line.includes('"error"'));
    if (failure) throw new Error(`docker pull: ${failure}`);
    return reference;
  }

  async removeImage(name: string): Promise<void> {
    await this.#http.raw("DELETE", `/images/${name}?force=1`);
  }

  async pid(handle: string): Promise<number | undefined> {
    const { State } = await this.#http.call<{ State: { Running: boolean; Pid: number } }>(
      "GET",
      `/containers/${handle}/json`,
    );
    return State.Running ? State.Pid : undefined;
  }
}
