import { hostname as machineName } from "node:os";
import type { ContainerConfig } from "#shared/contract/containers";
import type { Connection } from "./network-store.ts";

/** A container, as far as its network is concerned. */
export interface Connectable {
  id: string;
  config: Pick<
    ContainerConfig,
    "name" | "hostname" | "namespaces" | "ports" | "dns" | "extraHosts"
  >;
}

const hostnameOf = ({ id, config }: Connectable): string =>
  config.namespaces?.uts === "host" ? machineName() : config.hostname || id.slice(0, 12);

/** docker's: the name and the short id; and what it calls itself. */
export function namesOf(container: Connectable): string[] {
  const { id, config } = container;
  return [...new Set([config.name, id.slice(0, 12), hostnameOf(container)])];
}

/** Of a container that has nothing of a network yet. */
export const emptyConnection = (container: Connectable): Connection => ({
  ...{ id: container.id, hostname: hostnameOf(container), names: namesOf(container) },
  ...{ connected: false, endpoints: [], ports: [] },
  ...(container.config.dns ? { dns: container.config.dns } : {}),
  ...(container.config.extraHosts ? { extraHosts: container.config.extraHosts } : {}),
});

/** A name that none of its interfaces has. */
export function freeInterface(connection: Connection): string {
  const used = new Set(connection.endpoints.map((endpoint) => endpoint.interface));
  for (let index = 0; ; index += 1) if (!used.has(`eth${index}`)) return `eth${index}`;
}
