import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import { choosePrivileges } from "../host/privileges.ts";
import { shareTestCore } from "../images/test-core.ts";
import { mark } from "./addresses.ts";
import { networkTraces } from "./testing.ts";

/** An ordinary user's containers have a way out and published ports of their own, by pasta: see README.md. */
export const { rootless } = choosePrivileges();

export const idle = ["sleep", "1000"];
/** Answers each connection with its host name. */
export const answering = (port = 80): string[] => [
  "nc",
  "-ll",
  "-p",
  String(port),
  "-e",
  "hostname",
];

/** Of `ip route`. */
export const wayOut = (network: { gateway: string } | undefined): string =>
  rootless ? "dev out0" : `default via ${network?.gateway}`;

/** The body of a function that makes of a DNS `message` its answer (RFC 1035): whatever is asked for, this address. */
export function dnsAnswer(address: string): string {
  const octets = address.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  const record = `c00c00010001000000050004${octets.join("")}`;
  return `const end = message.indexOf(0, 12) + 5; return Buffer.concat([message.subarray(0, 2), Buffer.from("81800001000100000000", "hex"), message.subarray(12, end), Buffer.from("${record}", "hex")]);`;
}

/** What answers at an address of this machine; tried until something does. */
export const ask = (host: string, port: number): Promise<string> =>
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

export const askUdp = (host: string, port: number, timeout = 10_000): Promise<string> =>
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

export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Containers in networks, for all tests of a file (see shareTestCore). After each nothing of them is on the machine. */
export function useNetworks() {
  // After that of shareTestCore: it deletes the containers.
  afterEach(async () => {
    for (const { id, isDefault } of await own.core.networks.list()) {
      if (!isDefault) await own.core.networks.remove(id);
    }
    await vi.waitFor(async () => expect(await traces()).toEqual([]), {
      timeout: 15_000,
      interval: 200,
    });
  });
  const own = shareTestCore();

  /** What is left when nothing is kept for a next container. */
  async function traces(): Promise<string[]> {
    // It waits in an ordinary user's namespaces.
    await own.core.containers.next.drop();
    await own.core.networks.dropIdle({ wait: (await own.core.containers.list()).length === 0 });
    return networkTraces(own.dir, mark(own.paths.data, 6));
  }

  let count = 0;
  function config(args: string[], more: Partial<ContainerConfig> = {}): ContainerConfig {
    count += 1;
    return {
      ...{ name: `net-${count}`, imageId: own.imageId, args, env: [], terminal: false },
      ...{ limits: {}, restart: { name: "no" }, labels: {} },
      ...more,
    };
  }

  async function start(args: string[], more: Partial<ContainerConfig> = {}): Promise<string> {
    return (await own.core.containers.create(config(args, more), true)).id;
  }

  async function inside(id: string, ...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await own.core.containers.exec(id, { args });
    const words = Buffer.from(stdout).toString() + Buffer.from(stderr).toString();
    if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${words}`);
    return words.trim();
  }

  async function row(id: string) {
    const found = (await own.core.containers.list()).find((container) => container.id === id);
    if (!found) throw new Error("it is not listed");
    return found;
  }

  const portOf = async (id: string): Promise<number> => (await row(id)).ports[0]?.hostPort ?? 0;

  /** A UDP server in a container's network, by the body of a function of `message`: the image's tools can't be one. */
  async function serveUdp(id: string, port: number, answer: string): Promise<ChildProcess> {
    const pid = own.core.containers.lifecycle.task(id)?.state.pid;
    const script = `const answer = (message) => { ${answer} }; const s = require("dgram").createSocket("udp4"); s.on("message", (m, from) => s.send(answer(m), from.port, from.address)); s.bind(${port}, () => console.log("ready"));`;
    const user = rootless ? ["--user", "--preserve-credentials"] : [];
    const args = ["--target", `${pid}`, "--net", ...user, process.execPath, "-e", script];
    const child = spawn("nsenter", args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return child;
  }

  const echoUdp = (id: string, port: number): Promise<ChildProcess> =>
    serveUdp(id, port, "return message;");

  async function memberOf(network: string, id: string) {
    const { members = [] } =
      (await own.core.networks.list()).find((one) => one.id === network) ?? {};
    const member = members.find(({ containerId }) => containerId === id);
    if (!member) throw new Error("it is no member");
    return member;
  }

  return { own, traces, config, start, inside, row, portOf, serveUdp, echoUdp, memberOf };
}
