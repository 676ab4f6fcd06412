import { networkInterfaces } from "node:os";
import type { NetworkChoice } from "#shared/contract/networks";
import { AppError } from "#shared/errors";
import { addressProblem, freeAddress, macOf, normalAddress, parseSubnet } from "./addresses.ts";
import type { Endpoint, NetworkRecord, NetworkStore } from "./network-store.ts";
import { bridgesOfAll } from "./ruleset.ts";

/**
 * A container's place in a network: the address that was asked for, else the one it had, else a free one. One that
 * is only kept for a container that does not run is given away when there is no other. INVALID_ARGUMENT for an address
 * that the network does not have, ALREADY_EXISTS for one that another container has.
 */
export function chooseEndpoint(
  store: NetworkStore,
  network: NetworkRecord,
  choice: NetworkChoice,
  container: { id: string; interface: string; veth: string },
): Endpoint {
  const others = store
    .membersOf(network.name)
    .filter(({ connection }) => connection.id !== container.id);
  const before = store
    .connection(container.id)
    ?.endpoints.find((endpoint) => endpoint.network === network.name);
  const pick = (
    family: "ip4" | "ip6",
    subnetText: string,
    gateway: string,
    wish: string | undefined,
  ): string => {
    const subnet = parseSubnet(subnetText);
    const holder = (address: string) =>
      others.find(
        ({ connection, endpoint }) => connection.connected && endpoint[family] === address,
      );
    if (wish !== undefined) {
      const address = normalAddress(wish);
      const field = `networks.${network.name}.${family}`;
      const problem = addressProblem(subnet, address);
      if (problem)
        throw new AppError("INVALID_ARGUMENT", `${problem} of "${network.name}"`, { field });
      const by = address === gateway ? "this machine" : holder(address)?.connection.names[0];
      if (by === undefined) return address;
      throw new AppError("ALREADY_EXISTS", `${address} is taken by ${by}`, {
        ...{ field, hint: "Choose another address, or leave it empty: a free one is picked." },
      });
    }
    const had = before?.[family];
    if (had !== undefined && addressProblem(subnet, had) === undefined && !holder(had)) return had;
    const kept = new Set(others.map(({ endpoint }) => endpoint[family]));
    try {
      return freeAddress(subnet, (address) => address === gateway || kept.has(address));
    } catch {
      return freeAddress(subnet, (address) => address === gateway || holder(address) !== undefined);
    }
  };
  const ip4 = pick("ip4", network.subnet, network.gateway, choice.ip4);
  const { subnet6, gateway6 } = network;
  if (choice.ip6 && !subnet6) {
    throw new AppError("INVALID_ARGUMENT", `Network "${network.name}" has no IPv6`, {
      field: `networks.${network.name}.ip6`,
    });
  }
  return {
    ...{ network: network.name, interface: container.interface, veth: container.veth, ip4 },
    ...(subnet6 && gateway6 ? { ip6: pick("ip6", subnet6, gateway6, choice.ip6) } : {}),
    mac: choice.mac?.toLowerCase() ?? macOf(ip4),
    aliases: choice.aliases ?? [],
  };
}

/** Addresses of bridges: of these networks, whether or not they are there, and of those that other managers have now. */
export function gatewayAddresses(networks: readonly NetworkRecord[]): string[] {
  const others = Object.entries(networkInterfaces())
    .filter(([name]) => name.startsWith(bridgesOfAll))
    .flatMap(([, found = []]) => found.map(({ address }) => address));
  const own = networks.flatMap(({ gateway, gateway6 }) => [gateway, gateway6 ?? []].flat());
  return [...own, ...others];
}
