import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { delta, ErrorInfoSchema, Id, Nothing, Time } from "./common.ts";
import { Container } from "./containers.ts";

/** docker's rule. */
export const ProjectName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,62}$/,
    "A project's name has lower case letters, digits, '-' and '_', from a letter or digit on; at most 63",
  );

const Path = z.string().startsWith("/", "Give a path from / on").max(4096);
/** More than any file of this kind, characters. */
const Text = z.string().max(1024 * 1024, "This is too long for a compose file");

/** What a project is read from; kept as it is when it is imported. */
export const ProjectSource = z.object({
  /** In place of the name in the file, or of its directory's. */
  name: ProjectName.optional(),
  /** Where relative paths begin. Absent for what was pasted: then nothing relative can be meant. */
  directory: Path.optional(),
  /** The compose file and what overrides it, in order; a name is relative to the directory. */
  files: z
    .array(z.object({ name: z.string().min(1).max(4096), text: Text }))
    .min(1)
    .max(20),
  /** As in a `.env` file. */
  env: Text,
  profiles: z.array(z.string().min(1).max(128)).max(100),
});
export type ProjectSource = z.infer<typeof ProjectSource>;

/**
 * `error`: nothing can be started with it. `lost`: it can't be had here, and without it the container is another one.
 * `vain`: nothing is missed without it, or it is read in a way that may surprise.
 */
export const NoteLevel = z.enum(["error", "lost", "vain"]);
export type NoteLevel = z.infer<typeof NoteLevel>;

export const ComposeNote = z.object({
  level: NoteLevel,
  file: z.string(),
  /** From 1. */
  line: z.number(),
  /** `services.web.gpus`; empty for what is said of a whole file. */
  path: z.string(),
  /** A sentence, without its full stop. */
  message: z.string(),
});
export type ComposeNote = z.infer<typeof ComposeNote>;

/** What `up` would do with one of the project's things. */
export const PlannedAction = z.enum(["create", "recreate", "start", "keep", "remove", "missing"]);
export type PlannedAction = z.infer<typeof PlannedAction>;

export const PlannedContainer = z.object({
  name: z.string(),
  action: PlannedAction,
  /** Why it is made anew or removed. */
  reason: z.string().optional(),
});

export const PlannedService = z.object({
  name: z.string(),
  image: z.string(),
  /** `missing`: it is not here, and its pull policy forbids to get it. */
  imageAction: z.enum(["keep", "pull", "build", "missing"]),
  containers: z.array(PlannedContainer),
  /** Names of the services that it waits for. */
  after: z.array(z.string()),
});
export type PlannedService = z.infer<typeof PlannedService>;

const PlannedThing = z.object({
  name: z.string(),
  action: PlannedAction,
  reason: z.string().optional(),
});

/** What is in a source, and what `up` would do; nothing is done. */
export const ProjectPlan = z.object({
  name: z.string(),
  /** By file and line. With one of level `error` the rest is empty. */
  notes: z.array(ComposeNote),
  /** In the order of the file. */
  services: z.array(PlannedService),
  networks: z.array(PlannedThing),
  volumes: z.array(PlannedThing),
  /** Services that are in profiles which were not chosen. */
  idle: z.array(z.object({ name: z.string(), profiles: z.array(z.string()) })),
  /** Containers of the project whose service is no longer in the file; `up` leaves them. */
  orphans: z.array(z.string()),
});
export type ProjectPlan = z.infer<typeof ProjectPlan>;

/** How far a service has come in the last operation. */
export const ServiceStep = z.object({
  state: z.enum(["waiting", "working", "done", "failed", "skipped"]),
  /** `Waiting until db is healthy` */
  detail: z.string().optional(),
  error: ErrorInfoSchema.optional(),
});
export type ServiceStep = z.infer<typeof ServiceStep>;

export const ProjectService = z.object({
  name: z.string(),
  image: z.string(),
  /** How many there should be; absent when only containers tell of it. */
  replicas: z.number().optional(),
  /** Ids of those there are, by number. */
  containers: z.array(Id),
  running: z.number(),
  step: ServiceStep.optional(),
});
export type ProjectService = z.infer<typeof ProjectService>;

/** A project: what was imported, or what containers by their labels say. */
export const Project = z.object({
  /** Its name. */
  id: ProjectName,
  directory: z.string().optional(),
  /** It has a source; else it is only known by its containers. */
  imported: z.boolean(),
  importedAt: Time.optional(),
  services: z.array(ProjectService),
  /** `partial`: some of the services that should run do not. */
  state: z.enum(["running", "partial", "stopped", "none"]),
  /** What is being done to it. */
  activity: z.enum(["up", "stop", "down", "restart"]).optional(),
  operationId: z.string().optional(),
  /** Why its source can't be read any more, or its last operation failed. */
  error: ErrorInfoSchema.optional(),
});
export type Project = z.infer<typeof Project>;

export const ProjectDetail = z.object({
  project: Project,
  source: ProjectSource.optional(),
  notes: z.array(ComposeNote),
  containers: z.array(Container),
});
export type ProjectDetail = z.infer<typeof ProjectDetail>;

const ByProject = z.object({ id: ProjectName });
const Services = z.array(z.string().max(128)).min(1).max(1000).optional();

export const projects = {
  watch: stream(Nothing, delta(Project)),
  list: query(Nothing, z.array(Project)),
  get: query(ByProject, ProjectDetail),
  /** A compose file at a path of this machine, or the one in a directory, with its override and `.env`. */
  open: query(z.object({ path: Path }), ProjectSource),
  check: query(z.object({ source: ProjectSource }), ProjectPlan),
  /** `check` of what was imported. */
  plan: query(ByProject, ProjectPlan),
  /** Keeps a source, in place of the one that the project had. INVALID_ARGUMENT when it can't be read. */
  import: mutation(z.object({ source: ProjectSource }), ByProject),
  /** Forgets the source. FAILED_PRECONDITION while there are containers. */
  remove: mutation(ByProject, Nothing),
  /** Absent services: all. Those that they depend on come along. `build`: also what is built already. */
  up: mutation(
    z.object({
      id: ProjectName,
      services: Services,
      build: z.boolean().optional(),
      recreate: z.boolean().optional(),
      removeOrphans: z.boolean().optional(),
    }),
    Nothing,
  ),
  stop: mutation(z.object({ id: ProjectName, services: Services }), Nothing),
  restart: mutation(z.object({ id: ProjectName, services: Services }), Nothing),
  /** Removes containers and networks, and with `volumes` the project's own volumes too. */
  down: mutation(z.object({ id: ProjectName, volumes: z.boolean() }), Nothing),
};
