import { parsePorts } from "#shared/base/port-words";
import { portWord } from "#shared/run-line/networks";
import type { ContainerConfig } from "#shared/contract/containers";
import type { NetworkChoice, PortChoice } from "#shared/contract/networks";

/** As it is typed and chosen. */
export interface NetworkForm {
  mode: "networks" | "none" | "host" | "container";
  /** By name, the way out first; empty: the default one. */
  names: string[];
  /** What else was said of some of them, as by a command line. */
  choices?: readonly NetworkChoice[];
  /** Whose network it has, by name or id. */
  container: string;
  /** As docker's --publish, several apart by commas or spaces. */
  ports: string;
}

export const initialNetworkForm: NetworkForm = {
  ...{ mode: "networks", names: [], container: "", ports: "" },
};

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
  if (form.mode === "container") return { networks: { container: form.container.trim() } };
  if (form.mode !== "networks") return { networks: form.mode };
  return {
    ...(form.names.length > 0 ? { networks: form.names.map(choiceOf(form)) } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  };
}

const choiceOf =
  ({ choices = [] }: NetworkForm) =>
  (name: string): NetworkChoice =>
    choices.find((choice) => choice.name === name) ?? { name };

/** The other way: the form that makes these. */
export function networkFormOf({
  networks,
  ports = [],
}: Pick<ContainerConfig, "networks" | "ports">): NetworkForm {
  const words = ports.map(portWord).join(" ");
  const form = { ...initialNetworkForm, ports: words };
  if (typeof networks === "string") return { ...form, mode: networks };
  if (networks && !Array.isArray(networks)) return { ...form, mode: "container", ...networks };
  const choices = networks ?? [];
  return { ...form, names: choices.map(({ name }) => name), choices };
}

/** What the closed part says of it. */
export function networkSummary({ mode, names, container, ports }: NetworkForm): string | false {
  if (mode === "none") return "no network";
  if (mode === "host") return "this machine's network";
  if (mode === "container") return `the network of ${container.trim() || "another container"}`;
  return [names.join(", "), ports.trim()].filter(Boolean).join(" · ") || false;
}
