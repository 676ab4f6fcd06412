import { parsePorts } from "#shared/base/port-words";
import type { ContainerConfig } from "#shared/contract/containers";
import type { PortChoice } from "#shared/contract/networks";

/** As it is typed and chosen. */
export interface NetworkForm {
  mode: "networks" | "none" | "host";
  /** By name, the way out first; empty: the default one. */
  names: string[];
  /** As docker's --publish, several apart by commas or spaces. */
  ports: string;
}

export const initialNetworkForm: NetworkForm = { mode: "networks", names: [], ports: "" };

/** What of a container's configuration it makes; `error` says which port can't be read. */
export function toNetworks(form: NetworkForm): Pick<ContainerConfig, "networks" | "ports"> & {
  error?: string;
} {
  const ports: PortChoice[] = [];
  for (const word of form.ports.split(/[\s,]+/).filter(Boolean)) {
    const parsed = parsePorts(word);
    if (!parsed.ok) return { error: parsed.message };
    ports.push(...parsed.ports);
  }
  if (form.mode !== "networks") return { networks: form.mode };
  return {
    ...(form.names.length > 0 ? { networks: form.names.map((name) => ({ name })) } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  };
}

/** What the closed part says of it. */
export function networkSummary({ mode, names, ports }: NetworkForm): string | false {
  if (mode === "none") return "no network";
  if (mode === "host") return "this machine's network";
  return [names.join(", "), ports.trim()].filter(Boolean).join(" · ") || false;
}
