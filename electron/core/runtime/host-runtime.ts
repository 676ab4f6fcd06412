import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleDir } from "#core/host/paths";
import { allDone } from "#core/base/all-done";
import { AppError } from "#shared/errors";
import { Bundle } from "./bundle.ts";
import type { BundlePlace } from "./bundle-place.ts";
import type { HostProcess } from "./host-process.ts";
import type { HostShared } from "./host-shared.ts";
import type { HostTask } from "./host-task.ts";
import { criuError } from "./oci/checkpoint.ts";
import { type ProcessFile, exists } from "./process-dir.ts";
import type { BundleRef, CallOptions, CreateRequest, Runtime } from "./runtime.ts";
import { cgroupsPath } from "./task-cgroup.ts";

/** What a runtime needs to make a task of a bundle. */
export interface Making {
  request: CreateRequest;
  bundle: Bundle;
  /** init's process.json. */
  file: ProcessFile;
  /** Resolves when bundle and process.json are written: already, unless the bundle's place was made before. */
  written: Promise<unknown>;
  /** The sentence that errors begin with. */
  context: string;
}

/** What the runtimes of this Linux have in common: bundles, and that whatever fails is undone. */
export abstract class HostRuntime<
  S extends HostShared,
  T extends HostTask<HostProcess, S>,
> implements Runtime {
  readonly id: string;
  protected readonly shared: S;

  constructor(shared: S) {
    this.id = shared.id;
    this.shared = shared;
  }

  /** Bundle, shim and container; each is undone when a later one fails, also when the caller has gone. */
  async create(request: CreateRequest, options: CallOptions = {}): Promise<T> {
    const { paths, privileges, delegation } = this.shared;
    const { id, checkpoint } = request;
    const cgroup = cgroupsPath(paths, privileges, request, delegation);
    const place = await this.place(request);
    const bundle = await Bundle.make(paths, this.id, request, cgroup, { place });
    const context = `Container "${id}" could not be ${checkpoint ? "restored" : "created"}`;
    const file: ProcessFile = {
      ...(await bundle.spec()).process,
      shimyard: { id: "init", createdAt: bundle.record.createdAt },
    };
    const task = this.newTask(bundle);
    try {
      const init = join(bundle.processDir("init"), "process.json");
      const written = allDone([
        writeFile(init, JSON.stringify(file), { mode: 0o600 }),
        this.prepare(bundle, request),
        ...(place ? [place.filled()] : []),
      ]);
      written.catch(() => undefined);
      if (!place) await written;
      await this.make(task, { request, bundle, file, written, context }, options);
      return task;
    } catch (error) {
      const failure = checkpoint
        ? await criuError(error, context, join(this.restoreWork(bundle), "restore.log"))
        : AppError.from(error);
      task.dispose();
      await place?.filled().catch(() => undefined);
      await this.cleanUp(bundle.ref);
      await bundle.remove(privileges);
      throw failure;
    }
  }

  async load(ref: BundleRef): Promise<T> {
    const task = this.newTask(await Bundle.open(ref));
    try {
      await task.load();
    } catch (error) {
      task.dispose();
      throw AppError.wrap(error, `The state of container "${ref.id}" can't be used`);
    }
    return task;
  }

  async leaked(): Promise<{ namespace: string; id: string }[]> {
    const held = await this.held();
    const known = await Promise.all(
      held.map(({ namespace, id }) => exists(bundleDir(this.shared.paths, namespace, id))),
    );
    return held.filter((_, index) => !known[index]);
  }

  // --- What a kind supplies -------------------------------------------------------------------------------------

  abstract cleanUp(ref: BundleRef): Promise<void>;

  protected abstract newTask(bundle: Bundle): T;

  /** Where its bundle's directories are made already. */
  protected async place(_request: CreateRequest): Promise<BundlePlace | undefined> {
    return undefined;
  }

  /** What it needs beside what every bundle has, before anything is made. */
  protected abstract prepare(bundle: Bundle, request: CreateRequest): Promise<void>;

  /** Shim and container. What is left of a failure `cleanUp` removes. */
  protected abstract make(task: T, making: Making, options: CallOptions): Promise<void>;

  /** Where criu works and logs while a checkpoint is restored. */
  protected abstract restoreWork(bundle: Bundle): string;

  /** Containers of which this runtime, or a shim of it, holds anything. */
  protected abstract held(): Promise<{ namespace: string; id: string }[]>;
}
