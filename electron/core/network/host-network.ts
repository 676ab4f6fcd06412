import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#shared/errors";
import { formatSubnet, mark, overlap, parseSubnet, type Subnet } from "./addresses.ts";
import { forgetUdp } from "./conntrack.ts";
import { admitBridge, applyRuleset, dismissBridge, redirect, tableName } from "./firewall.ts";
import { type Ground, type Grounds, machine } from "./ground.ts";
import type { HeldNamespace } from "./held-namespace.ts";
import {
  connectProcess,
  fillNamespace,
  linkNames,
  makeBridge,
  removeLinks,
  routeProcess,
  setUpBridge,
} from "./links.ts";
import type { Names } from "./names.ts";
import type { Connection, NetworkRecord, NetworkStore } from "./network-store.ts";
import { PortBoard } from "./port-board.ts";
import { ReadyNamespaces } from "./ready-namespaces.ts";
import { bridgesOfAll, type Forward, redirection, ruleset } from "./ruleset.ts";

/**
 * The machine's side of one manager's networks: bridges, veth pairs, packet filter, names. It follows the records:
 * `settle` makes what they want and removes what they don't, whoever left it. So a change is made in the records
 * first, and a manager that is killed at any point leaves nothing that the next one would not remove.
 */
export class HostNetwork {
  readonly #able: boolean;
  readonly #grounds: Grounds;
  readonly #store: NetworkStore;
  readonly #names: Names;
  readonly #mark: string;
  readonly board: PortBoard;
  /** The table as it was made: without its ports, and these. */
  #ruleset: { frame: string | undefined; leads: string | undefined } | undefined;
  /** Where it led when that was last changed; undefined: an earlier manager's leads, which are the same. */
  #forwards: readonly Forward[] | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  readonly #problems = new Map<string, AppError>();
  /** Until when a bridge that nobody is connected to is kept, by its network's name. */
  readonly #idle = new Map<string, number>();
  readonly #namespaces = new ReadyNamespaces();
  /** Bridges that are known to have all they need: an earlier manager's may have been killed halfway. */
  readonly #whole = new Set<string>();
  /** The networks that somebody was connected to when it last settled. */
  #used = new Set<string>();
  #idleTimer: NodeJS.Timeout | undefined;

  /** `root` tells the names of this manager's interfaces and tables from those of others; unless `able` nothing is done. */
  constructor(
    store: NetworkStore,
    names: Names,
    { root, able, grounds }: { root: string; able: boolean; grounds: Grounds },
  ) {
    this.#able = able;
    this.#grounds = grounds;
    this.#store = store;
    this.#names = names;
    this.#mark = mark(root, 6);
    this.board = new PortBoard(portBoard, this.#table);
  }

  get #table(): string {
    return tableName(this.#mark);
  }

  /** IFNAMSIZ allows 15 characters. */
  bridgeName(network: string): string {
    return `${this.#bridgePrefix}${mark(network, 5)}`;
  }

  vethName(unique: string): string {
    return `${this.#vethPrefix}${mark(unique, 5)}`;
  }

  /** Resolves when the machine is as the records were at the time of the call, or failed to be: see `requireWhole`. */
  settle(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#settleOnce().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    // One more for all that call while one is under way.
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.settle();
    });
    return this.#next;
  }

  /**
   * Removes what was kept for the next container of a network that nobody is connected to. `wait`: no container is
   * left, so whoever is still in an ordinary user's namespaces is about to end.
   */
  async dropIdle({ wait = false } = {}): Promise<void> {
    await this.#namespaces.drop();
    await (this.#next ?? this.#running);
    for (const name of this.#idle.keys()) this.#idle.set(name, 0);
    if (this.#idle.size > 0) await this.settle();
    clearTimeout(this.#idleTimer);
    const until = Date.now() + (wait ? endTime : 0);
    while (!(await this.#grounds.endUnused()) && Date.now() < until) await delay(20);
  }

  /** This machine has other name servers than before: whoever answers for names is to ask those. */
  async resolverChanged(): Promise<void> {
    await this.#grounds.resolverChanged();
    await this.#names.reread();
  }

  /** Rejects with what kept `settle` from making what this connection needs. */
  requireWhole(connection: Connection): void {
    for (const name of [rulesetProblem, ...connection.endpoints.map(({ network }) => network)]) {
      const problem = this.#problems.get(name);
      if (problem) throw problem;
    }
  }

  /** A network namespace for a container that is about to be made. Rejects when there can't be one. */
  async takeNamespace(): Promise<HeldNamespace> {
    try {
      return await this.#namespaces.take(await this.#require());
    } catch (error) {
      throw AppError.wrap(error, "A network namespace could not be made");
    }
  }

  /** Connects a network namespace, or that of a process, by all of the connection's ends or those named. */
  async join(connection: Connection, to: number | HeldNamespace, only?: string): Promise<void> {
    this.requireWhole(connection);
    const ground = await this.#require();
    const wayOut = ground.isMachine ? this.wayOut(connection) : undefined;
    const ends = connection.endpoints
      .filter(({ network }) => only === undefined || network === only)
      .map((endpoint) => ({
        endpoint,
        network: this.#store.require(endpoint.network),
        isWayOut: endpoint.network === wayOut?.name,
      }));
    try {
      if (typeof to === "number") await connectProcess(ground, to, ends);
      else await fillNamespace(ground, to, ends);
    } catch (error) {
      throw AppError.wrap(error, "It could not be connected to its network");
    }
  }

  /** Lets it out through another of its networks, when that by which it went is gone. */
  async route(connection: Connection, pid: number): Promise<void> {
    const ground = await this.#require();
    const wayOut = this.wayOut(connection);
    if (wayOut && ground.isMachine) await routeProcess(ground, pid, wayOut);
  }

  get #bridgePrefix(): string {
    return `${bridgesOfAll}${this.#mark}-`;
  }

  get #vethPrefix(): string {
    return `sv${this.#mark}-`;
  }

  /** The first of its networks that has a way out. */
  wayOut(connection: Connection): NetworkRecord | undefined {
    return connection.endpoints
      .flatMap(({ network }) => this.#store.network(network) ?? [])
      .find(({ internal }) => !internal);
  }

  async #settleOnce(): Promise<void> {
    if (!this.#able) return;
    const connections = this.#store
      .connections()
      .filter(({ connected, endpoints }) => connected && endpoints.length > 0);
    const used = new Set(
      connections.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)),
    );
    this.#rememberIdle(used);
    const kept = this.#store.networks().filter(({ name }) => used.has(name) || this.#isKept(name));
    this.#problems.clear();
    let ground: Ground | undefined;
    try {
      ground = await this.#grounds.find(kept.length > 0);
    } catch (error) {
      for (const name of used) this.#problems.set(name, AppError.from(error));
    }
    if (ground) {
      await Promise.all([
        this.#settleLinks(ground, kept, connections),
        ground.isMachine ? this.#settleRuleset(kept, connections) : undefined,
      ]);
    }
    try {
      await this.#names.apply(
        ground ?? machine,
        ground ? kept.filter(({ name }) => !this.#problems.has(name)) : [],
        connections,
      );
    } catch (error) {
      for (const name of used) this.#problems.set(name, AppError.wrap(error, "Names"));
    }
  }

  #isKept(network: string): boolean {
    return (this.#idle.get(network) ?? 0) > Date.now();
  }

  /** What is not used any more is kept a while; then it is looked at again. */
  #rememberIdle(used: Set<string>): void {
    for (const name of this.#used) if (!used.has(name)) this.#idle.set(name, Date.now() + keptIdle);
    for (const name of this.#idle.keys()) {
      if (used.has(name) || !this.#isKept(name)) this.#idle.delete(name);
    }
    this.#used = used;
    clearTimeout(this.#idleTimer);
    if (this.#idle.size === 0) return;
    const look = (): void => void this.settle().catch(() => undefined);
    this.#idleTimer = setTimeout(look, keptIdle + 100).unref();
  }

  async #require(): Promise<Ground> {
    const ground = await this.#grounds.find(true);
    if (ground) return ground;
    throw new AppError("UNAVAILABLE", "Nobody holds the namespaces of this root's networks");
  }

  async #settleLinks(
    ground: Ground,
    networks: NetworkRecord[],
    connections: Connection[],
  ): Promise<void> {
    const there = linkNames(ground);
    const bridges = there.filter((name) => name.startsWith(this.#bridgePrefix));
    const veths = there.filter((name) => name.startsWith(this.#vethPrefix));
    const wanted = new Set([
      ...networks.map(({ bridge }) => bridge),
      ...connections.flatMap(({ endpoints }) => endpoints.map(({ veth }) => veth)),
    ]);
    try {
      const stale = bridges.filter((name) => !wanted.has(name));
      if (ground.isMachine) await Promise.all(stale.map(dismissBridge));
      await removeLinks(ground, [...veths.filter((name) => !wanted.has(name)), ...stale]);
    } catch (error) {
      // It is there still, and seen again the next time.
      this.#problems.set("", AppError.from(error));
    }
    for (const network of networks) {
      const isThere = bridges.includes(network.bridge);
      if (isThere && this.#whole.has(network.bridge)) continue;
      try {
        if (!isThere) {
          requireUnused(network);
          await makeBridge(ground, network);
        } else if (ground.isMachine) await setUpBridge(network);
        if (ground.isMachine) await admitBridge(network.bridge);
        this.#whole.add(network.bridge);
      } catch (error) {
        this.#problems.set(network.name, AppError.from(error));
      }
    }
  }

  async #settleRuleset(networks: NetworkRecord[], connections: Connection[]): Promise<void> {
    const forwards = connections.flatMap((connection) => this.#forwardsOf(connection));
    const frame = networks.length > 0 ? ruleset(this.#table, networks, []) : undefined;
    const leads = frame === undefined ? undefined : redirection(this.#table, forwards);
    const before = this.#ruleset;
    if (before && frame === before.frame && leads === before.leads) return;
    try {
      const isThere = frame !== undefined && frame === before?.frame;
      if (!isThere || leads === undefined || !(await redirect(leads))) {
        const text = frame === undefined ? undefined : ruleset(this.#table, networks, forwards);
        await applyRuleset(this.#table, text);
      }
      await this.board.post(forwards.map(({ port }) => port));
      this.#ruleset = { frame, leads };
      const changed = differing(this.#forwards ?? forwards, forwards);
      this.#forwards = forwards;
      await forgetUdp(changed);
    } catch (error) {
      this.#ruleset = undefined;
      const problem = AppError.wrap(error, "The packet filter could not be set up");
      this.#problems.set(rulesetProblem, problem);
    }
  }

  #forwardsOf(connection: Connection): Forward[] {
    const wayOut = this.wayOut(connection)?.name;
    const endpoint = connection.endpoints.find(({ network }) => network === wayOut);
    if (!endpoint) return [];
    return connection.ports.flatMap((port) => {
      const to = port.hostIp.includes(":") ? endpoint.ip6 : endpoint.ip4;
      return to === undefined ? [] : [{ port, to }];
    });
  }
}

/**
 * Milliseconds that the bridge of a network, and whoever answers for names there, outlive its last container: who
 * deletes one often starts another. What leads to it by a published port is not kept.
 */
const keptIdle = 15_000;

/** Milliseconds within which a shim whose container is deleted has ended. */
const endTime = 3000;

/** Of all managers that root has on this machine. */
const portBoard = "/run/shimyard-ports";

/** No network's name: what concerns all of them. */
const rulesetProblem = "*";

/** Those that only one of two lists has. */
function differing(a: readonly Forward[], b: readonly Forward[]): Forward[] {
  const keys = [a, b].map((list) => new Set(list.map((forward) => JSON.stringify(forward))));
  return [...a, ...b].filter((forward) => {
    const key = JSON.stringify(forward);
    return !keys.every((set) => set.has(key));
  });
}

/** FAILED_PRECONDITION when the machine reaches something else by a part of a subnet, since a VPN came up, say. */
function requireUnused({ name, subnet, subnet6 }: NetworkRecord): void {
  const routes = hostRoutes();
  for (const text of [subnet, ...(subnet6 === undefined ? [] : [subnet6])]) {
    const other = routes.find((route) => overlap(route.subnet, parseSubnet(text)));
    if (!other) continue;
    throw new AppError(
      "FAILED_PRECONDITION",
      `The subnet ${text} of network "${name}" is in use: ${formatSubnet(other.subnet)} is reached by ${other.device}`,
      { hint: "Remove the network, and create it with another subnet." },
    );
  }
}

/** Where this machine sends packets, of both families, but for the way out. */
export function hostRoutes(): Route[] {
  const read = (name: string, parse: (text: string) => Route[]): Route[] => {
    try {
      return parse(readFileSync(`/proc/net/${name}`, "utf8"));
    } catch {
      // A kernel without that family.
      return [];
    }
  };
  return [...read("route", parseRoutes), ...read("ipv6_route", parseRoutes6)].filter(
    ({ subnet }) => subnet.bits > 0,
  );
}

interface Route {
  device: string;
  subnet: Subnet;
}

/**
 * /proc/net/route has addresses as hexadecimal numbers in the machine's own byte order, which is little-endian on all that
 * Electron runs on.
 */
export function parseRoutes(text: string): Route[] {
  const swapped = (hex: string): bigint =>
    BigInt(Buffer.from(hex, "hex").reverse().readUInt32BE(0));
  return text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .map((fields) => {
      const [device = "", base = "0", , , , , , netmask = "0"] = fields;
      const bits = swapped(netmask.trim()).toString(2).replaceAll("0", "").length;
      return { device, subnet: { family: 4, base: swapped(base), bits } };
    });
}

/** /proc/net/ipv6_route has no head, and addresses and prefix lengths as plain hexadecimal numbers. */
export function parseRoutes6(text: string): Route[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length === 10)
    .map((fields) => {
      const [base = "0", bits = "0"] = fields;
      const subnet = {
        family: 6,
        base: BigInt(`0x${base}`),
        bits: Number.parseInt(bits, 16),
      } as const;
      return { device: fields.at(-1) ?? "", subnet };
    });
}
