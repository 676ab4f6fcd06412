import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import type { OciSpec } from "#core/runtime/runtime";
import { socketChannel } from "#headless/socket-channel";
import type { AppContract } from "#shared/contract/index";
import type { ContainerConfig } from "#shared/contract/containers";
import type { SystemInfo } from "#shared/contract/system";
import { createClient } from "#shared/rpc/client";
import type { Client } from "#shared/rpc/define";
import { end } from "./command.ts";
import {
  command,
  type KillingContender,
  type Manager,
  type PullingContender,
} from "./contender.ts";
import { type PublishingContender, serve, servedPorts } from "./network.ts";
import { makeOwn, type OrdinaryUser, rootless } from "./ordinary-user.ts";
import type { Rootfs } from "./rootfs.ts";

export interface Shimyard {
  manager: Manager;
  /** With `oci/runc`, then with `oci/crun`. */
  contenders: [
    KillingContender & PublishingContender & PullingContender,
    KillingContender & PublishingContender & PullingContender,
  ];
  /** One for each runtime that it found usable. */
  everyRuntime: KillingContender[];
  /** The OCI spec that one of its containers gets. */
  spec(): Promise<OciSpec>;
  /** How many of its containers run, once it has looked through what is there. */
  running(): Promise<number>;
  /** Ends it at once, as a crash would. Its containers go on. */
  crash(): Promise<void>;
}

/**
 * The built core without a window, with all of its data below `root`, and the window's client to it. What an earlier
 * one there left is found again. With a `user` it is rootless.
 */
export async function startShimyard(
  root: string,
  rootfs: Rootfs,
  more: NodeJS.ProcessEnv = {},
  user?: OrdinaryUser,
): Promise<Shimyard> {
  await makeOwn(root, user);
  const [file, ...args] = (user?.headless ?? [
    process.execPath,
    join(import.meta.dirname, "../headless/main.js"),
  ]) as [string, ...string[]];
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, SHIMYARD_ROOT: root, ...more },
    // Ctrl-C is for us alone: containers are to be removed through it first.
    detached: true,
  });
  const log = createWriteStream(join(root, "log"));
  child.stderr.pipe(log);
  let client: Client<AppContract>;
  let socket: WebSocket;
  try {
    socket = await connect(await firstLine(child));
    client = createClient<AppContract>(socketChannel(socket));
  } catch (error) {
    await end(child);
    throw error;
  }
  const close = async (): Promise<void> => {
    const left = await client.call("containers.list", {}).catch(() => []);
    for (const { id } of left) await client.call("containers.delete", { id, force: true });
    socket.close();
    await end(child);
  };
  try {
    const image = await imageOf(client, rootfs);
    const { version, runtimes } = await whenProbed(client);
    const manager: Manager = {
      name: `${rootless(user)}shimyard`,
      version: `${rootless(user)}shimyard ${version}`,
      root,
      pids: async () => [child.pid as number],
      close,
    };
    const contender = (runtime: string): WithRuntime =>
      new WithRuntime(client, { manager, imageId: image.id, runtime });
    const runc = contender("oci/runc");
    return {
      manager,
      contenders: [runc, contender("oci/crun")],
      everyRuntime: runtimes.filter(({ usable }) => usable.ok).map(({ id }) => contender(id)),
      async spec() {
        const id = await runc.start("spec");
        const { spec } = await client.call("containers.inspect", { id });
        await runc.remove(id);
        const found = JSON.parse(spec ?? "null") as OciSpec;
        // What its files of names and addresses lay in has gone with it.
        const mounts = found.mounts.filter(({ destination }) => !destination.startsWith("/etc/"));
        return { ...found, mounts };
      },
      async running() {
        const containers = await client.call("containers.list", {});
        return containers.filter(({ state }) => state.status === "running").length;
      },
      async crash() {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
        socket.terminate();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function imageOf(client: Client<AppContract>, rootfs: Rootfs): Promise<{ id: string }> {
  const name = "shimyard-bench";
  for await (const { put } of client.stream("images.watch", {})) {
    const found = put.find(({ names }) => names.includes(`${name}:latest`));
    if (found) return found;
    break;
  }
  return client.call("images.importDirectory", { path: rootfs.directory, name });
}

/** What it says of itself when it has found out what the runtimes can do here. */
async function whenProbed(client: Client<AppContract>): Promise<SystemInfo> {
  for await (const info of client.stream("system.watch", {})) {
    if (!info.probing) return info;
  }
  throw new Error("Shimyard ended while it was looking for runtimes");
}

/** The address that it prints, with the token. */
async function firstLine(child: ChildProcess): Promise<URL> {
  if (!child.stdout) throw new Error("Shimyard has no standard output");
  const lines = createInterface(child.stdout);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`Shimyard ended with status ${String(code)} before it was ready`);
  });
  const [line] = (await Promise.race([once(lines, "line"), ended])) as [string];
  return new URL(line);
}

async function connect(url: URL): Promise<WebSocket> {
  const token = url.searchParams.get("token");
  const socket = new WebSocket(`ws://${url.host}/rpc/user?token=${token}`, {
    origin: url.origin,
    perMessageDeflate: false,
  });
  await once(socket, "open");
  return socket;
}

class WithRuntime implements KillingContender, PublishingContender, PullingContender {
  readonly name: string;
  readonly manager: Manager;
  readonly #client: Client<AppContract>;
  readonly #imageId: string;
  readonly #runtime: string;

  constructor(
    client: Client<AppContract>,
    options: { manager: Manager; imageId: string; runtime: string },
  ) {
    this.name = `${options.manager.name} ${options.runtime.replace("oci/", "").replace("io.containerd.", "")}`;
    this.manager = options.manager;
    this.#client = client;
    this.#imageId = options.imageId;
    this.#runtime = options.runtime;
  }

  start(name: string, of: string = this.#imageId): Promise<string> {
    return this.#start(name, { imageId: of, args: command, networks: "none" });
  }

  publish(name: string, hostPorts: readonly [number, number]): Promise<string> {
    const ports = servedPorts.map((containerPort, index) => ({
      ...{ containerPort, hostPort: hostPorts[index] as number, protocol: "tcp" as const },
    }));
    return this.#start(name, { imageId: this.#imageId, args: serve, ports });
  }

  async #start(
    name: string,
    config: Pick<ContainerConfig, "imageId" | "args" | "networks" | "ports">,
  ): Promise<string> {
    const { id } = await this.#client.call("containers.create", {
      config: {
        ...config,
        // All runtimes' containers are in one namespace.
        name: `${name}-${this.#runtime.replaceAll(/[^a-z0-9]/g, "-")}`,
        env: [],
        terminal: false,
        limits: {},
        restart: { name: "no" },
        labels: {},
        runtime: this.#runtime,
      },
      start: true,
    });
    return id;
  }

  async exec(handle: string): Promise<void> {
    const { exitCode } = await this.#client.call("containers.exec", {
      id: handle,
      args: ["true"],
    });
    if (exitCode !== 0) throw new Error(`${this.name}: exec ended with ${exitCode}`);
  }

  async remove(handle: string): Promise<void> {
    await this.#client.call("containers.delete", { id: handle, force: true });
  }

  async pull(reference: string): Promise<string> {
    const { id } = await this.#client.call("images.pull", { reference });
    return id;
  }

  async removeImage(id: string): Promise<void> {
    await this.#client.call("images.delete", { id });
  }

  async kill(handle: string): Promise<number> {
    const events = this.#client.stream("activity.watchEvents", {})[Symbol.asyncIterator]();
    let next = events.next();
    const begin = performance.now();
    const killing = this.#client.call("containers.kill", { id: handle, signal: "SIGKILL" });
    for (;;) {
      const { value, done } = await next;
      if (done) throw new Error("Shimyard's events ended");
      if (value.topic === "/tasks/exit" && value.containerId === handle) break;
      next = events.next();
    }
    const time = performance.now() - begin;
    await events.return?.();
    await killing;
    return time;
  }

  async pid(handle: string): Promise<number | undefined> {
    const { container } = await this.#client.call("containers.get", { id: handle });
    return container.state.status === "running" ? container.state.pid : undefined;
  }
}
