import { join } from "node:path";
import type { Disposable } from "#shared/base/disposable";
import type { ContainerConfig } from "#shared/contract/containers";
import {
  defaultNetwork,
  type Network,
  type NetworkAbilities,
  type NetworkChoice,
  type NetworkConfig,
  type PortChoice,
} from "#shared/contract/networks";
import type { Ability } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";
import type { Exchange } from "../events/exchange.ts";
import type { Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { Store } from "../store/store.ts";
import {
  addressProblem,
  chooseSubnet,
  chooseSubnet6,
  firstAddress,
  formatSubnet,
  normalAddress,
  overlap,
  parseSubnet,
  type Subnet,
} from "./addresses.ts";
import type { Connectable } from "./connectable.ts";
import { Connections } from "./connections.ts";
import { resolvConf } from "./etc-files.ts";
import { machineGrounds, type UserGrounds } from "./ground.ts";
import { HostNetwork, hostRoutes } from "./host-network.ts";
import { Names } from "./names.ts";
import { findNetworkAbilities } from "./network-abilities.ts";
import { type NetworkPlan, noBridges, planNetwork } from "./network-plan.ts";
import { type NetworkRecord, NetworkStore } from "./network-store.ts";
import { watchResolver } from "./resolver-watch.ts";

export interface NetworkServiceOptions {
  paths: Paths;
  privileges: Privileges;
  /** Where an ordinary user's networks are. */
  grounds?: UserGrounds | undefined;
  store: Store;
  exchange: Exchange;
  ready: Promise<void>;
}

/** The networks, and by `connections` who is in them. */
export class NetworkService {
  readonly connections: Connections;
  readonly #o: NetworkServiceOptions;
  readonly #store: NetworkStore;
  readonly #host: HostNetwork;
  readonly #abilities: NetworkAbilities;
  readonly #oldPasta: boolean;
  readonly #watch: ListWatch<Network>;
  readonly #resolver: Disposable;

  static async create(options: NetworkServiceOptions): Promise<NetworkService> {
    return new NetworkService(options, await findNetworkAbilities(options.privileges.rootless));
  }

  private constructor(
    options: NetworkServiceOptions,
    { abilities, aardvark, oldPasta }: Awaited<ReturnType<typeof findNetworkAbilities>>,
  ) {
    this.#o = options;
    this.#abilities = abilities;
    this.#oldPasta = oldPasta;
    const { paths, ready, grounds } = options;
    if (grounds) grounds.hasWayOut = abilities.ports.ok;
    const names = new Names(aardvark, join(paths.state, "names"));
    this.#store = new NetworkStore(options.store);
    this.#host = new HostNetwork(this.#store, names, {
      root: paths.data,
      able: abilities.bridges.ok,
      grounds: grounds ?? machineGrounds,
    });
    this.#resolver = watchResolver(resolvConf, () => {
      // Names within the networks are answered all the same.
      void this.#host.resolverChanged().catch(() => undefined);
    });
    this.#watch = new ListWatch({
      list: () => this.#list(),
      get: (id) => this.#find(id),
      ready,
    });
    this.connections = new Connections({
      ...{ paths, store: this.#store, host: this.#host, names },
      user: grounds?.user,
      hasWayOut: abilities.ports.ok,
      onChange: (networks) => networks.forEach((name) => this.#watch.changed(name)),
    });
  }

  get abilities(): NetworkAbilities {
    return this.#abilities;
  }

  async list(): Promise<Network[]> {
    await this.#o.ready;
    return this.#list();
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Network>["watch"]> {
    return this.#watch.watch(signal);
  }

  /** How a container would be connected; see planNetwork. */
  plan(config: ContainerConfig, sandbox: boolean): NetworkPlan {
    const { rootless } = this.#o.privileges;
    const oldPasta = this.#oldPasta;
    return planNetwork(config, { rootless, sandbox, oldPasta, abilities: this.#abilities });
  }

  /** ALREADY_EXISTS for a name that is taken, FAILED_PRECONDITION for a subnet that is in use. */
  async create(config: NetworkConfig): Promise<Network> {
    await this.#o.ready;
    this.#requireBridges();
    const record = this.#makeRecord(config);
    await this.#store.putNetwork(record);
    this.#watch.changed(record.name);
    this.#o.exchange.publish({ topic: "/networks/create", data: { network: record.name } });
    return this.#view(record);
  }

  /** FAILED_PRECONDITION while a container is in it, or for the default one. */
  async remove(name: string): Promise<void> {
    await this.#o.ready;
    const record = this.#store.require(name);
    if (name === defaultNetwork) {
      throw new AppError("FAILED_PRECONDITION", "The default network can't be removed", {
        subject: `network "${name}"`,
        hint: "Nothing of it is on this machine while no container is connected to it.",
      });
    }
    const members = this.#store.membersOf(name).map(({ connection }) => connection.names[0] ?? "");
    if (members.length > 0) {
      throw new AppError(
        "FAILED_PRECONDITION",
        `Network "${name}" is used by ${members.join(", ")}`,
        {
          subject: `network "${name}"`,
          hint: "Disconnect these containers first, or delete them.",
        },
      );
    }
    await this.#store.removeNetwork(record.name);
    await this.#host.settle();
    this.#watch.changed(name);
    this.#o.exchange.publish({ topic: "/networks/delete", data: { network: name } });
  }

  /** Whether a port could be published now; the reason says who has it. */
  async checkPort(port: PortChoice): Promise<Ability> {
    if (!this.#abilities.ports.ok) return this.#abilities.ports;
    try {
      await this.connections.checkPort(port);
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: AppError.from(error).message };
    }
  }

  /** See Connections.connect. FAILED_PRECONDITION when it is in that network already. */
  async connect(
    container: Connectable,
    choice: NetworkChoice,
    pid: number | undefined,
  ): Promise<void> {
    this.#requireBridges();
    this.#store.require(choice.name);
    await this.connections.connect(container, choice, pid);
    const data = { network: choice.name };
    const { id: containerId, config } = container;
    this.#o.exchange.publish({
      ...{ topic: "/networks/connect", containerId, containerName: config.name, data },
    });
  }

  async disconnect(
    container: Connectable,
    network: string,
    pid: number | undefined,
  ): Promise<void> {
    await this.connections.disconnect(container.id, network, pid);
    const { id: containerId, config } = container;
    this.#o.exchange.publish({
      ...{
        topic: "/networks/disconnect",
        containerId,
        containerName: config.name,
        data: { network },
      },
    });
  }

  /** After the tasks were loaded: `isAlive` tells of a container whether something of it runs. */
  async reconcile(
    isAlive: (id: string) => boolean,
    exists: (id: string) => boolean,
  ): Promise<void> {
    if (this.#abilities.bridges.ok && !this.#store.network(defaultNetwork)) {
      await this.#store.putNetwork(this.#makeRecord({ name: defaultNetwork }));
    }
    await this.connections.reconcile(isAlive, exists);
  }

  /** Lets go of what was only kept for the next container; what containers have stays. See HostNetwork.dropIdle. */
  async dropIdle(options: { wait?: boolean } = {}): Promise<void> {
    await this.#host.dropIdle(options);
  }

  /** As dropIdle, for the end. */
  async close(options: { wait?: boolean } = {}): Promise<void> {
    this.#resolver.dispose();
    await this.dropIdle(options);
  }

  #requireBridges(): void {
    const { ok, reason } = this.#abilities.bridges;
    if (!ok) throw new AppError("FAILED_PRECONDITION", reason ?? noBridges);
  }

  #makeRecord(config: NetworkConfig): NetworkRecord {
    const { name, internal = false, labels = {} } = config;
    if (this.#store.network(name)) {
      throw new AppError("ALREADY_EXISTS", `There is a network named "${name}" already`, {
        field: "name",
      });
    }
    const seed = `${this.#o.paths.data} ${name}`;
    const own = this.#store
      .networks()
      .flatMap((network) =>
        subnetsOf(network).map((subnet) => ({ by: `network "${network.name}"`, subnet })),
      );
    const others = hostRoutes().map(({ device, subnet }) => ({
      by: `this machine's ${device}`,
      subnet,
    }));
    const used = [...own, ...others];
    const requireApart = (chosen: Subnet, field: string): Subnet => {
      const taken = used.find(({ subnet }) => overlap(subnet, chosen));
      if (!taken) return chosen;
      const message = `${formatSubnet(chosen)} overlaps that of ${taken.by}`;
      const hint = "Choose another one, or leave it empty.";
      throw new AppError("FAILED_PRECONDITION", message, { field, hint });
    };
    const subnet = config.subnet
      ? requireApart(parseSubnet(config.subnet), "subnet")
      : chooseSubnet(
          seed,
          used.map((one) => one.subnet),
        );
    const gateway = gatewayIn(subnet, config.gateway, "gateway");
    const ipv6 = config.ipv6 || config.subnet6 !== undefined;
    const subnet6 = ipv6
      ? requireApart(config.subnet6 ? parseSubnet(config.subnet6) : chooseSubnet6(seed), "subnet6")
      : undefined;
    return {
      ...{ name, internal, labels, gateway, subnet: formatSubnet(subnet) },
      ...(subnet6 && {
        subnet6: formatSubnet(subnet6),
        gateway6: gatewayIn(subnet6, config.gateway6, "gateway6"),
      }),
      bridge: this.#host.bridgeName(name),
      createdAt: Date.now(),
    };
  }

  #list(): Network[] {
    return this.#store.networks().map((record) => this.#view(record));
  }

  #find(name: string): Network | undefined {
    const record = this.#store.network(name);
    return record && this.#view(record);
  }

  #view(record: NetworkRecord): Network {
    const { name, ...rest } = record;
    const members = this.#store.membersOf(name).map(({ connection, endpoint }) => ({
      containerId: connection.id,
      containerName: connection.names[0] ?? connection.id.slice(0, 12),
      connected: connection.connected,
      ...{ interface: endpoint.interface, ip4: endpoint.ip4, mac: endpoint.mac },
      ...(endpoint.ip6 ? { ip6: endpoint.ip6 } : {}),
      aliases: endpoint.aliases,
    }));
    return { id: name, ...rest, isDefault: name === defaultNetwork, members };
  }
}

const subnetsOf = ({ subnet, subnet6 }: NetworkRecord): Subnet[] =>
  [subnet, ...(subnet6 === undefined ? [] : [subnet6])].map(parseSubnet);

function gatewayIn(subnet: Subnet, wish: string | undefined, field: string): string {
  const address = wish ? normalAddress(wish) : firstAddress(subnet);
  const problem = addressProblem(subnet, address);
  if (problem) throw new AppError("INVALID_ARGUMENT", problem, { field });
  return address;
}
