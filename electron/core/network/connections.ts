import { randomUUID } from "node:crypto";
import { rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { NetworkChoice, PortChoice } from "#shared/contract/networks";
import { AppError } from "#shared/errors";
import { allDone } from "../base/all-done.ts";
import { defaultNamespace } from "../base/ids.ts";
import { containerDir, type Paths } from "../host/paths.ts";
import { Serial } from "../runtime/serial.ts";
import { type Connectable, emptyConnection, freeInterface, namesOf } from "./connectable.ts";
import { chooseEndpoint } from "./endpoints.ts";
import { hostResolver, searchLines, writeEtcFiles } from "./etc-files.ts";
import { groundId } from "./ground.ts";
import type { HeldNamespace } from "./held-namespace.ts";
import type { HostNetwork } from "./host-network.ts";
import { forwarders, type Names } from "./names.ts";
import type { NetworkPlan } from "./network-plan.ts";
import type { Connection, NetworkStore, PublishedPort } from "./network-store.ts";
import { choosePorts, collide, requireLed } from "./ports.ts";
import type { UserNetwork } from "./user-network.ts";

export interface ConnectionsOptions {
  paths: Paths;
  store: NetworkStore;
  host: HostNetwork;
  names: Names;
  /** An ordinary user's way out; absent for root, whose containers go by their networks. */
  user?: UserNetwork | undefined;
  /** False: an ordinary user's containers reach their networks only. */
  hasWayOut: boolean;
  /** The members of a network are different. */
  onChange: (networks: string[]) => void;
}

/** What is being made for a container that is about to be. */
interface Prepared {
  /** Rejects with what could not be made. */
  made: Promise<unknown>;
  /** With all that the container has of its networks in it, once it is made. */
  namespace: HeldNamespace | undefined;
}

/**
 * Who is connected: addresses and ports are chosen and written down first, then the machine follows (host-network.ts,
 * user-network.ts), beside the container's creation in a network namespace that was there before it; one whose runtime
 * makes that is joined between its creation and its start. When it ends, all but its addresses goes.
 */
export class Connections {
  readonly #o: ConnectionsOptions;
  /** One container at a time is given addresses and ports: between looking and writing nobody else takes them. */
  readonly #choosing = new Serial();
  readonly #prepared = new Map<string, Prepared>();
  readonly #releasing = new Map<string, Promise<void>>();

  constructor(options: ConnectionsOptions) {
    this.#o = options;
  }

  /** The ports that are published for it now. */
  ports(id: string): PublishedPort[] {
    const connection = this.#o.store.connection(id);
    return connection?.connected ? connection.ports : [];
  }

  /** ALREADY_EXISTS when somebody has that port now. */
  async checkPort(port: PortChoice): Promise<void> {
    const others = await this.#portsOfOthers();
    await choosePorts({
      ...{ wishes: [port], before: [], ipv6: false, networks: this.#o.store.networks() },
      holder: (one) => this.#holder("", one, others),
    });
  }

  /** Rejects when `prepare` would, without taking anything: see choosePorts and chooseEndpoint. */
  async check(container: Connectable, plan: NetworkPlan): Promise<void> {
    await this.#choosing.run(() => this.#choose(container, plan));
  }

  /**
   * Takes addresses and ports, writes the container's /etc files, and begins to make what `join` needs on this
   * machine. To be followed by `join` or `release`. Answers the path of the network namespace that the runtime is to
   * put it into, until then; undefined: the runtime makes one. `ahead`: whether its namespace is to be there before it,
   * where that can be done, or has to be; `no`: it has to be the runtime's.
   */
  async prepare(
    container: Connectable,
    plan: NetworkPlan,
    ahead: "no" | "yes" | "must",
  ): Promise<string | undefined> {
    const { id } = container;
    await this.#releasing.get(id);
    if (plan.kind === "container") return undefined;
    if (plan.kind === "none" || plan.kind === "host") {
      await this.#writeFiles(emptyConnection(container), plan);
      return undefined;
    }
    const taking =
      ahead !== "no" && plan.kind === "networks" ? this.#take(ahead === "must") : undefined;
    taking?.catch(() => undefined);
    let saved = Promise.resolve();
    try {
      const connection = await this.#choosing.run(async () => {
        const chosen = await this.#choose(container, plan);
        // In memory at once; on disk before anything is made.
        saved = this.#put(chosen);
        saved.catch(() => undefined);
        return chosen;
      });
      const pointing = taking?.then((found) => found && this.#point(id, found.pid));
      const [namespace, path] = await Promise.all([
        ...([taking, pointing] as const),
        this.#writeFiles(connection, plan),
      ]);
      const made = saved.then(() => this.#make(connection, plan, namespace));
      // Told to `join`.
      made.catch(() => undefined);
      this.#prepared.set(id, { made, namespace });
      return path;
    } catch (error) {
      void taking?.then((namespace) => namespace?.release()).catch(() => undefined);
      throw error;
    }
  }

  /** Resolves when what was prepared is in the network namespace of the container's first process. */
  async join(id: string, plan: NetworkPlan, pid: number): Promise<void> {
    const { store, host } = this.#o;
    if (plan.kind !== "networks" && plan.kind !== "user") return;
    const prepared = this.#prepared.get(id);
    await prepared?.made;
    this.#prepared.delete(id);
    try {
      if (prepared?.namespace) await this.#point(id, pid);
    } finally {
      prepared?.namespace?.release();
    }
    const connection = store.connection(id);
    if (!connection) throw new AppError("ABORTED", "It was deleted meanwhile");
    if (prepared?.namespace) return;
    await Promise.all([
      plan.kind === "networks" && host.join(connection, pid),
      this.#carrier(connection, plan)?.join(connection, pid),
    ]);
  }

  /** Undefined when none can be made, unless it `must`: a runtime that fares no better has words of its own. */
  async #take(must: boolean): Promise<HeldNamespace | undefined> {
    const taking = this.#o.host.takeNamespace();
    return must ? taking : taking.catch(() => undefined);
  }

  /** What there has to be on this machine, and in a network namespace all that the container gets there. */
  async #make(
    connection: Connection,
    plan: NetworkPlan,
    namespace: HeldNamespace | undefined,
  ): Promise<unknown> {
    const { host } = this.#o;
    if (!namespace) return host.settle();
    const carrier = this.#carrier(connection, plan);
    const works: Promise<void>[] = [host.settle().then(() => host.join(connection, namespace))];
    if (carrier) works.push(carrier.join(connection, namespace.pid, { held: true }));
    return allDone(works);
  }

  /**
   * Has the path that its runtime knows lead to the network namespace of a process: runc looks there again when it
   * makes a checkpoint.
   */
  async #point(id: string, pid: number): Promise<string> {
    const path = join(containerDir(this.#o.paths, defaultNamespace, id), "netns");
    await rm(path, { force: true });
    await symlink(`/proc/${pid}/ns/net`, path);
    return path;
  }

  /** Who carries its packets, where they leave by a process of its own, and not by its networks. */
  #carrier(connection: Connection, { kind }: Pick<NetworkPlan, "kind">): UserNetwork | undefined {
    const { host, user, hasWayOut } = this.#o;
    const leaves = kind === "user" || host.wayOut(connection) !== undefined;
    return hasWayOut && leaves ? user : undefined;
  }

  /** Takes away what it had on this machine; its addresses are kept for it. Idempotent. */
  release(id: string): Promise<void> {
    const under = this.#releasing.get(id);
    if (under) return under;
    const releasing = this.#release(id).finally(() => this.#releasing.delete(id));
    this.#releasing.set(id, releasing);
    return releasing;
  }

  /**
   * The addresses and ports that another container has had are the first that this new one is given, unless somebody
   * takes them before it starts.
   */
  async inherit(container: Connectable, from: string): Promise<void> {
    const before = this.#o.store.connection(from);
    if (!before) return;
    const { endpoints, ports } = before;
    await this.#put({ ...emptyConnection(container), endpoints, ports });
  }

  /** The container is deleted. */
  async forget(id: string): Promise<void> {
    const { store } = this.#o;
    if (!store.connection(id)) return;
    await this.release(id);
    const networks = networksOf(store.connection(id));
    await store.removeConnection(id);
    this.#o.onChange(networks);
  }

  /** After the tasks were loaded: what is not alive has no connection, whatever a killed manager left of it. */
  async reconcile(
    isAlive: (id: string) => boolean,
    exists: (id: string) => boolean,
  ): Promise<void> {
    const { store, host, user } = this.#o;
    for (const connection of store.connections()) {
      if (!exists(connection.id)) await store.removeConnection(connection.id);
      else if (connection.connected && !isAlive(connection.id)) {
        await store.putConnection({ ...connection, connected: false });
      }
    }
    const connected = store.connections().filter((connection) => connection.connected);
    const carried = [groundId, ...connected.map(({ id }) => id)];
    await Promise.all([host.settle(), user?.settle(carried)]);
  }

  /** Another end for a container; `pid` when it runs. All is as before when that fails. */
  async connect(
    container: Connectable,
    choice: NetworkChoice,
    pid: number | undefined,
  ): Promise<void> {
    const { store, host } = this.#o;
    const { id } = container;
    const plan = { kind: "networks" } as const;
    const before = store.connection(id);
    await this.#choosing.run(async () => {
      const base = store.connection(id) ?? emptyConnection(container);
      if (base.endpoints.some(({ network }) => network === choice.name)) {
        throw new AppError("FAILED_PRECONDITION", `It is in network "${choice.name}" already`);
      }
      const endpoint = chooseEndpoint(store, store.require(choice.name), choice, {
        ...{ id, interface: freeInterface(base), veth: host.vethName(randomUUID()) },
      });
      const connected = pid !== undefined;
      await this.#put({ ...base, connected, endpoints: [...base.endpoints, endpoint] });
    });
    if (pid === undefined) return;
    try {
      await host.settle();
      const connection = store.connection(id);
      if (connection) {
        await host.join(connection, pid, choice.name);
        const carrier = this.#carrier(connection, plan);
        if (carrier && !(await carrier.carries(id))) await carrier.join(connection, pid);
        await this.#refreshFiles(connection);
      }
    } catch (error) {
      await (before ? this.#put(before) : store.removeConnection(id));
      await host.settle().catch(() => undefined);
      throw error;
    }
  }

  /** Takes an end away, at once when it runs. Nothing happens when it has none there. */
  async disconnect(id: string, network: string, pid: number | undefined): Promise<void> {
    const { store, host, user } = this.#o;
    const before = store.connection(id);
    if (!before?.endpoints.some((endpoint) => endpoint.network === network)) return;
    const endpoints = before.endpoints.filter((endpoint) => endpoint.network !== network);
    await this.#put({ ...before, endpoints });
    this.#o.onChange([network]);
    await host.settle();
    const connection = store.connection(id);
    if (!connection?.connected || pid === undefined) return;
    await host.route(connection, pid);
    if (!this.#carrier(connection, { kind: "networks" })) await user?.leave(id);
    await this.#refreshFiles(connection);
  }

  /** Others find it by its new name from now on. */
  async renamed(container: Connectable): Promise<void> {
    const connection = this.#o.store.connection(container.id);
    if (!connection) return;
    await this.#put({ ...connection, names: namesOf(container) });
    await this.#o.host.settle();
  }

  async #release(id: string): Promise<void> {
    const { store, host, user } = this.#o;
    const prepared = this.#prepared.get(id);
    this.#prepared.delete(id);
    // What it is making would be left.
    await prepared?.made.catch(() => undefined);
    prepared?.namespace?.release();
    const connection = store.connection(id);
    if (!connection?.connected) return;
    await this.#put({ ...connection, connected: false });
    await Promise.all([host.settle(), user?.leave(id)]);
  }

  async #choose(container: Connectable, plan: NetworkPlan): Promise<Connection> {
    const { store, host } = this.#o;
    const { id, config } = container;
    const base = emptyConnection(container);
    const before = store.connection(id);
    const endpoints = plan.networks.map((choice, index) =>
      chooseEndpoint(store, store.require(choice.name), choice, {
        ...{ id, interface: `eth${index}`, veth: host.vethName(randomUUID()) },
      }),
    );
    const wishes = config.ports ?? [];
    const wayOut = plan.networks.find(({ name }) => !store.require(name).internal);
    if (plan.kind === "networks" && wishes.length > 0 && !wayOut) {
      throw new AppError(
        "INVALID_ARGUMENT",
        "Ports can't be published from internal networks only",
        {
          ...{ field: "ports", hint: "Choose a network that is not internal, too." },
        },
      );
    }
    // pasta has every address be those of both families.
    const ipv6 =
      !this.#o.user && wayOut !== undefined && store.require(wayOut.name).subnet6 !== undefined;
    if (plan.kind === "networks" && !this.#o.user) requireLed(wishes, ipv6);
    const others = wishes.length > 0 ? await this.#portsOfOthers() : [];
    const ports = await choosePorts({
      ...{ wishes, before: before?.ports ?? [], ipv6, networks: store.networks() },
      holder: (port) => this.#holder(id, port, others),
    });
    return { ...base, connected: true, endpoints, ports };
  }

  /** An ordinary user's ports are sockets, which are found without. */
  async #portsOfOthers(): Promise<PublishedPort[]> {
    return this.#o.user ? [] : this.#o.host.board.others();
  }

  #holder(id: string, port: PublishedPort, others: PublishedPort[]): string | undefined {
    const has = (ports: PublishedPort[]): boolean => ports.some((one) => collide(one, port));
    const holder = this.#o.store
      .connections()
      .find((other) => other.id !== id && other.connected && has(other.ports));
    if (holder) return `container "${holder.names[0] ?? holder.id}"`;
    return has(others) ? "a container of another Shimyard" : undefined;
  }

  async #put(connection: Connection): Promise<void> {
    const before = networksOf(this.#o.store.connection(connection.id));
    const saved = this.#o.store.putConnection(connection);
    this.#o.onChange([...new Set([...before, ...networksOf(connection)])]);
    await saved;
  }

  /** What a running container reads, when its networks have changed. */
  #refreshFiles(connection: Connection): Promise<void> {
    return this.#writeFiles(connection, { kind: "networks" });
  }

  /** This machine as a container reaches it; undefined: it does not (makeSpec has said so). */
  #hostGateway({ endpoints }: Connection, { kind }: Pick<NetworkPlan, "kind">): string | undefined {
    if (kind === "host") return "127.0.0.1";
    if (this.#o.user) return undefined;
    const [first] = endpoints;
    return first && this.#o.store.network(first.network)?.gateway;
  }

  async #writeFiles(connection: Connection, plan: Pick<NetworkPlan, "kind">): Promise<void> {
    const { paths, names, store, user } = this.#o;
    const host = await hostResolver();
    const { endpoints, hostname, dns = {}, extraHosts = [] } = connection;
    // The first three that resolv.conf(5) has.
    const gateways = endpoints
      .flatMap(({ network }) => store.network(network)?.gateway ?? [])
      .slice(0, 3);
    const outside = user?.nameservers ?? host.nameservers;
    const nameservers = {
      ...{ none: [], container: [] },
      host: host.all,
      user: outside,
      networks: names.available ? gateways : outside,
    }[plan.kind];
    const isAsked = plan.kind === "networks" && names.available && forwarders(connection);
    await writeEtcFiles(paths, defaultNamespace, connection.id, {
      hostname,
      addresses: endpoints.flatMap(({ ip4, ip6 }) => (ip6 ? [ip4, ip6] : [ip4])),
      nameservers: (isAsked ? undefined : dns.servers) ?? nameservers,
      search: searchLines(plan.kind === "none" ? [] : host.search, dns),
      extraHosts: extraHosts.flatMap(({ host: name, ip }) => {
        const address = ip === "host-gateway" ? this.#hostGateway(connection, plan) : ip;
        return address === undefined ? [] : [{ host: name, ip: address }];
      }),
    });
  }
}

const networksOf = (connection: Connection | undefined): string[] =>
  connection?.endpoints.map(({ network }) => network) ?? [];
