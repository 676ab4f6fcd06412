import type { NetworkConfig } from "../contract/networks.ts";
import type { RunDraft } from "../run-line/draft.ts";
import type { Place } from "./note.ts";

/** What a compose file says, once it is read: everything by its full name, every path absolute. */
export interface Project {
  name: string;
  directory: string | undefined;
  /** Those that the chosen profiles have, in the order in which they stand there. */
  services: Service[];
  /** Those that are in profiles that were not chosen. */
  idle: { name: string; profiles: string[] }[];
  /** Those that a service is in. */
  networks: ProjectNetwork[];
  /** Those that are declared. */
  volumes: ProjectVolume[];
}

export interface Service {
  name: string;
  at: Place;
  /** Absent: it is built, and named after project and service. */
  image: string | undefined;
  build: ServiceBuild | undefined;
  /** `linux/arm64`; absent: this machine's. */
  platform: string | undefined;
  pullPolicy: "missing" | "always" | "never" | "build";
  /** Absent: `project-service-1`. */
  containerName: string | undefined;
  /** How many containers of it there are. */
  replicas: number;
  /** What its containers are given, without what is the project's own to say: name, image and its labels. */
  draft: RunDraft;
  /** Directories of this machine that are made when they are not there. */
  hostDirectories: string[];
  /** Configs and secrets whose text is in the file itself. */
  files: ServiceFile[];
  dependsOn: Dependency[];
  /** What it has of other services' containers. */
  shares: ServiceShare[];
  /** Devices that it asks for by name, so far as this machine has them. */
  devices: DeviceRequest[];
}

export interface ServiceShare {
  what: "networks" | "pid" | "ipc";
  service: string;
  at: Place;
  path: string;
}

export interface DeviceRequest {
  /** As specs of devices have them: `nvidia.com/gpu=all`. */
  names: string[];
  /** Else it is run without those that are not there. */
  needed: boolean;
  at: Place;
  path: string;
}

export interface ServiceBuild {
  context: string;
  /** As seen from the context. */
  dockerfile: string | undefined;
  target: string | undefined;
  args: Record<string, string>;
  noCache: boolean;
  /** Further names for what is built. */
  tags: string[];
}

export interface ServiceFile {
  /** Absolute, in the container. */
  target: string;
  content: string;
  mode: number;
}

export type Condition = "service_started" | "service_healthy" | "service_completed_successfully";

export interface Dependency {
  service: string;
  condition: Condition;
  /** Else it is enough that it was tried. */
  required: boolean;
  /** It is restarted when the other one is. */
  restart: boolean;
}

export interface ProjectNetwork {
  /** As the file calls it. */
  key: string;
  at: Place;
  /** It is not the project's, and has to be there. */
  external: boolean;
  config: NetworkConfig;
}

export interface ProjectVolume {
  key: string;
  at: Place;
  name: string;
  external: boolean;
  labels: Record<string, string>;
}

/** docker's name for the nth container of a service, from 1. */
export const containerNameOf = (project: string, service: Service, number: number): string =>
  service.containerName ?? `${project}-${service.name}-${number}`;

/** What a service that is built is called without an image of its own. */
export const imageNameOf = (project: string, service: Service): string =>
  service.image ?? `${project}-${service.name}`;

/** docker's rule: lower case letters, digits, `-` and `_`, from a letter or digit on. */
export const projectNamePattern = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** A directory's name as a project's; empty when nothing of it can be kept. */
export const projectNameFrom = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "")
    .slice(0, 63);
