import type { ContainerConfig } from "#shared/contract/containers";
import {
  defaultNetwork,
  type NetworkAbilities,
  type NetworkChoice,
} from "#shared/contract/networks";
import type { Ability } from "#shared/contract/system";
import { AppError } from "#shared/errors";

/** How a container is connected on this machine, and in what that differs from what was asked for. */
export interface NetworkPlan {
  /** `user`: by a process of the ordinary user's own, see user-network.ts. `container`: it has another one's. */
  kind: "none" | "host" | "container" | "networks" | "user";
  networks: NetworkChoice[];
  warnings: string[];
  notes: string[];
}

/** Loopback, and nothing else. */
export const noNetwork: NetworkPlan = { kind: "none", networks: [], warnings: [], notes: [] };

export interface PlanFacts {
  rootless: boolean;
  abilities: NetworkAbilities;
  /** See network-abilities.ts. */
  oldPasta: boolean;
  /** The runtime is a sandbox with a kernel of its own, which has no network here. */
  sandbox: boolean;
}

/**
 * FAILED_PRECONDITION when this machine has no such network for it. What nobody asked for by name is left out with a
 * note instead.
 */
export function planNetwork(
  config: Pick<ContainerConfig, "networks" | "ports" | "dns" | "extraHosts">,
  { rootless, abilities, oldPasta, sandbox }: PlanFacts,
): NetworkPlan {
  const ports = (config.ports ?? []).length > 0;
  if (config.networks === "none" || config.networks === "host") {
    const warnings = ports ? [portsWithout[config.networks]] : [];
    return { ...noNetwork, kind: config.networks, warnings };
  }
  if (config.networks && !Array.isArray(config.networks)) {
    if (sandbox) throw unable(noSandbox);
    const warnings = sharedWarnings(config, config.networks.container);
    return { ...noNetwork, kind: "container", warnings };
  }
  const asked = config.networks !== undefined || ports;
  /** An ordinary user's containers can have either without the other. */
  const lacking = (): Ability => {
    if (!rootless || (abilities.bridges.ok && !ports)) return abilities.bridges;
    return abilities.ports;
  };
  const missing = sandbox ? { ok: false, reason: noSandbox } : lacking();
  if (!missing.ok) {
    const reason = missing.reason ?? "This machine can't connect containers";
    if (!asked) return { ...noNetwork, notes: [`It has no network: ${lower(reason)}`] };
    throw unable(reason);
  }
  const networks = config.networks ?? [{ name: defaultNetwork }];
  const lossy = config.ports?.some(
    ({ protocol, hostPort, containerPort }) => protocol === "udp" && hostPort !== containerPort,
  );
  const warnings = oldPasta && lossy ? [lossyUdp] : [];
  if (abilities.bridges.ok) {
    const { ok, reason = "" } = abilities.ports;
    const notes = ok ? [] : [`It reaches its networks only: ${lower(reason)}`];
    return { ...noNetwork, kind: "networks", networks, notes, warnings };
  }
  const [only] = networks;
  if (networks.length === 1 && only?.name === defaultNetwork && !only.ip4 && !only.ip6) {
    return { ...noNetwork, kind: "user", warnings };
  }
  throw new AppError("FAILED_PRECONDITION", abilities.bridges.reason ?? noBridges, {
    ...{
      field: "networks",
      hint: `Choose "${defaultNetwork}": it reaches the world, and its ports can be published.`,
    },
  });
}

const unable = (reason: string): AppError =>
  new AppError("FAILED_PRECONDITION", reason, {
    ...{ field: "networks", hint: 'Choose the network "none".' },
  });

/** What is the other one's to have. */
function sharedWarnings(
  { ports = [], dns, extraHosts }: Pick<ContainerConfig, "ports" | "dns" | "extraHosts">,
  container: string,
): string[] {
  return [
    ...(ports.length > 0
      ? [
          `Its ports are not published: it has the network of "${container}", which can publish them`,
        ]
      : []),
    ...(dns || extraHosts
      ? [`Its name servers and hosts are left out: it has those of "${container}"`]
      : []),
  ];
}

export const noBridges = "Containers can't be joined to networks on this machine";
const lossyUdp =
  "This machine's pasta is from before 2024: on 127.0.0.1 it loses answers by UDP of a port that is published under another number";
const noSandbox = "Containers in gVisor's sandbox have no network";
const portsWithout = {
  none: "Its ports are not published: it has no network",
  host: "Its ports are not published: it has this machine's network, and so they are this machine's",
};

const lower = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);
