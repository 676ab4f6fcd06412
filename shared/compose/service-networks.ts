import {
  type ContainerNetworks,
  defaultNetwork,
  type NetworkChoice,
} from "../contract/networks.ts";
import { type Field, readKeys } from "./field.ts";

/** The key of the network of services that name none. */
export const projectDefault = "default";

export interface NetworkScope {
  /** The full name of a network by what the file calls it; undefined when it declares none of that name. */
  network(key: string): string | undefined;
}

/** The networks of a service; `used` gets the keys of those that are the project's. */
export function readNetworks(
  service: Field,
  name: string,
  scope: NetworkScope,
  used: Set<string>,
): ContainerNetworks | undefined {
  const mode = service.get("network_mode");
  const named = service.get("networks");
  if (mode) {
    if (named) named.note("error", "With network_mode a service has no networks");
    return readMode(mode);
  }
  const joined = named ? entriesOf(named) : [];
  if (joined.length === 0) {
    used.add(projectDefault);
    return [{ name: scope.network(projectDefault) ?? "", aliases: [name] }];
  }
  const weights = new Map<NetworkChoice, number>();
  const choices = joined.flatMap(([key, field]) => {
    const network = scope.network(key);
    if (network === undefined) {
      field.note("error", `The file declares no network “${key}”: add it under networks:`);
      return [];
    }
    used.add(key);
    const { choice, weight } = readChoice(field, { name: network, aliases: [name] });
    weights.set(choice, weight);
    return [choice];
  });
  // The first is the way out.
  choices.sort((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0));
  return choices.length > 0 ? choices : undefined;
}

function readMode(field: Field): ContainerNetworks | undefined {
  const mode = field.text();
  if (mode === "none" || mode === "host") return mode;
  if (mode === "bridge" || mode === undefined) return [{ name: defaultNetwork }];
  // Which container that is, is known when all services are.
  if (mode.startsWith("service:")) return undefined;
  const container = /^container:(.+)$/.exec(mode)?.[1];
  if (container !== undefined) return { container };
  field.note("lost", `There is no network mode “${mode}” here`);
  return undefined;
}

function entriesOf(field: Field): [string, Field][] {
  if (field.isDict) return field.entries();
  return field.items().flatMap((item): [string, Field][] => {
    const key = item.text();
    return key === undefined ? [] : [[key, item]];
  });
}

function readChoice(
  field: Field,
  before: NetworkChoice & { aliases: string[] },
): { choice: NetworkChoice; weight: number } {
  const choice = { ...before };
  let weight = 0;
  if (!field.isDict) return { choice, weight };
  readKeys(
    field,
    "A place in a network",
    {
      aliases: (value) => {
        choice.aliases = [...new Set([...choice.aliases, ...value.texts()])];
      },
      ipv4_address: (value) => {
        choice.ip4 = value.text();
      },
      ipv6_address: (value) => {
        choice.ip6 = value.text();
      },
      mac_address: (value) => {
        choice.mac = value.text();
      },
      priority: (value) => {
        weight ||= value.number() ?? 0;
      },
      gw_priority: (value) => {
        weight = value.number() ?? 0;
      },
    },
    {
      lost: {
        link_local_ips: "Link-local addresses can't be given here",
        driver_opts: "A bridge takes no options here",
        interface_name: "Its interfaces are named eth0, eth1 and so on",
      },
    },
  );
  return { choice, weight };
}
