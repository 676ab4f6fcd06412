import { z } from "zod";
import { containerOptions } from "#shared/contract/container-options";
import { Id, Labels, Time } from "#shared/contract/common";
import { NetworkName, Protocol } from "#shared/contract/networks";
import { AppError } from "#shared/errors";
import { Kept } from "../store/kept.ts";
import type { Store } from "../store/store.ts";

/** A network, whether or not anything of it is there now. */
export const NetworkRecord = z.object({
  name: NetworkName,
  subnet: z.string(),
  gateway: z.string(),
  subnet6: z.string().optional(),
  gateway6: z.string().optional(),
  internal: z.boolean(),
  bridge: z.string(),
  labels: Labels,
  createdAt: Time,
});
export type NetworkRecord = z.infer<typeof NetworkRecord>;

/** A container's end of a network. */
export const Endpoint = z.object({
  network: z.string(),
  /** Inside: `eth0`. */
  interface: z.string(),
  /** On the machine; another one each time, as the kernel takes a moment to remove one. */
  veth: z.string(),
  ip4: z.string(),
  ip6: z.string().optional(),
  mac: z.string(),
  aliases: z.array(z.string()),
});
export type Endpoint = z.infer<typeof Endpoint>;

export const PublishedPort = z.object({
  /** `0.0.0.0` and `::` stand for every address. */
  hostIp: z.string(),
  hostPort: z.number(),
  containerPort: z.number(),
  protocol: Protocol,
});
export type PublishedPort = z.infer<typeof PublishedPort>;

/**
 * What a container has of this machine's network. Written before any of it is made, so that whatever a killed
 * manager leaves can be found and removed; kept while the container is, so that it gets its addresses again.
 */
export const Connection = z.object({
  /** The container's. */
  id: Id,
  /** The host name it knows itself by. */
  hostname: z.string(),
  /** Names that others of its networks find it by. */
  names: z.array(z.string()),
  /** False: only its addresses are kept. */
  connected: z.boolean(),
  endpoints: z.array(Endpoint),
  ports: z.array(PublishedPort),
  /** What its /etc/resolv.conf and /etc/hosts are to have, as its configuration says. */
  dns: containerOptions.dns,
  extraHosts: containerOptions.extraHosts,
});
export type Connection = z.infer<typeof Connection>;

/** The networks and who is in them: in memory, each change on disk before its promise resolves. */
export class NetworkStore {
  readonly #networks: Kept<typeof NetworkRecord>;
  readonly #connections: Kept<typeof Connection>;

  constructor(store: Store) {
    // What can't be read of these is made anew: an address is chosen again, the default network too.
    this.#networks = new Kept(store.collection("networks", NetworkRecord), ({ name }) => name);
    this.#connections = new Kept(store.collection("connections", Connection), ({ id }) => id);
  }

  networks(): NetworkRecord[] {
    return this.#networks.list();
  }

  network(name: string): NetworkRecord | undefined {
    return this.#networks.get(name);
  }

  /** NOT_FOUND when there is none. */
  require(name: string): NetworkRecord {
    const found = this.#networks.get(name);
    if (found) return found;
    throw new AppError("NOT_FOUND", `There is no network "${name}"`, {
      field: "networks",
      hint: "Create it, or choose another one.",
    });
  }

  putNetwork(record: NetworkRecord): Promise<void> {
    return this.#networks.put(record);
  }

  removeNetwork(name: string): Promise<void> {
    return this.#networks.remove(name);
  }

  connections(): Connection[] {
    return this.#connections.list();
  }

  connection(id: string): Connection | undefined {
    return this.#connections.get(id);
  }

  putConnection(connection: Connection): Promise<void> {
    return this.#connections.put(connection);
  }

  removeConnection(id: string): Promise<void> {
    return this.#connections.remove(id);
  }

  /** Who has an end in a network, connected or not. */
  membersOf(network: string): { connection: Connection; endpoint: Endpoint }[] {
    return this.connections().flatMap((connection) =>
      connection.endpoints
        .filter((endpoint) => endpoint.network === network)
        .map((endpoint) => ({ connection, endpoint })),
    );
  }
}
