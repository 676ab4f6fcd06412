import type { Container } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import type { Member, Network, NetworkConfig } from "#shared/contract/networks";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import type { FakeList } from "./fake-list.ts";

function network(config: NetworkConfig, index: number, members: Member[]): Network {
  const { name, internal = false, labels = {} } = config;
  const subnet = config.subnet ?? `10.${140 + index}.8.0/22`;
  return {
    ...{ id: name, subnet, gateway: subnet.replace(/0\/\d+$/, "1"), internal, labels, members },
    ...(config.ipv6 ? { subnet6: "fd53:77:1::/64", gateway6: "fd53:77:1::1" } : {}),
    isDefault: name === "bridge",
    bridge: `sy41f7aa-0c9e${index}`,
    createdAt: Date.now() - 3 * 86_400_000,
  };
}

function member(container: Container, index: number, aliases: string[] = []): Member {
  return {
    ...{ containerId: container.id, containerName: container.name, interface: "eth0", aliases },
    connected: ["running", "paused"].includes(container.state.status),
    ip4: `10.140.8.${index + 2}`,
    mac: `02:42:0a:8c:08:0${index + 2}`,
  };
}

/** The default one, one with names, and an internal one that is empty. */
export function fakeNetworks(containers: Container[]): Network[] {
  const [first, ...others] = containers.slice(0, 6);
  return [
    network(
      { name: "bridge" },
      0,
      others.map((container, index) => member(container, index + 1)),
    ),
    network({ name: "shop", ipv6: true }, 1, first ? [member(first, 0, ["www"])] : []),
    network({ name: "vault", internal: true }, 2, []),
  ];
}

export function fakeNetworkHandlers(
  networks: FakeList<Network>,
  containers: FakeList<Container>,
  rootless: boolean,
): Handlers<AppContract>["networks"] {
  const change = (id: string, update: (members: Member[]) => Member[]): void =>
    networks.patch(id, (one) => ({ ...one, members: update(one.members) }));
  const reason = "ip is not installed";
  const bridges = rootless ? { ok: false, reason } : { ok: true };
  return {
    watch: (_, { signal }) => networks.watch(signal),
    list: () => [...networks.items.values()],
    abilities: () => ({ bridges, ports: { ok: true }, names: bridges }),
    create: (config) => {
      if (networks.items.has(config.name)) {
        const message = `There is a network named "${config.name}" already`;
        throw new AppError("ALREADY_EXISTS", message, { field: "name" });
      }
      const made = network(config, networks.items.size, []);
      networks.put(made);
      return made;
    },
    remove: ({ id }) => {
      networks.remove(id);
      return {};
    },
    connect: ({ containerId, network: { name } }) => {
      const container = containers.items.get(containerId);
      if (container) change(name, (members) => [...members, member(container, members.length)]);
      return {};
    },
    disconnect: ({ containerId, network: name }) => {
      change(name, (members) => members.filter((one) => one.containerId !== containerId));
      return {};
    },
    checkPort: () => ({ ok: true }),
  };
}
