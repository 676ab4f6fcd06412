import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { Id } from "#shared/contract/common";
import { ContainerConfig } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import { newId } from "../base/ids.ts";
import type { ContainerService } from "../containers/container-service.ts";
import { requireWhole } from "../containers/running.ts";
import type { ContainerImageService } from "../images/container-image-service.ts";
import type { ImageService } from "../images/image-service.ts";
import type { NetworkService } from "../network/network-service.ts";
import type { OperationContext, OperationService } from "../operations/operation-service.ts";
import type { Tasks } from "../runtime/runtime.ts";
import type { Collection, Store } from "../store/store.ts";

/**
 * A container that is being replaced by one of another definition. Written before anything of it is done and removed
 * when all of it is done or undone: what a killed manager leaves of it, the next one ends.
 */
const Replacement = z.object({
  /** The old container, with what is changed of its record while it is aside. */
  id: Id,
  config: ContainerConfig,
  stoppedByUser: z.boolean(),
  /** It ran. */
  ran: z.boolean(),
  /** The new one: its id before there is more of it. */
  heir: Id,
  /** It is to run. */
  start: z.boolean(),
  keepOld: z.boolean(),
  /**
   * `replacing`: what is there is undone unless the new one turns out to run. `settled`: only the old one is left to be
   * removed. `undoing`: only the old one is left to be put back, and started if it ran.
   */
  phase: z.enum(["replacing", "settled", "undoing"]),
});
type Replacement = z.infer<typeof Replacement>;

export interface ReplacementRequest {
  id: string;
  config: ContainerConfig;
  /** Absent: as the old one is now. */
  start?: boolean | undefined;
  /** It stays, stopped, under another name. */
  keepOld?: boolean | undefined;
  /** Name of an image that is made of the old one's files, to be the new one's. */
  keepFiles?: string | undefined;
}

export interface Replaced {
  id: string;
  warnings: string[];
  /** Where it was kept. */
  old?: { id: string; name: string };
}

export interface ReplacementServiceOptions {
  store: Store;
  tasks: Tasks;
  containers: ContainerService;
  images: ImageService;
  containerImages: ContainerImageService;
  networks: NetworkService;
  operations: OperationService;
}

/** Milliseconds that a new container has to run before the old one goes: what is set up wrongly ends sooner. */
const trial = 3000;

/** Changes of what can't be changed of a container: another one takes its place, and its name, addresses and ports. */
export class ReplacementService {
  readonly #o: ReplacementServiceOptions;
  readonly #collection: Collection<typeof Replacement>;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: ReplacementServiceOptions) {
    this.#o = options;
    this.#collection = options.store.collection("replacements", Replacement);
  }

  /**
   * Rejects as ContainerService.create does, with the old one put back as it was; before it is stopped where that can
   * be told. Cancelling undoes it, too.
   */
  async replace(request: ReplacementRequest): Promise<Replaced> {
    const { containers, operations, tasks } = this.#o;
    const { id, config, keepFiles } = request;
    await containers.check(config);
    const { config: before, image } = containers.records.get(id);
    requireWhole(tasks, id, before.name);
    if (config.name !== before.name) containers.records.requireFreeName(config.name);
    if (keepFiles !== undefined && config.imageId !== image.id) {
      throw new AppError("INVALID_ARGUMENT", "Its files can be kept only on its own image", {
        ...{ field: "keepFiles", hint: "Leave the image as it is, or let the files go." },
      });
    }
    await containers.lifecycle.takeOver(id);
    const spec = { kind: "recreate", title: `Re-creating ${before.name}`, containerId: id };
    const replacing = operations.run({ ...spec, cancellable: true }, (op) => {
      const signal = AbortSignal.any([op.signal, this.#closing.signal]);
      const activity = { name: "recreating", operationId: op.id } as const;
      return containers.activities.run(id, before.name, activity, () =>
        this.#replace(request, { ...op, signal }),
      );
    });
    this.#running.add(replacing);
    return replacing.finally(() => this.#running.delete(replacing));
  }

  /** Resolves when what was under way is undone. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
  }

  /**
   * Ends what a killed manager has left: to be called when tasks and networks are known, and before anything is
   * restarted. What is to be started again is, by `resume`. What fails is tried again at the next start.
   */
  async recover(): Promise<void> {
    for (const replacement of this.#all()) await this.#recover(replacement).catch(() => undefined);
  }

  async #recover(replacement: Replacement): Promise<void> {
    const { records, lifecycle } = this.#o.containers;
    const { id, heir, start, phase } = replacement;
    // Removed already, or what is known of it is lost: the new one is all there is.
    if (!records.find(id)) return this.#collection.remove(id);
    const runs = start ? lifecycle.isLive(heir) : records.find(heir) !== undefined;
    const done = phase === "settled" || (phase === "replacing" && runs);
    await (done ? this.#finish(replacement) : this.#putBack(replacement));
  }

  /** Starts what was running before it was put back by `recover`. What fails is in its record. */
  async resume(): Promise<void> {
    for (const { id, ran, phase } of this.#all()) {
      if (phase !== "undoing") continue;
      const { lifecycle } = this.#o.containers;
      if (ran && !lifecycle.isLive(id)) await lifecycle.start(id).catch(() => undefined);
      await this.#collection.remove(id);
    }
  }

  #all(): Replacement[] {
    return this.#collection.all().records;
  }

  async #replace(request: ReplacementRequest, op: OperationContext): Promise<Replaced> {
    const { containers, containerImages, images, networks } = this.#o;
    const { id, keepFiles } = request;
    const { config: before, stoppedByUser } = containers.records.get(id);
    const ran = containers.lifecycle.isLive(id);
    const replacement: Replacement = {
      ...{ id, config: before, stoppedByUser, ran, heir: newId(), phase: "replacing" },
      ...{ start: request.start ?? ran, keepOld: request.keepOld ?? false },
    };
    const settled: Replacement = { ...replacement, phase: "settled" };
    let config = request.config;
    let imageMade: string | undefined;
    let warnings: string[];
    await this.#collection.put(id, replacement);
    try {
      op.detail("Stopping it");
      if (ran) await containers.lifecycle.halt(id, undefined, op);
      await networks.connections.release(id);
      if (keepFiles !== undefined) {
        op.detail("Making an image of its files");
        const commit = { containerId: id, name: keepFiles, pause: false };
        const made = await containerImages.commitWithin(op, commit);
        imageMade = made.id;
        config = { ...config, imageId: made.id };
      }
      op.signal.throwIfAborted();
      await this.#putAside(id, before);
      op.detail("Creating it anew");
      const heir = { id: replacement.heir, of: id };
      ({ warnings } = await containers.create(config, replacement.start, heir));
      if (replacement.start) await this.#watch(replacement, op);
      op.signal.throwIfAborted();
      await this.#collection.put(id, settled);
    } catch (error) {
      op.detail("Putting the old one back");
      const left = await this.#undo(replacement);
      if (imageMade !== undefined) await images.delete(imageMade).catch(() => undefined);
      throw describe(error, before.name, left);
    }
    op.detail("Removing the old one");
    await this.#finish(settled);
    return { id: replacement.heir, warnings, ...this.#kept(id) };
  }

  /** Under another name, where no restart policy starts it and nothing removes it as it has ended. */
  async #putAside(id: string, config: ContainerConfig): Promise<void> {
    const { containers } = this.#o;
    const name = asideName(config.name, (one) => containers.records.idOf(one) !== undefined);
    const aside = { ...config, name, restart: { name: "no" as const }, autoRemove: undefined };
    await containers.records.update(id, { config: aside });
    await containers.renamed(id);
  }

  /** ABORTED when it ends too soon: any end is, in place of one that ran; else only a failure. */
  async #watch({ heir, ran }: Replacement, op: OperationContext): Promise<void> {
    const { lifecycle } = this.#o.containers;
    op.detail(`Seeing whether it goes on running, for ${trial / 1000} s`);
    const stop = new AbortController();
    const signal = AbortSignal.any([op.signal, stop.signal]);
    try {
      const exit = await Promise.race([
        lifecycle.task(heir)?.wait({ signal }),
        delay(trial, undefined, { signal }),
      ]);
      if (!exit || (!ran && exit.code === 0)) return;
      const how = exit.code === undefined ? "" : ` with status ${exit.code}`;
      throw new AppError("ABORTED", `The new one ended at once${how}`);
    } finally {
      stop.abort();
    }
  }

  /** The new one stays. */
  async #finish({ id, keepOld }: Replacement): Promise<void> {
    if (!keepOld) await this.#o.containers.erase(id, true);
    await this.#collection.remove(id);
  }

  #kept(id: string): Pick<Replaced, "old"> {
    const record = this.#o.containers.records.find(id);
    return record ? { old: { id, name: record.config.name } } : {};
  }

  /** The new one goes, and the old one is what it was, but for its task. */
  async #putBack(replacement: Replacement): Promise<void> {
    const { containers } = this.#o;
    const { id, config, stoppedByUser, heir } = replacement;
    // From here on the new one is none that could turn out to run.
    await this.#collection.put(id, { ...replacement, phase: "undoing" });
    await containers.erase(heir, true, { volumes: true });
    await containers.records.update(id, { config, stoppedByUser });
    await containers.renamed(id);
  }

  /** Resolves to what can be said of the old one now. */
  async #undo(replacement: Replacement): Promise<string> {
    const { containers } = this.#o;
    const { id, ran, heir } = replacement;
    try {
      // What is done to the new one, as a restart by its policy, ends before it goes.
      if (containers.records.find(heir)) await containers.delete(heir, true, { volumes: true });
      await this.#putBack(replacement);
    } catch (error) {
      return `The old one is not back yet (${AppError.from(error).message}): that is tried again at the next start of Shimyard.`;
    }
    let left = "The old one is as it was.";
    if (ran && !containers.lifecycle.isLive(id)) {
      left = await containers.launcher.launch(id).then(
        () => "The old one is back, and runs again.",
        (error: unknown) =>
          `The old one is back, and could not be started: ${AppError.from(error).message}.`,
      );
    }
    await this.#collection.remove(id);
    return left;
  }
}

/** The error of the new one, with what has become of the old one. */
function describe(thrown: unknown, name: string, left: string): AppError {
  const error = AppError.from(thrown);
  if (error.code === "CANCELLED") return error;
  const { hint } = error.details;
  return AppError.wrap(error, `"${name}" was not re-created`, {
    hint: hint === undefined ? left : `${hint} ${left}`,
  });
}

/** `web-old`, `web-old-2`: within the 128 characters of a name. */
function asideName(name: string, taken: (name: string) => boolean): string {
  for (let count = 1; ; count += 1) {
    const tail = count === 1 ? "-old" : `-old-${count}`;
    const found = name.slice(0, 128 - tail.length) + tail;
    if (!taken(found)) return found;
  }
}
