import type { ContainerConfig } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import type { HostFacts } from "../../system/host-facts.ts";

/** Paths of other containers' namespaces that one is put into. */
export type JoinedNamespaces = Partial<Record<"pid" | "ipc" | "network", string>>;

/** The container whose network it has. */
export const sharedNetwork = ({
  networks,
}: Pick<ContainerConfig, "networks">): string | undefined =>
  typeof networks === "object" && !Array.isArray(networks) ? networks.container : undefined;

/** `pidOf` gives a running container's first process, by name or id, and throws for one that does not run. */
export function findJoined(
  { namespaces = {}, networks }: Pick<ContainerConfig, "namespaces" | "networks">,
  pidOf: (container: string, field: string) => number,
): JoinedNamespaces {
  const joined: JoinedNamespaces = {};
  for (const type of ["pid", "ipc"] as const) {
    const choice = namespaces[type];
    if (typeof choice !== "object") continue;
    joined[type] = `/proc/${pidOf(choice.container, `namespaces.${type}`)}/ns/${type}`;
  }
  const network = sharedNetwork({ networks });
  if (network !== undefined) joined.network = `/proc/${pidOf(network, "networks")}/ns/net`;
  return joined;
}

/**
 * What is its own, beside its mounts, unless it is shared. A network namespace with nothing but loopback in it: what
 * else comes is put there before the start (network/). No user namespace unless one was asked for: an ordinary user's
 * container lives in its shim's.
 */
export function namespacesOf(
  config: Pick<ContainerConfig, "namespaces" | "userns">,
  facts: HostFacts,
  hostNetwork: boolean,
  joined: JoinedNamespaces,
): { type: string; path?: string }[] {
  const { pid, ipc, uts, cgroup } = config.namespaces ?? {};
  const own = (
    type: keyof JoinedNamespaces,
    shared: unknown,
  ): { type: string; path?: string }[] => {
    const path = joined[type];
    if (path !== undefined) return [{ type, path }];
    return shared === "host" ? [] : [{ type }];
  };
  // On v1 docker shares the host's; runc's cgroup mount there relies on it.
  const ownCgroup = cgroup === undefined ? facts.cgroup === "v2" : cgroup === "private";
  return [
    ...own("pid", pid),
    ...own("ipc", ipc),
    ...(uts === "host" ? [] : [{ type: "uts" }]),
    { type: "mount" },
    ...own("network", hostNetwork ? "host" : undefined),
    ...(ownCgroup ? [{ type: "cgroup" }] : []),
    ...(config.userns ? [{ type: "user" }] : []),
  ];
}

/** INVALID_ARGUMENT for what can't be had together. */
export function requireApart({
  namespaces = {},
  hostname,
  security,
  networks,
  userns,
}: ContainerConfig): void {
  if (namespaces.uts === "host" && hostname) {
    throw new AppError(
      "INVALID_ARGUMENT",
      "A host name can't be given to one that has this machine's",
      {
        ...{ field: "hostname", hint: "Leave the host name empty." },
      },
    );
  }
  if (!userns) return;
  const shared = security?.privileged
    ? "all privileges"
    : networks === "host"
      ? "this machine's network"
      : sharedNetwork({ networks }) !== undefined
        ? "another container's network"
        : namespaces.pid || namespaces.ipc
          ? "processes or queues of others"
          : undefined;
  if (shared === undefined) return;
  // They belong to another user namespace, in which its root is nobody.
  throw new AppError(
    "INVALID_ARGUMENT",
    `With a user namespace of its own it can't have ${shared}`,
    {
      ...{ field: "userns", hint: "Choose one of both." },
    },
  );
}
