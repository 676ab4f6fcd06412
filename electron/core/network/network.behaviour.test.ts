import { spawn } from "node:child_process";
import { once } from "node:events";
import { createSocket } from "node:dgram";
import { mkdtemp } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import { type Core, createCore } from "../core.ts";
import { type Paths, resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import { mark } from "./addresses.ts";
import { networkTraces } from "./testing.ts";

let paths: Paths;
let root: string;
let core: Core;
let imageId: string;

const open = (at: Paths): Promise<Core> =>
  createCore({ paths: at, version: "0.0.0", kind: "test" });

const traces = (): Promise<string[]> => networkTraces(root, mark(paths.data, 6));

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-network-"));
  paths = resolvePaths({}, 0, "/root", root);
  await rememberHost(paths);
  core = await open(paths);
  await core.ready;
  imageId = (await core.images.ensureStarter()).id;
});

afterEach(async () => {
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
  for (const { id, isDefault } of await core.networks.list()) {
    if (!isDefault) await core.networks.remove(id);
  }
  expect(await traces()).toEqual([]);
});

afterAll(async () => {
  await core.close();
  await removeTree(root, choosePrivileges());
});

let count = 0;
function config(args: string[], more: Partial<ContainerConfig> = {}): ContainerConfig {
  count += 1;
  return {
    ...{ name: `net-${count}`, imageId, args, env: [], terminal: false },
    ...{ limits: {}, restart: { name: "no" }, labels: {} },
    ...more,
  };
}

const idle = ["sleep", "1000"];
/** Answers each connection with its host name. */
const answering = (port = 80): string[] => ["nc", "-ll", "-p", String(port), "-e", "hostname"];

async function start(args: string[], more: Partial<ContainerConfig> = {}): Promise<string> {
  return (await core.containers.create(config(args, more), true)).id;
}

async function inside(id: string, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await core.containers.exec(id, { args });
  const words = Buffer.from(stdout).toString() + Buffer.from(stderr).toString();
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${words}`);
  return words.trim();
}

async function row(id: string) {
  const found = (await core.containers.list()).find((container) => container.id === id);
  if (!found) throw new Error("it is not listed");
  return found;
}

const portOf = async (id: string): Promise<number> => (await row(id)).ports[0]?.hostPort ?? 0;

/** What answers at an address of this machine; tried until something does. */
const ask = (host: string, port: number): Promise<string> =>
  vi.waitFor(
    async () => {
      let said = "";
      const socket = connect({ host, port });
      for await (const chunk of socket) said += String(chunk);
      expect(said).not.toBe("");
      return said.trim();
    },
    { timeout: 10_000, interval: 20 },
  );

const askUdp = (host: string, port: number, timeout = 10_000): Promise<string> =>
  vi.waitFor(
    async () => {
      const socket = createSocket("udp4");
      try {
        socket.connect(port, host);
        await once(socket, "connect");
        socket.send("hello");
        const [message] = await once(socket, "message", { signal: AbortSignal.timeout(200) });
        return String(message);
      } finally {
        socket.close();
      }
    },
    { timeout, interval: 20 },
  );

/** A UDP server in a container's network: the image's tools can't be one. */
async function echoUdp(id: string, port: number): Promise<Disposable> {
  const pid = core.containers.lifecycle.task(id)?.state.pid;
  const script = `const s = require("dgram").createSocket("udp4"); s.on("message", (m, from) => s.send(m, from.port, from.address)); s.bind(${port}, () => console.log("ready"));`;
  const args = [`--net=/proc/${pid}/ns/net`, process.execPath, "-e", script];
  const child = spawn("nsenter", args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return { [Symbol.dispose]: () => void child.kill() };
}

async function memberOf(network: string, id: string) {
  const { members = [] } = (await core.networks.list()).find((one) => one.id === network) ?? {};
  const member = members.find(({ containerId }) => containerId === id);
  if (!member) throw new Error("it is no member");
  return member;
}

describe("a container that names no network", () => {
  test("is in the default one, with an address, a way out and its own name", async () => {
    const id = await start(idle, { hostname: "mast" });
    const { ip4, mac, connected } = await memberOf("bridge", id);
    expect(connected).toBe(true);
    expect(await inside(id, "ip", "addr", "show", "eth0")).toContain(`inet ${ip4}/22`);
    expect(await inside(id, "cat", "/sys/class/net/eth0/address")).toBe(mac);
    const [network] = await core.networks.list();
    expect(await inside(id, "ip", "route")).toContain(`default via ${network?.gateway}`);
    expect(await inside(id, "ping", "-c", "1", network?.gateway ?? "")).toContain(
      "1 packets received",
    );
    expect(await inside(id, "cat", "/etc/hosts")).toContain(`${ip4}\tmast`);
    expect(await inside(id, "cat", "/etc/hostname")).toBe("mast");
  });

  test("has its address again when it is started again, and gives it back when it is deleted", async () => {
    const id = await start(idle);
    const { ip4 } = await memberOf("bridge", id);
    await core.containers.lifecycle.stop(id, 0);
    await vi.waitFor(async () => expect(await traces()).toEqual([]));
    expect(await memberOf("bridge", id)).toMatchObject({ ip4, connected: false });
    const other = await start(idle);
    expect((await memberOf("bridge", other)).ip4).not.toBe(ip4);
    await core.containers.lifecycle.start(id);
    expect(await inside(id, "ip", "addr", "show", "eth0")).toContain(ip4);
    await core.containers.delete(id, true);
    await expect(memberOf("bridge", id)).rejects.toThrow("no member");
  });
});

describe("a published port", () => {
  test("leads to the container, from this machine's addresses and by loopback; a free one is picked", async () => {
    const id = await start(answering(), {
      hostname: "web",
      ports: [{ containerPort: 80, protocol: "tcp" }],
    });
    const port = await portOf(id);
    expect(port).toBeGreaterThan(0);
    expect(await ask("127.0.0.1", port)).toBe("web");
    const [network] = await core.networks.list();
    expect(await ask(network?.gateway ?? "", port)).toBe("web");
    // By itself, and by another one of its network.
    const other = await start(idle);
    for (const from of [id, other]) {
      expect(await inside(from, "nc", "-w", "2", network?.gateway ?? "", String(port))).toBe("web");
    }
    // The same one again.
    await core.containers.lifecycle.restart(id, 0);
    expect(await portOf(id)).toBe(port);
    expect(await ask("127.0.0.1", port)).toBe("web");
  });

  test("on one address is on no other, and UDP is carried", async () => {
    const id = await start(idle, {
      ports: [{ hostIp: "127.0.0.1", containerPort: 53, protocol: "udp" }],
    });
    const { ports } = await row(id);
    expect(ports).toMatchObject([{ hostIp: "127.0.0.1", containerPort: 53, protocol: "udp" }]);
    const port = ports[0]?.hostPort ?? 0;
    using _echo = await echoUdp(id, 53);
    expect(await askUdp("127.0.0.1", port)).toBe("hello");
    const [network] = await core.networks.list();
    await expect(askUdp(network?.gateway ?? "", port, 500)).rejects.toThrow();
  });

  test("that is taken is told before anything is created, with who has it", async () => {
    const server = await listen();
    const { port } = server.address() as { port: number };
    const before = await core.containers.list();
    const ports = [{ hostPort: port, containerPort: 80, protocol: "tcp" as const }];
    await expect(start(idle, { ports })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringMatching(`Port ${port} is taken by .*process ${process.pid}`),
    });
    expect(await core.containers.list()).toEqual(before);
    server.close();
    const { id } = await core.containers.create(config(idle, { name: "first", ports }), true);
    await expect(start(idle, { ports })).rejects.toMatchObject({
      message: `Port ${port} is taken by container "first"`,
    });
    await core.containers.delete(id, true);
    await start(idle, { ports });
  });
});

const listen = (): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen({ host: "127.0.0.1", port: 0 }, () => resolve(server));
  });
