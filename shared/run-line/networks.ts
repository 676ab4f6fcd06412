import { defaultNetwork, type NetworkChoice, type PortChoice } from "../contract/networks.ts";
import type { RunDraft } from "./draft.ts";
import { parseFields, splitPair, writeFields, wrong } from "./values.ts";

type Networks = RunDraft["networks"];

/** docker's --network, also with its `name=...,ip=...`, and podman's `name:ip=...`. */
export function addNetwork(before: Networks, text: string): Networks {
  if (text === "none" || text === "host") {
    return before === undefined || before === text
      ? text
      : wrong("It can't be in a network as well");
  }
  if (typeof before === "string") return wrong(`It has the network “${before}” already`);
  const [word, container = ""] = splitPair(text, ":");
  if (word === "container") {
    if (container === "") return wrong("Name the container, as container:db");
    return before === undefined ? { container } : wrong("It can't be in a network as well");
  }
  if (before && !Array.isArray(before)) return wrong(alreadyShared(before.container));
  const choice = text.startsWith("name=") ? fromFields(parseFields(text)) : fromColon(text);
  if (choice.name === "ns") return wrong("Networks that are no container's are not taken over");
  return [...(before ?? []), choice];
}

const alreadyShared = (container: string): string => `It has the network of “${container}” already`;

function fromColon(text: string): NetworkChoice {
  const [name, options = ""] = splitPair(text, ":");
  if (name === "ns") return { name };
  return fromFields([`name=${name}`, ...options.split(",").filter(Boolean)]);
}

function fromFields(fields: readonly string[]): NetworkChoice {
  const choice: NetworkChoice = { name: "" };
  for (const field of fields) {
    const [key, value = ""] = splitPair(field);
    if (key === "name") choice.name = value === "default" ? defaultNetwork : value;
    else if (key === "alias") choice.aliases = [...(choice.aliases ?? []), value];
    else if (key === "ip" && !value.includes(":")) choice.ip4 = value;
    else if (key === "ip" || key === "ip6") choice.ip6 = value;
    else if (key === "mac" || key === "mac-address") choice.mac = value;
    else return wrong(`A network has no “${key}” here`);
  }
  return choice;
}

/** What podman calls the ways out of a container that names none, beside docker's `default`. */
const podmanNames = new Set(["podman", "private", "slirp4netns", "pasta"]);

export const isPodmanDefault = (text: string): boolean => podmanNames.has(text.split(":")[0] ?? "");

/** Flags beside --network speak of the first one. */
export function changeFirst(before: Networks, change: Partial<NetworkChoice>): Networks {
  if (typeof before === "string") return wrong(`The network “${before}” has none`);
  if (before && !Array.isArray(before)) return wrong(alreadyShared(before.container));
  const [first = { name: defaultNetwork }, ...others] = before ?? [];
  return [{ ...first, ...change }, ...others];
}

export function networkWords(networks: Networks): string[] {
  if (networks === undefined) return [];
  if (typeof networks === "string") return ["--network", networks];
  if (!Array.isArray(networks)) return ["--network", `container:${networks.container}`];
  return networks.flatMap(({ name, ip4, ip6, mac, aliases = [] }) => {
    const more = [
      ...(ip4 === undefined ? [] : [`ip=${ip4}`]),
      ...(ip6 === undefined ? [] : [`ip6=${ip6}`]),
      ...(mac === undefined ? [] : [`mac-address=${mac}`]),
      ...aliases.map((alias) => `alias=${alias}`),
    ];
    return ["--network", more.length === 0 ? name : writeFields([`name=${name}`, ...more])];
  });
}

export function portWord({ hostIp, hostPort, containerPort, protocol }: PortChoice): string {
  const ip = hostIp === undefined ? "" : `${hostIp.includes(":") ? `[${hostIp}]` : hostIp}:`;
  const host = hostPort ? `${hostPort}:` : ip && ":";
  return `${ip}${host}${containerPort}${protocol === "udp" ? "/udp" : ""}`;
}
