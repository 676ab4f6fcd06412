import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { PortChoice } from "#shared/contract/networks";
import { AppError } from "#shared/errors";
import { normalAddress } from "./addresses.ts";
import { gatewayAddresses } from "./endpoints.ts";
import type { NetworkRecord, PublishedPort } from "./network-store.ts";
import { portAddresses, portOwner } from "./port-owner.ts";

export interface PortRequest {
  wishes: PortChoice[];
  /** What the container had last: a port that was picked is picked again when it is free. */
  before: PublishedPort[];
  /** Publish on every IPv6 address too, where no address was given. */
  ipv6: boolean;
  /** Ours. Who answers for names on bridges keeps nobody from publishing port 53: that of theirs is led nowhere (ruleset.ts). */
  networks: readonly NetworkRecord[];
  /** Who else has it without a socket, for a sentence: `container "web"`. */
  holder: (port: PublishedPort) => string | undefined;
}

/**
 * The ports of this machine that a container gets. ALREADY_EXISTS when one is taken, saying who has it;
 * PERMISSION_DENIED when an ordinary user may not have it.
 */
export async function choosePorts(request: PortRequest): Promise<PublishedPort[]> {
  const chosen: PublishedPort[] = [];
  for (const [index, wish] of request.wishes.entries()) {
    const holder = (port: PublishedPort): string | undefined =>
      request.holder(port) ?? (chosen.some((own) => collide(own, port)) ? "the same" : undefined);
    const { hostPort = 0, containerPort, protocol } = wish;
    const every = request.ipv6 ? ["0.0.0.0", "::"] : ["0.0.0.0"];
    const hostIps = wish.hostIp ? [normalAddress(wish.hostIp)] : every;
    const at = (hostPort: number): PublishedPort[] =>
      hostIps.map((hostIp) => ({ hostIp, hostPort, containerPort, protocol }));
    if (hostPort === 0) {
      chosen.push(...at(await pick(at, { ...request, holder })));
    } else {
      for (const port of at(hostPort))
        await requireFree(port, { ...request, holder }, `ports.${index}`);
      chosen.push(...at(hostPort));
    }
  }
  return chosen;
}

/** INVALID_ARGUMENT for an address from where no rule can lead to a container; `ipv6`: its network has that. */
export function requireLed(wishes: readonly PortChoice[], ipv6: boolean): void {
  for (const [index, { hostIp }] of wishes.entries()) {
    const address = hostIp ? normalAddress(hostIp) : "";
    if (!address.includes(":")) continue;
    const fault = (message: string, hint: string): AppError =>
      new AppError("INVALID_ARGUMENT", message, { field: `ports.${index}`, hint });
    // The kernel drops what comes to ::1 by another interface than loopback, and answers would.
    if (address === "::1") {
      throw fault("Nothing leads from ::1 to a container", "Publish it on 127.0.0.1.");
    }
    if (!ipv6) {
      const hint = "Choose a network with IPv6, or an IPv4 address.";
      throw fault(`Its network has no IPv6: nothing leads from ${address} to it`, hint);
    }
  }
}

/** Whether two ports can't be published at once. */
export function collide(a: PublishedPort, b: PublishedPort): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort) return false;
  if (a.hostIp.includes(":") !== b.hostIp.includes(":")) return false;
  return a.hostIp === b.hostIp || isEvery(a.hostIp) || isEvery(b.hostIp);
}

export const isEvery = (hostIp: string): boolean => hostIp === "0.0.0.0" || hostIp === "::";

/** `127.0.0.1:8080`, `8080/udp`. */
export function portText({ hostIp, hostPort, protocol }: PublishedPort): string {
  const host = hostIp.includes(":") ? `[${hostIp}]` : hostIp;
  return `${isEvery(hostIp) ? "" : `${host}:`}${hostPort}${protocol === "udp" ? "/udp" : ""}`;
}

async function requireFree(
  port: PublishedPort,
  { holder, networks }: PortRequest,
  field: string,
): Promise<void> {
  const held = holder(port);
  const failure = held === undefined ? await bindFailure(port) : "EADDRINUSE";
  if (failure === undefined) return;
  if (held === undefined && isEvery(port.hostIp) && port.hostPort === 53) {
    const addresses = await portAddresses(port.protocol, 53);
    const gateways = gatewayAddresses(networks);
    if (addresses.length > 0 && addresses.every((address) => gateways.includes(address))) return;
  }
  const what = `Port ${portText(port)}`;
  if (failure === "EADDRINUSE") {
    const who = held ?? (await portOwner(port.protocol, port.hostPort));
    throw new AppError("ALREADY_EXISTS", `${what} is taken${who ? ` by ${who}` : ""}`, {
      ...{ field, hint: "Choose another port, or leave it empty: a free one is picked." },
    });
  }
  if (failure === "EADDRNOTAVAIL") {
    throw new AppError("INVALID_ARGUMENT", `This machine has no address ${port.hostIp}`, { field });
  }
  if (failure === "EACCES") {
    const setting = "net.ipv4.ip_unprivileged_port_start";
    const start = await readFile(`/proc/sys/${setting.replaceAll(".", "/")}`, "utf8").catch(
      () => "1024",
    );
    throw new AppError("PERMISSION_DENIED", `${what} is not for an ordinary user`, {
      ...{ field, hint: `Choose one of ${start.trim()} and above, or have root lower ${setting}.` },
    });
  }
  throw new AppError("UNAVAILABLE", `${what} can't be used: ${failure}`, { field });
}

/** Attempts to find one that is free. */
const attempts = 50;

/** One that is free on all addresses that `at` gives it. */
async function pick(
  at: (hostPort: number) => PublishedPort[],
  request: PortRequest,
): Promise<number> {
  const [first] = at(0) as [PublishedPort];
  const isFree = async (hostPort: number): Promise<boolean> => {
    for (const port of at(hostPort)) {
      if (request.holder(port) !== undefined || (await bindFailure(port)) !== undefined)
        return false;
    }
    return true;
  };
  const last = request.before.find(
    (one) =>
      one.hostIp === first.hostIp &&
      one.containerPort === first.containerPort &&
      one.protocol === first.protocol,
  );
  if (last && (await isFree(last.hostPort))) return last.hostPort;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const hostPort = await bind(first);
    if (typeof hostPort === "string") break;
    if (await isFree(hostPort)) return hostPort;
  }
  throw new AppError("RESOURCE_EXHAUSTED", `No free port was found on ${first.hostIp}`);
}

async function bindFailure(port: PublishedPort): Promise<string | undefined> {
  const result = await bind(port);
  return typeof result === "string" ? result : undefined;
}

/** Holds a port for a moment; answers its number, or the errno that it failed with. */
function bind({ protocol, hostIp, hostPort }: PublishedPort): Promise<number | string> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message);
    const v6 = hostIp.includes(":");
    if (protocol === "tcp") {
      const server = createServer();
      server.once("error", failed);
      // Not in a cluster's parent: the answer is this process's.
      server.listen({ host: hostIp, port: hostPort, exclusive: true, ipv6Only: v6 }, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
      });
      return;
    }
    const socket = createSocket({ type: v6 ? "udp6" : "udp4", ipv6Only: v6 });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      socket.close();
      failed(error);
    });
    socket.bind({ address: hostIp, port: hostPort, exclusive: true }, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
