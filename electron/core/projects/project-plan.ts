import { projectLabels } from "#shared/base/project-labels";
import type { ComposeNote } from "#shared/compose/note";
import { withDependencies } from "#shared/compose/order";
import {
  containerNameOf,
  imageNameOf,
  type Project,
  type ProjectNetwork,
  type ProjectVolume,
  type Service,
} from "#shared/compose/project";
import { wholeHealthCheck } from "#shared/base/health-check";
import type { Container } from "#shared/contract/containers";
import type { Image } from "#shared/contract/images";
import type { Network, NetworkAbilities } from "#shared/contract/networks";
import type { PlannedAction, PlannedService, ProjectPlan } from "#shared/contract/projects";
import { configHash, networkHash } from "./container-config.ts";
import { numberOf, serviceOf } from "./project-containers.ts";

/** What there is on this machine. */
export interface PlanFacts {
  /** The project's. */
  containers: readonly Container[];
  networks: readonly Network[];
  /** Names of devices by which containers are given them. */
  devices: ReadonlySet<string>;
  /** Names of volumes. */
  volumes: ReadonlySet<string>;
  abilities: NetworkAbilities;
  image: (name: string) => Image | undefined;
  /** A container has that name. */
  isTaken: (name: string) => boolean;
}

export interface UpOptions {
  /** Absent: all. */
  services?: readonly string[] | undefined;
  /** Builds also what is built already. */
  build?: boolean | undefined;
  /** Makes also those anew that did not change. */
  recreate?: boolean | undefined;
}

export interface ContainerStep {
  name: string;
  number: number;
  action: PlannedAction;
  reason?: string;
  /** The one that there is. */
  row?: Container | undefined;
}

export interface ServiceSteps {
  service: Service;
  image: string;
  imageAction: PlannedService["imageAction"];
  containers: ContainerStep[];
}

interface ThingStep<T> {
  thing: T;
  name: string;
  action: PlannedAction;
  reason?: string;
}

/** What `up` does, in the order of the file. */
export interface UpPlan {
  project: Project;
  notes: ComposeNote[];
  services: ServiceSteps[];
  networks: ThingStep<ProjectNetwork>[];
  volumes: ThingStep<ProjectVolume>[];
  orphans: Container[];
}

/** Compares what a project says with what there is. */
export function planUp(read: Project, facts: PlanFacts, options: UpOptions = {}): UpPlan {
  const notes: ComposeNote[] = [];
  const joined = facts.abilities.bridges.ok ? read : withoutNetworks(read, facts, notes);
  notes.push(...missingDevices(joined, facts.devices));
  const project = withDevices(joined, facts.devices);
  const chosen = options.services
    ? withDependencies(project.services, options.services)
    : project.services;
  const networks = project.networks.map((network) => networkStep(network, facts, notes));
  const anew = new Set(networks.flatMap(({ name, action }) => (action === "recreate" ? name : [])));
  const known = new Set([...read.services, ...read.idle].map(({ name }) => name));
  const plan: UpPlan = {
    ...{ project, notes, networks },
    services: chosen.map((service) =>
      serviceSteps(project, service, { facts, options, anew, notes }),
    ),
    volumes: project.volumes.map((volume) => volumeStep(volume, facts, notes)),
    orphans: facts.containers.filter((row) => !known.has(serviceOf(row))),
  };
  followShares(plan.services);
  checkHealth(plan, facts, notes);
  return plan;
}

/** The plan as the window shows it, with what was said of the source. */
export function shownPlan(plan: UpPlan, notes: readonly ComposeNote[]): ProjectPlan {
  const { project, services, networks, volumes, orphans } = plan;
  const shown = ({ name, action, reason }: Omit<ThingStep<unknown>, "thing">) => ({
    ...{ name, action },
    ...(reason === undefined ? {} : { reason }),
  });
  return {
    name: project.name,
    notes: [...notes, ...plan.notes],
    services: services.map(({ service, image, imageAction, containers }) => ({
      ...{ name: service.name, image, imageAction, containers: containers.map(shown) },
      after: service.dependsOn.map((one) => one.service),
    })),
    networks: networks.map(shown),
    volumes: volumes.map(shown),
    idle: project.idle,
    orphans: orphans.map(({ name }) => name),
  };
}

function note(
  notes: ComposeNote[],
  level: ComposeNote["level"],
  { at, path }: { at: Service["at"]; path: string },
  message: string,
): void {
  notes.push({ level, file: at.file.name, line: at.line, path, message });
}

/** Where containers can't be joined, each has the default network, and finds no other by name. */
function withoutNetworks(project: Project, facts: PlanFacts, notes: ComposeNote[]): Project {
  const services = project.services.map((service): Service => {
    if (!Array.isArray(service.draft.networks)) return service;
    const { networks: _networks, ...draft } = service.draft;
    return { ...service, draft };
  });
  const [first] = project.services;
  if (first && project.networks.length > 0) {
    const why = facts.abilities.bridges.reason ?? "Containers can't be joined on this machine";
    const message = `${why}: the services don't find each other by name`;
    note(notes, "lost", { at: first.at, path: "networks" }, message);
  }
  return { ...project, services, networks: [] };
}

/** Tells of each device that services ask for by name and that is not there, at its line. */
export function missingDevices(
  { services }: Project,
  devices: PlanFacts["devices"],
): ComposeNote[] {
  const notes: ComposeNote[] = [];
  for (const request of services.flatMap((service) => service.devices)) {
    for (const name of request.names.filter((one) => !devices.has(one))) {
      const level = request.needed ? "error" : "lost";
      const message = `There is no device ${name} on this machine`;
      note(notes, level, request, request.needed ? message : `${message}: it goes without`);
    }
  }
  return notes;
}

/** Gives services the devices that they ask for by name. */
function withDevices(project: Project, devices: PlanFacts["devices"]): Project {
  const services = project.services.map((service): Service => {
    const there = service.devices.flatMap(({ names }) => names).filter((name) => devices.has(name));
    if (there.length === 0) return service;
    const cdiDevices = [...new Set([...(service.draft.cdiDevices ?? []), ...there])];
    return { ...service, draft: { ...service.draft, cdiDevices } };
  });
  return { ...project, services };
}

function networkStep(
  network: ProjectNetwork,
  { networks, containers }: PlanFacts,
  notes: ComposeNote[],
): ThingStep<ProjectNetwork> {
  const { config, external, key, at } = network;
  const there = networks.find(({ id }) => id === config.name);
  const step = { thing: network, name: config.name };
  if (external && !there) {
    const message = `There is no network “${config.name}” here: make it first`;
    note(notes, "error", { at, path: `networks.${key}` }, message);
    return { ...step, action: "missing" };
  }
  if (!there) return { ...step, action: "create" };
  const hash = there.labels[projectLabels.hash];
  if (external || hash === networkHash(config)) return { ...step, action: "keep" };
  if (hash === undefined) return { ...step, action: "keep", reason: "It was there before" };
  const own = new Set(containers.map(({ id }) => id));
  const others = there.members.filter(({ containerId }) => !own.has(containerId));
  if (others.length > 0) {
    const names = others.map(({ containerName }) => `“${containerName}”`).join(", ");
    const message = `“${config.name}” has to be made anew, and others than this project's are in it: disconnect ${names} first`;
    note(notes, "error", { at, path: `networks.${key}` }, message);
  }
  return { ...step, action: "recreate", reason: "It is described otherwise now" };
}

function volumeStep(
  volume: ProjectVolume,
  { volumes }: PlanFacts,
  notes: ComposeNote[],
): ThingStep<ProjectVolume> {
  const { name, external, key, at } = volume;
  if (volumes.has(name)) return { thing: volume, name, action: "keep" };
  if (!external) return { thing: volume, name, action: "create" };
  note(
    notes,
    "error",
    { at, path: `volumes.${key}` },
    `There is no volume “${name}” here: make it first`,
  );
  return { thing: volume, name, action: "missing" };
}

interface ServiceContext {
  facts: PlanFacts;
  options: UpOptions;
  /** Names of networks that are made anew. */
  anew: ReadonlySet<string>;
  notes: ComposeNote[];
}

function serviceSteps(project: Project, service: Service, context: ServiceContext): ServiceSteps {
  const { facts, options, anew, notes } = context;
  const image = imageNameOf(project.name, service);
  const there = facts.image(image);
  const rows = facts.containers.filter((row) => serviceOf(row) === service.name);
  const { networks } = service.draft;
  const moved = Array.isArray(networks) && networks.some(({ name }) => anew.has(name));
  const containers: ContainerStep[] = [];
  for (let number = 1; number <= service.replicas; number += 1) {
    const name = containerNameOf(project.name, service, number);
    const row = rows.find((one) => numberOf(one) === number);
    if (row?.name !== name && facts.isTaken(name)) {
      const message = `There is a container “${name}” that is not this project's`;
      note(notes, "error", { at: service.at, path: `services.${service.name}` }, message);
    }
    const reason = row && recreateReason(row, service, there?.id, moved, options.recreate ?? false);
    containers.push({ name, number, row, ...actionFor(row, reason) });
  }
  for (const row of rows) {
    if (numberOf(row) <= service.replicas) continue;
    containers.push({
      ...{ name: row.name, number: numberOf(row), row, action: "remove" },
      reason: "There are fewer of it now",
    });
  }
  return { service, image, imageAction: imageAction(service, there, options), containers };
}

function actionFor(
  row: Container | undefined,
  reason: string | undefined,
): Pick<ContainerStep, "action" | "reason"> {
  if (!row) return { action: "create" };
  if (reason !== undefined) return { action: "recreate", reason };
  const { status } = row.state;
  if (status === "shim-lost" || status === "unknown") {
    return { action: "keep", reason: "Whether it runs can't be known" };
  }
  return { action: status === "running" ? "keep" : "start" };
}

/** Whoever runs in namespaces of a container that is started now would be left in those of its last run. */
function followShares(services: readonly ServiceSteps[]): void {
  const byName = new Map(services.map((steps) => [steps.service.name, steps]));
  const begins = (name: string): boolean => {
    const steps = byName.get(name);
    if (!steps) return false;
    const first = steps.containers.find(({ number }) => number === 1);
    return first?.action !== "keep" || steps.service.shares.some((one) => begins(one.service));
  };
  for (const { service, containers } of services) {
    const share = service.shares.find((one) => begins(one.service));
    if (!share) continue;
    for (const step of containers) {
      if (step.action !== "keep" || step.row?.state.status !== "running") continue;
      const reason = `It shares what “${share.service}” has, which is started anew`;
      Object.assign(step, { action: "recreate", reason });
    }
  }
}

/** Why a container can't stay as it is; undefined when it can. `imageId`: of its image as it is here. */
export function recreateReason(
  row: Container,
  service: Service,
  imageId: string | undefined,
  moved: boolean,
  forced: boolean,
): string | undefined {
  if (row.labels[projectLabels.hash] !== configHash(service))
    return "It is described otherwise now";
  if (imageId !== undefined && row.image.id !== imageId) return "Its image is another one now";
  if (moved) return "Its network is made anew";
  return forced ? "It was asked for" : undefined;
}

function imageAction(
  service: Service,
  there: Image | undefined,
  { build = false }: UpOptions,
): PlannedService["imageAction"] {
  const { pullPolicy } = service;
  if (service.build) return there && !build && pullPolicy !== "build" ? "keep" : "build";
  if (pullPolicy === "never") return there ? "keep" : "missing";
  return there && pullPolicy !== "always" ? "keep" : "pull";
}

/** Whoever waits for one to be healthy that never says so waits for ever. */
function checkHealth({ services }: UpPlan, { image }: PlanFacts, notes: ComposeNote[]): void {
  const byName = new Map(services.map((steps) => [steps.service.name, steps]));
  for (const { service } of services) {
    for (const { service: other, condition } of service.dependsOn) {
      const steps = byName.get(other);
      if (condition !== "service_healthy" || !steps) continue;
      const there = image(steps.image);
      const own = steps.service.draft.healthCheck;
      if (!there && own?.test?.[0] !== "NONE") continue;
      if (wholeHealthCheck(own, there?.config.healthCheck)) continue;
      const at = { at: service.at, path: `services.${service.name}.depends_on.${other}` };
      note(notes, "error", at, `“${other}” has no health check, so it never is healthy`);
    }
  }
}
