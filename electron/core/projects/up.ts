import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { projectLabels } from "#shared/base/project-labels";
import type { Dependency, Service } from "#shared/compose/project";
import type { ServiceStep } from "#shared/contract/projects";
import { AppError } from "#shared/errors";
import type { ContainerService } from "../containers/container-service.ts";
import type { Paths } from "../host/paths.ts";
import type { BuildService } from "../images/builds/build-service.ts";
import type { ImageService } from "../images/image-service.ts";
import type { TransferService } from "../images/transfer-service.ts";
import type { NetworkService } from "../network/network-service.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import type { OperationContext } from "../operations/operation-service.ts";
import { conditionWords, isMet } from "./conditions.ts";
import { containerConfig, filePath, networkHash } from "./container-config.ts";
import { inOrder } from "./in-order.ts";
import type { ProjectContainers } from "./project-containers.ts";
import {
  type ContainerStep,
  recreateReason,
  type ServiceSteps,
  type UpPlan,
} from "./project-plan.ts";

export interface UpTools {
  paths: Paths;
  containers: ContainerService;
  images: ImageService;
  transfers: TransferService;
  builds: BuildService;
  networks: NetworkService;
  volumes: VolumeService;
  rows: ProjectContainers;
}

export interface UpContext {
  op: OperationContext;
  /** How far a service has come. */
  report: (service: string, step: ServiceStep) => void;
  /** Makes also those anew that did not change. */
  recreate: boolean;
}

/** Brings a plan about: networks first, then each service as soon as what it depends on lets it. */
export class Up {
  readonly #o: UpTools;
  readonly #plan: UpPlan;
  readonly #context: UpContext;
  readonly #images = new Map<string, Promise<string>>();
  /** The containers of each service, as they were made or found. */
  readonly #ids = new Map<string, string[]>();
  readonly #anew: ReadonlySet<string>;
  /** Services whose first container was started just now. */
  readonly #started = new Set<string>();
  #done = 0;

  constructor(tools: UpTools, plan: UpPlan, context: UpContext) {
    this.#o = tools;
    this.#plan = plan;
    this.#context = context;
    const { networks } = plan;
    this.#anew = new Set(
      networks.flatMap(({ name, action }) => (action === "recreate" ? name : [])),
    );
  }

  /** Rejects with what failed when not all came up; what did stays up. */
  async run(): Promise<void> {
    const { services } = this.#plan;
    const { op, report } = this.#context;
    for (const { service } of services) report(service.name, { state: "waiting" });
    await this.#makeNetworks();
    await this.#makeVolumes();
    const byName = new Map(services.map((steps) => [steps.service.name, steps]));
    // Images come at once, whatever their services wait for.
    for (const steps of services) this.#image(steps).catch(() => undefined);
    const dependencies = (name: string): Dependency[] => byName.get(name)?.service.dependsOn ?? [];
    const failures = await inOrder({
      names: [...byName.keys()],
      before: (name) =>
        dependencies(name).map(({ service, required }) => ({ name: service, required })),
      work: (name) => this.#bringUp(byName.get(name) as ServiceSteps),
      skip: (name, failed) =>
        report(name, { state: "skipped", detail: `Not started, for “${failed}” failed` }),
    });
    op.signal.throwIfAborted();
    if (failures.size > 0) throw notAllUp(this.#plan.project.name, failures);
  }

  async #bringUp(steps: ServiceSteps): Promise<void> {
    const { op, report } = this.#context;
    const { service } = steps;
    const { name } = service;
    const work = (detail: string): void => report(name, { state: "working", detail });
    try {
      await this.#waitFor(service, work);
      const imageId = await this.#imageOf(steps, work);
      op.signal.throwIfAborted();
      await this.#makeFiles(service);
      const ids = await Promise.all(
        steps.containers.map((step) => this.#container(steps, step, imageId, work)),
      );
      this.#ids.set(
        name,
        ids.flatMap((id) => id ?? []),
      );
      report(name, { state: "done" });
    } catch (thrown) {
      const error = AppError.from(thrown);
      // After a cancel whatever was going on breaks off, each thing in its way.
      if (op.signal.aborted) report(name, { state: "skipped", detail: "Cancelled" });
      else report(name, { state: "failed", error: error.toInfo() });
      throw error;
    } finally {
      this.#done += 1;
      op.progress(this.#done / this.#plan.services.length);
    }
  }

  /** Until all that a service depends on is as it wants it. */
  async #waitFor(service: Service, work: (detail: string) => void): Promise<void> {
    const { rows } = this.#o;
    const { signal } = this.#context.op;
    const project = this.#plan.project.name;
    for (const { service: other, condition, required } of service.dependsOn) {
      for (const id of this.#ids.get(other) ?? []) {
        work(`Waiting until ${other} ${conditionWords[condition]}`);
        try {
          await rows.until(project, () => isMet(rows.find(id), condition), { signal });
        } catch (error) {
          if (required || signal.aborted) throw AppError.wrap(error, `It waits for “${other}”`);
        }
      }
    }
  }

  /** The image's id, when it is here. */
  #image(steps: ServiceSteps): Promise<string> {
    const { image, imageAction } = steps;
    const key = `${imageAction} ${image}`;
    const known = this.#images.get(key);
    if (known) return known;
    const getting = this.#getImage(steps);
    this.#images.set(key, getting);
    return getting;
  }

  async #imageOf(steps: ServiceSteps, work: (detail: string) => void): Promise<string> {
    const { image, imageAction } = steps;
    if (imageAction === "pull") work(`Pulling ${image}`);
    if (imageAction === "build") work(`Building ${image}`);
    const id = await this.#image(steps);
    work("Starting");
    return id;
  }

  async #getImage({ service, image, imageAction }: ServiceSteps): Promise<string> {
    const { images, transfers, builds } = this.#o;
    const { op } = this.#context;
    if (imageAction === "pull") {
      return (await transfers.pull(image, service.platform, op.signal)).id;
    }
    const { build } = service;
    if (imageAction === "build" && build) {
      const { context, dockerfile, target, args, noCache, tags } = build;
      const buildId = `${op.id}-${service.name.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-")}`;
      const request = { buildId: buildId.slice(0, 64), context, dockerfile, target, args, noCache };
      const built = await builds.build({ ...request, name: image }, op.signal);
      for (const tag of tags) await images.tag(built.id, tag);
      return built.id;
    }
    const there = images.findByName(image);
    if (there) return there.id;
    throw new AppError(
      "NOT_FOUND",
      `There is no image “${image}” here, and it is not to be pulled`,
      {
        hint: "Pull it, or change the service's pull_policy.",
      },
    );
  }

  /** Answers its id, unless it was removed. */
  async #container(
    { service }: ServiceSteps,
    step: ContainerStep,
    imageId: string,
    work: (detail: string) => void,
  ): Promise<string | undefined> {
    const { paths, containers } = this.#o;
    const { project } = this.#plan;
    const { row, number, name, action } = step;
    if (row && action === "remove") {
      work(`Removing ${name}`);
      await this.#remove(row.id);
      return undefined;
    }
    const { networks } = service.draft;
    const left =
      row?.state.status === "running" &&
      service.shares.some((share) => this.#started.has(share.service));
    const moved =
      left || (Array.isArray(networks) && networks.some((one) => this.#anew.has(one.name)));
    // The image may have come just now.
    const anew = row && recreateReason(row, service, imageId, moved, this.#context.recreate);
    if (row && anew === undefined) {
      if (action === "start") {
        if (number === 1 && row.state.status !== "paused") this.#started.add(service.name);
        if (row.state.status === "paused") await containers.lifecycle.resume(row.id);
        else await containers.lifecycle.start(row.id);
      }
      return row.id;
    }
    if (row) {
      work(`Making ${name} anew`);
      await this.#remove(row.id);
    }
    this.#context.op.signal.throwIfAborted();
    if (number === 1) this.#started.add(service.name);
    const config = containerConfig(paths, project, service, { number, imageId });
    return (await containers.create(config, true)).id;
  }

  async #remove(id: string): Promise<void> {
    const { containers } = this.#o;
    if (!containers.records.find(id)) return;
    await containers.lifecycle.stop(id, undefined, this.#context.op.signal);
    await containers.delete(id, true);
  }

  async #makeNetworks(): Promise<void> {
    const { networks, rows } = this.#o;
    const { project, networks: steps } = this.#plan;
    for (const { name, action, thing } of steps) {
      this.#context.op.signal.throwIfAborted();
      if (action === "recreate") {
        const { members = [] } = (await networks.list()).find(({ id }) => id === name) ?? {};
        const own = new Set((await rows.listOf(project.name)).map(({ id }) => id));
        for (const { containerId } of members) {
          if (own.has(containerId)) await this.#remove(containerId);
        }
        await networks.remove(name);
      }
      if (action !== "create" && action !== "recreate") continue;
      const labels = {
        ...thing.config.labels,
        [projectLabels.project]: project.name,
        [projectLabels.network]: thing.key,
        [projectLabels.hash]: networkHash(thing.config),
      };
      await networks.create({ ...thing.config, labels });
    }
  }

  /** With the project's labels, by which `down` knows them again. */
  async #makeVolumes(): Promise<void> {
    const { project, volumes } = this.#plan;
    for (const { name, action, thing } of volumes) {
      if (action !== "create") continue;
      const labels = {
        ...thing.labels,
        [projectLabels.project]: project.name,
        [projectLabels.volume]: thing.key,
      };
      await this.#o.volumes.create({ name, labels });
    }
  }

  /** What its mounts need on this machine. */
  async #makeFiles(service: Service): Promise<void> {
    for (const directory of service.hostDirectories) {
      await mkdir(directory, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
        // A file, a socket or a device is mounted as such.
        if (error.code !== "EEXIST") throw AppError.wrap(error, `${directory} could not be made`);
      });
    }
    for (const file of service.files) {
      const path = filePath(this.#o.paths, this.#plan.project.name, file);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, file.content, { mode: 0o600 });
      await chmod(path, file.mode);
    }
  }
}

function notAllUp(project: string, failures: ReadonlyMap<string, AppError>): AppError {
  const [[name, first] = ["", new AppError("UNKNOWN", "it failed")], ...more] = failures;
  const others = more.map(([other]) => `“${other}”`).join(", ");
  const also = others === "" ? "" : `; ${others} failed too`;
  return new AppError(
    first.code,
    `Not all of “${project}” is up: ${name}: ${first.message}${also}`,
    { ...first.details, subject: `project "${project}"` },
    first,
  );
}
