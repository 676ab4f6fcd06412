import { rm } from "node:fs/promises";
import { projectLabels } from "#shared/base/project-labels";
import type { Disposable } from "#shared/base/disposable";
import { imageNameOf, type Project as ComposeProject, type Service } from "#shared/compose/project";
import { type ReadProject, readProject } from "#shared/compose/read-project";
import type {
  ComposeNote,
  Project,
  ProjectDetail,
  ProjectPlan,
  ProjectSource,
} from "#shared/contract/projects";
import { AppError } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";
import { listCdiDevices } from "../cdi/cdi-devices.ts";
import { projectDir } from "../host/paths.ts";
import type { OperationContext, OperationService } from "../operations/operation-service.ts";
import type { Store } from "../store/store.ts";
import { eachContainer, type EachContainer } from "./each-container.ts";
import { ProjectActivity } from "./project-activity.ts";
import { ProjectContainers } from "./project-containers.ts";
import { missingDevices, planUp, shownPlan, type UpOptions, type UpPlan } from "./project-plan.ts";
import { type ProjectRecord, ProjectStore } from "./project-store.ts";
import { toProject } from "./project-view.ts";
import { openSource, surroundingsOf } from "./source-files.ts";
import { Up, type UpTools } from "./up.ts";

export interface ProjectServiceOptions extends Omit<UpTools, "rows"> {
  store: Store;
  operations: OperationService;
  /** When the containers are known. */
  ready: Promise<void>;
}

/** Projects: what compose files say, and the containers that are theirs by their labels. */
export class ProjectService implements Disposable {
  readonly #o: ProjectServiceOptions;
  readonly #store: ProjectStore;
  readonly #rows: ProjectContainers;
  readonly #activity: ProjectActivity;
  readonly #watch: ListWatch<Project>;

  constructor(options: ProjectServiceOptions) {
    this.#o = options;
    this.#store = new ProjectStore(options.store);
    this.#rows = new ProjectContainers(options.containers);
    this.#watch = new ListWatch({
      list: () => this.#names().map((name) => this.#view(name)),
      get: (name) => (this.#names().includes(name) ? this.#view(name) : undefined),
      ready: options.ready,
    });
    this.#activity = new ProjectActivity(options.operations, (name) => this.#watch.changed(name));
    this.#rows.onChange((name) => this.#watch.changed(name));
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Project>["watch"]> {
    return this.#watch.watch(signal);
  }

  async list(): Promise<Project[]> {
    await this.#o.ready;
    return this.#names().map((name) => this.#view(name));
  }

  /** NOT_FOUND when neither a source nor a container tells of it. */
  async get(name: string): Promise<ProjectDetail> {
    const containers = await this.#requireKnown(name);
    const source = this.#store.find(name)?.source;
    const read = source && (await this.#read(source));
    return {
      project: this.#view(name),
      ...(source ? { source } : {}),
      notes: read ? [...read.notes, ...(await missingIn(read))] : [],
      containers,
    };
  }

  open(path: string): Promise<ProjectSource> {
    return openSource(path);
  }

  /** What a source says, and what `up` would do with it. */
  async check(source: ProjectSource, options: UpOptions = {}): Promise<ProjectPlan> {
    await this.#o.ready;
    const { name, notes, project } = await this.#read(source);
    if (project) return shownPlan(await this.#plan(project, options), notes);
    return { name, notes, services: [], networks: [], volumes: [], idle: [], orphans: [] };
  }

  async plan(name: string): Promise<ProjectPlan> {
    await this.#o.ready;
    return this.check(this.#requireRecord(name).source);
  }

  /** Keeps a source under its project's name. INVALID_ARGUMENT, naming the lines, for one that can't be read. */
  async import(source: ProjectSource): Promise<{ id: string }> {
    await this.#o.ready;
    const project = requireProject(await this.#read(source));
    this.#activity.requireIdle(project.name);
    await this.#keep(source, project);
    this.#activity.forget(project.name);
    return { id: project.name };
  }

  /** Forgets the source. FAILED_PRECONDITION while the project has containers. */
  async remove(name: string): Promise<void> {
    const rows = await this.#requireKnown(name);
    this.#activity.requireIdle(name);
    if (rows.length > 0) {
      throw new AppError("FAILED_PRECONDITION", `“${name}” has containers still`, {
        subject: `project "${name}"`,
        hint: "Bring it down first.",
      });
    }
    await this.#store.remove(name);
    await this.#removeFiles(name);
    this.#activity.forget(name);
  }

  /**
   * Makes and starts what is missing, makes anew what changed, and leaves the rest. INVALID_ARGUMENT, before anything
   * is done, when the source can't be read or names what is not there.
   */
  async up(
    name: string,
    options: UpOptions & { removeOrphans?: boolean | undefined } = {},
  ): Promise<void> {
    await this.#o.ready;
    const { source } = this.#requireRecord(name);
    await this.#activity.run(
      name,
      "up",
      `Bringing up ${titleOf(name, options.services)}`,
      async (op) => {
        const project = requireProject(await this.#read(source));
        requireServices(name, project.services, options.services);
        const plan = await this.#plan(project, options);
        requireNoErrors(name, plan.notes);
        await this.#keep(source, project);
        const report: EachContainer["report"] = (service, step) =>
          this.#activity.report(name, service, step);
        const context = { op, report, recreate: options.recreate ?? false };
        await new Up({ ...this.#o, rows: this.#rows }, plan, context).run();
        if (!options.removeOrphans) return;
        for (const { id } of plan.orphans) await this.#o.containers.delete(id, true);
      },
    );
  }

  /** Stops services, each after those that depend on it. Absent services: all. */
  async stop(name: string, services?: readonly string[]): Promise<void> {
    await this.#requireKnown(name);
    await this.#activity.run(name, "stop", `Stopping ${titleOf(name, services)}`, (op) =>
      this.#each(name, services, "dependents", op, (id) =>
        this.#o.containers.lifecycle.stop(id, undefined, op.signal),
      ),
    );
  }

  /** Restarts services, and those that ask to be restarted with one that they depend on. */
  async restart(name: string, services?: readonly string[]): Promise<void> {
    await this.#requireKnown(name);
    await this.#activity.run(
      name,
      "restart",
      `Restarting ${titleOf(name, services)}`,
      async (op) => {
        const known = await this.#services(name);
        const names = services && [...restartedWith(known, services)];
        await this.#each(name, names, "dependencies", op, (id) =>
          this.#o.containers.lifecycle.restart(id),
        );
      },
    );
  }

  /**
   * Removes the project's containers, those of services that the file has no longer too, and its networks; its volumes
   * only with `volumes`.
   */
  async down(name: string, { volumes: alsoVolumes }: { volumes: boolean }): Promise<void> {
    await this.#requireKnown(name);
    const { containers, networks, volumes } = this.#o;
    await this.#activity.run(name, "down", `Bringing down ${name}`, async (op) => {
      await this.#each(name, undefined, "dependents", op, async (id) => {
        await containers.lifecycle.stop(id, undefined, op.signal);
        await containers.delete(id, true);
      });
      for (const { id, labels } of await networks.list()) {
        if (labels[projectLabels.project] === name) await networks.remove(id);
      }
      if (alsoVolumes) {
        for (const { id, labels } of await volumes.list()) {
          if (labels[projectLabels.project] === name) await volumes.delete(id);
        }
      }
      await this.#removeFiles(name);
    });
    this.#activity.forget(name);
  }

  dispose(): void {
    this.#rows.dispose();
  }

  /** Does something to the containers of services, in the order that the source, if it can be read, asks for. */
  async #each(
    project: string,
    names: readonly string[] | undefined,
    first: EachContainer["first"],
    op: OperationContext,
    work: EachContainer["work"],
  ): Promise<void> {
    const rows = await this.#rows.listOf(project);
    const services = await this.#services(project);
    await eachContainer({
      ...{ project, rows, services, names, first, work, signal: op.signal },
      report: (service, step) => this.#activity.report(project, service, step),
    });
  }

  async #services(name: string): Promise<readonly Service[]> {
    const source = this.#store.find(name)?.source;
    return (source && (await this.#read(source)).project?.services) ?? [];
  }

  #read(source: ProjectSource): Promise<ReadProject> {
    return readProject(source, surroundingsOf(source.directory));
  }

  async #plan(project: ComposeProject, options: UpOptions): Promise<UpPlan> {
    const { containers, images, networks, volumes } = this.#o;
    return planUp(
      project,
      {
        containers: await this.#rows.listOf(project.name),
        networks: await networks.list(),
        volumes: new Set((await volumes.list()).map(({ id }) => id)),
        devices: await deviceNames(),
        abilities: networks.abilities,
        image: (name) => images.findByName(name),
        isTaken: (name) => containers.records.idOf(name) !== undefined,
      },
      options,
    );
  }

  async #keep(source: ProjectSource, { name, services }: ComposeProject): Promise<void> {
    const record: ProjectRecord = {
      name,
      // By its name: a directory that is moved does not make another project of it.
      source: { ...source, name },
      importedAt: this.#store.find(name)?.importedAt ?? Date.now(),
      services: services.map((service) => ({
        ...{ name: service.name, image: imageNameOf(name, service), replicas: service.replicas },
      })),
    };
    await this.#store.put(record);
    this.#watch.changed(name);
  }

  async #removeFiles(name: string): Promise<void> {
    await rm(projectDir(this.#o.paths, name), { recursive: true, force: true });
  }

  #names(): string[] {
    const damaged = this.#store.damaged.map(({ id }) => id);
    return [...new Set([...this.#store.names(), ...this.#rows.projects(), ...damaged])].sort();
  }

  #view(name: string): Project {
    const damaged = this.#store.damaged.find(({ id }) => id === name)?.error;
    return toProject(name, {
      record: this.#store.find(name),
      rows: this.#rows.of(name),
      work: this.#activity.work(name),
      steps: this.#activity.steps(name),
      error: this.#activity.error(name) ?? damaged,
    });
  }

  /** Its containers. NOT_FOUND when neither a source nor a container tells of it. */
  async #requireKnown(name: string): ReturnType<ProjectContainers["listOf"]> {
    await this.#o.ready;
    const rows = await this.#rows.listOf(name);
    const kept = this.#store.find(name) ?? this.#store.damaged.find(({ id }) => id === name);
    if (kept || rows.length > 0) return rows;
    throw new AppError("NOT_FOUND", `There is no project “${name}”`, {
      subject: `project "${name}"`,
      hint: "It was removed.",
    });
  }

  #requireRecord(name: string): ProjectRecord {
    const record = this.#store.find(name);
    if (record) return record;
    throw new AppError("NOT_FOUND", `The compose file of “${name}” is not known here`, {
      subject: `project "${name}"`,
      hint: "Import it.",
    });
  }
}

const deviceNames = async (): Promise<ReadonlySet<string>> =>
  new Set((await listCdiDevices()).devices.map(({ name }) => name));

/** What of this machine a source that could be read asks for in vain. */
const missingIn = async ({ project }: ReadProject): Promise<ComposeNote[]> =>
  project ? missingDevices(project, await deviceNames()) : [];

const titleOf = (name: string, services: readonly string[] | undefined): string =>
  services ? `${services.join(", ")} of ${name}` : name;

/** These, and those that ask to be restarted with one of them. */
function restartedWith(known: readonly Service[], names: readonly string[]): Set<string> {
  const restarted = new Set(names);
  // A set is walked on over what is added to it meanwhile.
  for (const name of restarted) {
    for (const { name: other, dependsOn } of known) {
      if (dependsOn.some(({ service, restart }) => restart && service === name))
        restarted.add(other);
    }
  }
  return restarted;
}

const noteLine = ({ file, line, path, message }: ComposeNote): string =>
  `${file}:${line}: ${path === "" ? "" : `${path}: `}${message}`;

function requireNoErrors(name: string, notes: readonly ComposeNote[]): void {
  const errors = notes.filter(({ level }) => level === "error");
  const [first] = errors;
  if (!first) return;
  throw new AppError("INVALID_ARGUMENT", `“${name}” can't be started: ${noteLine(first)}`, {
    subject: `project "${name}"`,
    hint: "Correct the file, and import it again.",
    output: errors.map(noteLine).join("\n"),
  });
}

function requireProject({ project, name, notes }: ReadProject): ComposeProject {
  requireNoErrors(name, notes);
  if (project) return project;
  throw new AppError("INTERNAL", `“${name}” could not be read`);
}

function requireServices(
  name: string,
  services: readonly Service[],
  asked: readonly string[] | undefined,
): void {
  const unknown = asked?.find((one) => !services.some((service) => service.name === one));
  if (unknown === undefined) return;
  throw new AppError("NOT_FOUND", `“${name}” has no service “${unknown}”`, {
    ...{ subject: `project "${name}"`, hint: "Is its profile chosen?" },
  });
}
