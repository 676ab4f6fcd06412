import { NetworkConfig } from "../contract/networks.ts";
import { type Field, readKeys } from "./field.ts";
import type { Lookup } from "./interpolate.ts";
import { pathOf } from "./load.ts";
import type { ProjectNetwork, ProjectVolume } from "./project.ts";

/** `external: true`, or its older form with a name in it. */
function readExternal(value: Field): { external: boolean; name?: string | undefined } {
  if (!value.isDict) return { external: value.boolean() ?? false };
  return { external: true, name: value.get("name")?.text() };
}

const driverOptions = (field: Field, what: string): void => {
  if (field.entries().length > 0) field.note("lost", `${what} takes no driver options here`);
};

export function readNetwork(project: string, key: string, field: Field): ProjectNetwork {
  const config: NetworkConfig = { name: `${project}_${key}` };
  let external = false;
  readKeys(
    field,
    "A network",
    {
      name: (value) => {
        config.name = value.text() ?? config.name;
      },
      external: (value) => {
        const read = readExternal(value);
        external = read.external;
        if (external) config.name = read.name ?? field.get("name")?.text() ?? key;
      },
      internal: (value) => {
        if (value.boolean()) config.internal = true;
      },
      enable_ipv6: (value) => {
        if (value.boolean()) config.ipv6 = true;
      },
      labels: (value) => {
        config.labels = readLabels(value);
      },
      driver: (value) => {
        const driver = value.text();
        if (driver !== "bridge" && driver !== "default") {
          value.note("lost", `Networks are bridges here, not “${driver}”`);
        }
      },
      driver_opts: (value) => driverOptions(value, "A network"),
      ipam: (value) => readIpam(value, config),
    },
    {
      vain: { attachable: "Any container can be put into it" },
      lost: { enable_ipv4: "A network always has IPv4 here" },
    },
  );
  const checked = NetworkConfig.safeParse(config);
  for (const { path, message } of checked.error?.issues ?? []) {
    field.note("error", `${message} (${path.join(".")})`);
  }
  return { key, at: field.at, external, config };
}

function readIpam(field: Field, config: NetworkConfig): void {
  readKeys(field, "Address management", {
    driver: (value) => {
      const driver = value.text();
      if (driver !== "default") value.note("lost", `There is no address driver “${driver}” here`);
    },
    options: (value) => driverOptions(value, "A network"),
    config: (value) => value.items().forEach((item) => readSubnet(item, config)),
  });
}

function readSubnet(field: Field, config: NetworkConfig): void {
  const subnet = field.get("subnet")?.text();
  const gateway = field.get("gateway")?.text();
  const six = (subnet ?? gateway ?? "").includes(":");
  if (six) config.ipv6 = true;
  const known = subnet === undefined ? {} : { [six ? "subnet6" : "subnet"]: subnet };
  if (Object.keys(known).some((key) => key in config)) {
    field.note("lost", "A network has one subnet of each kind here");
    return;
  }
  Object.assign(
    config,
    known,
    gateway === undefined ? {} : { [six ? "gateway6" : "gateway"]: gateway },
  );
  readKeys(
    field,
    "A subnet",
    { subnet: () => undefined, gateway: () => undefined },
    {
      lost: { aux_addresses: "No address is kept free here: give the containers theirs" },
      vain: { ip_range: "Addresses are taken from the whole subnet" },
    },
  );
}

const readLabels = (field: Field): Record<string, string> =>
  Object.fromEntries(field.pairs().map(({ key, value = "" }) => [key, value]));

export function readVolume(project: string, key: string, field: Field): ProjectVolume {
  const volume: ProjectVolume = {
    ...{ key, at: field.at, name: `${project}_${key}`, external: false, labels: {} },
  };
  readKeys(field, "A volume", {
    name: (value) => {
      volume.name = value.text() ?? volume.name;
    },
    external: (value) => {
      const { external, name } = readExternal(value);
      volume.external = external;
      if (external) volume.name = name ?? field.get("name")?.text() ?? key;
    },
    labels: (value) => {
      volume.labels = readLabels(value);
    },
    driver: (value) => {
      const driver = value.text();
      if (driver !== "local") value.note("lost", `There is no volume driver “${driver}” here`);
    },
    driver_opts: (value) => driverOptions(value, "A volume"),
  });
  return volume;
}

/** A config or a secret, before a service is given it. */
export type Text = { path: string } | { content: string };

/** Undefined, with a note, for one that can't be had here. */
export function readTextResource(field: Field, lookup: Lookup): Text | undefined {
  let read: Text | undefined;
  let tried = false;
  const take = (text: Text | undefined): void => {
    tried = true;
    read ??= text;
  };
  readKeys(
    field,
    "A config or secret",
    {
      file: (value) => {
        const path = pathOf(value);
        take(path === undefined ? undefined : { path });
      },
      content: (value) => {
        const content = value.text();
        take(content === undefined ? undefined : { content });
      },
      environment: (value) => {
        const name = value.text();
        const content = name === undefined ? undefined : lookup(name);
        if (name !== undefined && content === undefined) {
          value.note("error", `The variable ${name} is not set`);
        }
        take(content === undefined ? undefined : { content });
      },
      external: (value) => {
        if (readExternal(value).external) {
          tried = true;
          value.note("lost", "None is kept outside of a project here: give a file");
        }
      },
      name: () => undefined,
      labels: () => undefined,
    },
    { lost: { template_driver: "Its text is taken as it is" } },
  );
  if (!tried) field.note("error", "It has neither a file nor a text");
  return read;
}
