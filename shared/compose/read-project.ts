import { AppError } from "../errors.ts";
import { NetworkName } from "../contract/networks.ts";
import { VolumeName } from "../contract/container-options.ts";
import { parseEnvFile } from "./env-file.ts";
import { Field } from "./field.ts";
import { interpolate, type Lookup } from "./interpolate.ts";
import { type ComposeSource, Loader, pathOf, type Surroundings } from "./load.ts";
import { type ComposeNote, Notes, type Place } from "./note.ts";
import { findCycle } from "./order.ts";
import { baseName } from "./paths.ts";
import {
  type Project,
  projectNameFrom,
  projectNamePattern,
  type ProjectNetwork,
  type ProjectVolume,
  type Service,
} from "./project.ts";
import { readNetwork, readTextResource, readVolume, type Text } from "./resources.ts";
import { readService, type ServiceScope } from "./service.ts";
import { projectDefault } from "./service-networks.ts";
import { resolveShares } from "./service-shares.ts";
import { nullScalar } from "./tree.ts";

export interface ReadProject {
  /** Absent when a note of level `error` is among them. */
  project: Project | undefined;
  /** As far as it could be known. */
  name: string;
  notes: ComposeNote[];
}

const nameVariable = "COMPOSE_PROJECT_NAME";

/** Reads a project as a compose file and its overrides write it (https://github.com/compose-spec/compose-spec). */
export async function readProject(
  source: ComposeSource,
  surroundings: Surroundings,
): Promise<ReadProject> {
  const notes = new Notes();
  const given: Record<string, string> =
    source.name === undefined ? {} : { [nameVariable]: source.name };
  const { root, lookup, place } = await new Loader(notes, surroundings).load(source, {
    ...surroundings.environment,
    ...given,
  });
  const top = new Field(root, "", notes, place);
  const name = readName(top, source, lookup);
  // A file may use the name that it gives itself: then it is read again, knowing it.
  const used = source.files.some(({ text }) => text.includes(nameVariable));
  if (used && lookup(nameVariable) === undefined && projectNamePattern.test(name)) {
    return readProject({ ...source, name }, surroundings);
  }
  const project = notes.failed ? undefined : await read(top, name, source, surroundings, lookup);
  return { project: notes.failed ? undefined : project, name, notes: notes.list() };
}

function readName(top: Field, source: ComposeSource, lookup: Lookup): string {
  const field = top.get("name");
  const written = field?.attempt(() => interpolate(field.text() ?? "", lookup).text);
  const name = source.name ?? lookup(nameVariable) ?? written;
  if (name === undefined) {
    const found = projectNameFrom(baseName(source.directory ?? ""));
    if (found === "") top.note("error", "The project has no name: give it one");
    return found;
  }
  if (!projectNamePattern.test(name)) {
    const rule = "lower case letters, digits, “-” and “_”, from a letter or digit on";
    (field ?? top).note("error", `“${name}” can't be a project's name: ${rule}`);
  }
  return name;
}

const known = ["version", "name", "services", "networks", "volumes", "configs", "secrets"];

async function read(
  top: Field,
  name: string,
  source: ComposeSource,
  surroundings: Surroundings,
  lookup: Lookup,
): Promise<Project> {
  const { notes } = top;
  for (const [key, field] of top.entries()) {
    if (key === "version") field.note("vain", "It says nothing any more");
    else if (key === "models") field.note("lost", "Models are not run here");
    else if (!known.includes(key) && !key.startsWith("x-")) {
      field.note("lost", `A project has no “${key}”`);
    }
  }
  const section = (key: string): [string, Field][] => top.get(key)?.entries() ?? [];
  const networks = new Map(
    section("networks").map(([key, field]) => [key, readNetwork(name, key, field)]),
  );
  if (!networks.has(projectDefault)) {
    const field = new Field(nullScalar(top.at), "networks.default", notes);
    networks.set(projectDefault, readNetwork(name, projectDefault, field));
  }
  const volumes = new Map(
    section("volumes").map(([key, field]) => [key, readVolume(name, key, field)]),
  );
  checkNames(networks, volumes, notes);
  const texts = (key: "configs" | "secrets"): Map<string, Text | undefined> =>
    new Map(section(key).map(([key, field]) => [key, readTextResource(field, lookup)]));
  const named = { configs: texts("configs"), secrets: texts("secrets") };
  const scope: ServiceScope = {
    lookup,
    home: surroundings.environment["HOME"],
    usedNetworks: new Set(),
    volume: (key) => volumes.get(key)?.name,
    network: (key) => networks.get(key)?.config.name,
    text: (section, key) =>
      named[section].has(key) ? (named[section].get(key) ?? null) : undefined,
  };
  const chosen = new Set([
    ...source.profiles,
    ...(lookup("COMPOSE_PROFILES") ?? "").split(",").filter(Boolean),
  ]);
  const services: Service[] = [];
  const idle: Project["idle"] = [];
  for (const [service, field] of section("services")) {
    if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(service)) {
      field.note("error", "A service's name has letters, digits, “.”, “_” and “-”, at most 63");
    }
    const profiles = field.get("profiles")?.texts() ?? [];
    if (profiles.length > 0 && !chosen.has("*") && !profiles.some((one) => chosen.has(one))) {
      idle.push({ name: service, profiles });
      continue;
    }
    const env = await readEnvFiles(field, surroundings, lookup);
    services.push(readService(service, field, scope, env));
  }
  if (services.length === 0) {
    const field = top.get("services") ?? top;
    if (idle.length === 0) field.note("error", "It has no services");
    else field.note("error", `All services are in profiles: choose one of ${profilesOf(idle)}`);
  }
  resolveShares(name, services, idle, notes);
  checkDependencies(services, idle, notes);
  return {
    ...{ name, directory: source.directory, services, idle },
    networks: [...networks.values()].filter(({ key }) => scope.usedNetworks.has(key)),
    volumes: [...volumes.values()],
  };
}

const profilesOf = (idle: Project["idle"]): string =>
  [...new Set(idle.flatMap(({ profiles }) => profiles))].join(", ");

function checkNames(
  networks: ReadonlyMap<string, ProjectNetwork>,
  volumes: ReadonlyMap<string, ProjectVolume>,
  notes: Notes,
): void {
  const check = (ok: boolean, at: Place, path: string, name: string): void => {
    if (!ok)
      notes.add("error", at, path, `“${name}” is too long, or has characters that no name has`);
  };
  for (const { key, at, config } of networks.values()) {
    check(NetworkName.safeParse(config.name).success, at, `networks.${key}`, config.name);
  }
  for (const { key, at, name } of volumes.values()) {
    check(VolumeName.safeParse(name).success, at, `volumes.${key}`, name);
  }
}

/** What the files of variables say that a service names, the last word of each. */
async function readEnvFiles(
  service: Field,
  surroundings: Surroundings,
  lookup: Lookup,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const field = service.get("env_file");
  const items = field?.isDict ? [field] : (field?.oneOrMore() ?? []);
  for (const item of items) {
    const named = item.isDict ? item.get("path") : item;
    const path = named && pathOf(named);
    if (path === undefined) continue;
    const required = (item.isDict ? item.get("required")?.boolean() : undefined) ?? true;
    const format = item.isDict ? item.get("format")?.text() : undefined;
    try {
      const text = await surroundings.read(path);
      if (text === undefined) {
        if (required) item.note("error", `There is no file ${path}`);
        continue;
      }
      const raw = format === "raw";
      const file = { name: path, directory: undefined };
      const values = raw ? rawPairs(text) : parseEnvFile(text, file, lookup, service.notes);
      for (const [key, value] of values) found.set(key, value);
    } catch (error) {
      item.note("error", AppError.from(error).message);
    }
  }
  return found;
}

/** `KEY=VALUE` as it stands there, as `docker run --env-file` takes it. */
const rawPairs = (text: string): [string, string][] =>
  text.split(/\r?\n/).flatMap((line): [string, string][] => {
    const at = line.indexOf("=");
    return at <= 0 || line.startsWith("#") ? [] : [[line.slice(0, at), line.slice(at + 1)]];
  });

function checkDependencies(services: Service[], idle: Project["idle"], notes: Notes): void {
  const names = new Set(services.map(({ name }) => name));
  for (const service of services) {
    const path = `services.${service.name}.depends_on`;
    service.dependsOn = service.dependsOn.filter(({ service: other, required }) => {
      if (names.has(other)) return true;
      const resting = idle.find(({ name }) => name === other);
      if (required) {
        const why = resting
          ? `“${other}” is in the profile ${profilesOf([resting])}, which is not chosen`
          : `There is no service “${other}” to depend on`;
        notes.add("error", service.at, path, why);
      }
      return false;
    });
  }
  const cycle = findCycle(services);
  if (!cycle) return;
  const first = services.find(({ name }) => name === cycle[0]);
  if (!first) return;
  const message = `Each of these waits for the next: ${cycle.join(" → ")}`;
  notes.add("error", first.at, `services.${first.name}.depends_on`, message);
}
