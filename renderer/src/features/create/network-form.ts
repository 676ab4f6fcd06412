import { parsePorts } from "#shared/base/port-words";
import { portWord } from "#shared/run-line/networks";
import type { ContainerConfig } from "#shared/contract/containers";
import type { NetworkChoice, PortChoice } from "#shared/contract/networks";

/** As it is typed and chosen. */
export interface NetworkForm {
  mode: "networks" | "none" | "host" | "container";
  /** By name, the way out first; empty: the default one. */
  names: string[];
  /** What is asked for in some of them, by their names. */
  places: Readonly<Record<string, Place>>;
  /** Whose network it has, by name or id. */
  container: string;
  /** As docker's --publish, several apart by commas or spaces. */
  ports: string;
}

/** As it is typed; what is empty is chosen. */
export interface Place {
  ip4: string;
  ip6: string;
  mac: string;
  /** Apart by commas or spaces. */
  aliases: string;
}

export const noPlace: Place = { ip4: "", ip6: "", mac: "", aliases: "" };

export const initialNetworkForm: NetworkForm = {
  ...{ mode: "networks", names: [], places: {}, container: "", ports: "" },
};

/** What of a container's configuration it makes; `errors` say what can't be read. */
export function toNetworks(form: NetworkForm): Pick<ContainerConfig, "networks" | "ports"> & {
  errors?: { ports?: string; networks?: string };
} {
  const ports: PortChoice[] = [];
  for (const word of wordsOf(form.ports)) {
    const parsed = parsePorts(word);
    if (!parsed.ok) return { errors: { ports: parsed.message } };
    ports.push(...parsed.ports);
  }
  if (form.mode === "container") {
    const container = form.container.trim();
    if (container === "") return { errors: { networks: "Name the container" } };
    return { networks: { container } };
  }
  if (form.mode !== "networks") return { networks: form.mode };
  const fault = form.names.map((name) => placeFault(name, form.places[name])).find(Boolean);
  if (fault !== undefined) return { errors: { networks: fault } };
  return {
    ...(form.names.length > 0 ? { networks: form.names.map(choiceOf(form)) } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  };
}

const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

const choiceOf =
  ({ places }: NetworkForm) =>
  (name: string): NetworkChoice => {
    const { ip4, ip6, mac, aliases } = places[name] ?? noPlace;
    const words = wordsOf(aliases);
    return {
      name,
      ...(ip4.trim() ? { ip4: ip4.trim() } : {}),
      ...(ip6.trim() ? { ip6: ip6.trim() } : {}),
      ...(mac.trim() ? { mac: mac.trim() } : {}),
      ...(words.length > 0 ? { aliases: words } : {}),
    };
  };

const byte = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const ip4Form = new RegExp(`^${byte}(\\.${byte}){3}$`);
/** The core knows them exactly; this catches what is no such address at all. */
const ip6Form = /^[0-9a-f:.]*:[0-9a-f:.]*$/i;
/** The second digit of a unicast one is even. */
const macForm = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i;
const aliasForm = /^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?$/;

function placeFault(name: string, place = noPlace): string | undefined {
  const ip4 = place.ip4.trim();
  const ip6 = place.ip6.trim();
  const mac = place.mac.trim();
  if (ip4 && !ip4Form.test(ip4)) return `In ${name}: write an IPv4 address as 10.89.0.7`;
  if (ip6 && !ip6Form.test(ip6)) return `In ${name}: write an IPv6 address as fd00::7`;
  if (mac && !macForm.test(mac)) return `In ${name}: write a MAC address as 02:42:ac:11:00:02`;
  const odd = wordsOf(place.aliases).find((word) => !aliasForm.test(word));
  return odd === undefined ? undefined : `In ${name}: “${odd}” is no host name`;
}

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
  return {
    ...form,
    names: choices.map(({ name }) => name),
    places: Object.fromEntries(
      choices.map(({ name, ip4 = "", ip6 = "", mac = "", aliases = [] }) => [
        name,
        { ip4, ip6, mac, aliases: aliases.join(" ") },
      ]),
    ),
  };
}

/** What the closed part says of it. */
export function networkSummary(form: NetworkForm): string | false {
  const { mode, names, places, container, ports } = form;
  if (mode === "none") return "no network";
  if (mode === "host") return "this machine's network";
  if (mode === "container") return `the network of ${container.trim() || "another container"}`;
  const asked = placesSummary(placesOf(names, places));
  return [names.join(", "), asked, ports.trim()].filter(Boolean).join(" · ") || false;
}

/** Of these networks alone: one that was left keeps what was typed, for when it is chosen again. */
export function placesOf(
  names: readonly string[],
  places: NetworkForm["places"],
): NetworkForm["places"] {
  return Object.fromEntries(names.map((name) => [name, places[name] ?? noPlace]));
}

/** All that is asked for in networks, in a line. */
export function placesSummary(places: NetworkForm["places"]): string {
  return Object.values(places)
    .flatMap(({ ip4, ip6, mac, aliases }) => [ip4, ip6, mac, ...wordsOf(aliases)])
    .map((word) => word.trim())
    .filter(Boolean)
    .join(", ");
}
