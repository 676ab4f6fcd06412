import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { cgroupDirs, cgroupPids } from "#core/host/cgroup";
import { type ProcessIdentity, bootId, startTimeToEpoch } from "#core/host/proc";
import { AppError } from "#shared/errors";
import type { Bundle } from "./bundle.ts";
import { dumpInto } from "./checkpoint-dir.ts";
import type { HostProcess, LinuxHost } from "./host-process.ts";
import type { HostShared } from "./host-shared.ts";
import type { ProcessFacts } from "./process-base.ts";
import {
  type ProcessFile,
  type ProcessFiles,
  readProcessFiles,
  readProcessJson,
} from "./process-dir.ts";
import { ProcessSum, readCgroup } from "./readings.ts";
import type { CallOptions, CheckpointRequest, TaskStats } from "./runtime.ts";
import { Serial } from "./serial.ts";
import { TaskBase } from "./task-base.ts";

/**
 * A task of this Linux: an OCI runtime runs it, its state lies in a bundle and its processes' directories, from which
 * it can be loaded again, and the kernel tells of it by pids and cgroup.
 */
export abstract class HostTask<
  P extends HostProcess,
  S extends HostShared = HostShared,
> extends TaskBase<P> {
  protected readonly shared: S;
  protected readonly disk: Bundle;
  readonly #sum = new ProcessSum();
  readonly #measuring = new Serial();
  #startedAt: number | undefined;
  #shimStartedAt: number | undefined;

  constructor(shared: S, bundle: Bundle) {
    const { namespace, id, path } = bundle.ref;
    super({ namespace, id, bundle: path, runtime: shared.id, labels: bundle.record.labels });
    this.shared = shared;
    this.disk = bundle;
  }

  /** Takes over what an earlier manager left. ABORTED when its creation was cut short. */
  async load(): Promise<void> {
    const dir = this.disk.processDir("init");
    const files = await readProcessFiles(dir);
    if (!files.process) {
      throw new AppError("ABORTED", `The creation of ${this.subject} was cut short`);
    }
    const sameBoot = this.disk.record.bootId === (await bootId());
    this.list.add(this.newProcess("init", await readProcessJson(dir), files));
    if (sameBoot) await this.noteStart(files.process, files.shim);
    await this.takeUp(files, sameBoot);
  }

  async cgroup(): Promise<Record<string, string> | undefined> {
    const { cgroupsPath } = this.disk.record;
    return cgroupsPath === undefined ? undefined : cgroupDirs(cgroupsPath);
  }

  /** The container's root file system, while it runs. */
  protected get root(): string {
    return `/proc/${this.list.init?.state.pid ?? "self"}/root`;
  }

  /** When the kernel started init, and its shim; undefined when that was under another boot. */
  protected get startedAt(): number | undefined {
    return this.#startedAt;
  }

  protected get shimStartedAt(): number | undefined {
    return this.#shimStartedAt;
  }

  protected async noteStart(
    init: ProcessIdentity | undefined,
    shim: ProcessIdentity | undefined,
  ): Promise<void> {
    // 0 is no start time: it had ended before it was looked at.
    if (init?.startTime) this.#startedAt = await startTimeToEpoch(init.startTime);
    if (shim?.startTime) this.#shimStartedAt = await startTimeToEpoch(shim.startTime);
  }

  /** A process of this task, not yet in its list. */
  protected newProcess(id: string, file: ProcessFile, files?: ProcessFiles): P {
    const { record } = this.disk;
    const isInit = id === "init";
    const directory = this.disk.processDir(id);
    const { args, shimyard } = file;
    const facts: ProcessFacts = {
      ...{ id, args, directory, user: shimyard.user, createdAt: shimyard.createdAt },
      logPath: isInit ? record.logPath : join(directory, "log"),
      terminal: isInit ? record.terminal : (file.terminal ?? false),
      stdin: isInit ? record.stdin : true,
    };
    const host: LinuxHost = {
      name: isInit ? this.subject : `process "${id}" of ${this.subject}`,
      processWatch: this.shared.processWatch,
      cgroupsPath: record.cgroupsPath,
      lastSign: () => this.#lastSign(),
      fire: (event) => this.fire(event),
      forget: (forgotten) => this.list.forget(forgotten),
    };
    return this.makeProcess(host, facts, files);
  }

  /** The execs that an earlier manager started. */
  protected async loadExecs(sameBoot: boolean): Promise<void> {
    const entries = await readdir(this.disk.processDir("."), { withFileTypes: true });
    const dirs = entries.filter((entry) => entry.isDirectory() && entry.name !== "init");
    await Promise.all(dirs.map(({ name }) => this.#loadExec(name, sameBoot)));
  }

  protected async livePids(): Promise<number[]> {
    const { pid } = this.list.requireInit().state;
    if (pid === undefined) return [];
    const dirs = await this.cgroup();
    const pids = dirs ? await cgroupPids(dirs) : [];
    // An ordinary user's may be there and hold nothing.
    const known = pids.length > 0 || (dirs !== undefined && !this.shared.privileges.rootless);
    return known ? pids : this.pidsWithoutCgroup(pid);
  }

  /** From its cgroup's files, or where it has none as the sum of its processes. */
  protected async measure(): Promise<TaskStats> {
    const dirs = await this.cgroup();
    const stats = dirs
      ? readCgroup(dirs)
      : await this.#measuring.run(async () => this.#sum.read(await this.livePids()));
    if (stats) return stats;
    throw new AppError("UNAVAILABLE", `Nothing tells what ${this.subject} uses`, {
      hint: "It may just have ended.",
    });
  }

  protected dump(request: CheckpointRequest, options: CallOptions): Promise<void> {
    const context = this.could("checkpointed");
    return dumpInto(request, context, (work) => this.dumpTo(request, work, context, options));
  }

  protected removeBundle(): Promise<void> {
    return this.disk.remove(this.shared.privileges);
  }

  async #loadExec(id: string, sameBoot: boolean): Promise<void> {
    const dir = this.disk.processDir(id);
    const files = await readProcessFiles(dir);
    const file = files.process && (await readProcessJson(dir).catch(() => undefined));
    if (!file) {
      // Cut short, or damaged: an exec nobody can name is of no use to anyone.
      await this.dropExec(id, dir);
      await rm(dir, { recursive: true, force: true });
      return;
    }
    const process = this.newProcess(id, file, files);
    this.list.add(process);
    await process.load(files, sameBoot);
  }

  async #lastSign(): Promise<number> {
    const { createdAt, logPath } = this.disk.record;
    const log = await stat(logPath).catch(() => undefined);
    return Math.round(Math.max(createdAt, log?.mtimeMs ?? 0));
  }

  // --- What a kind supplies -------------------------------------------------------------------------------------

  protected abstract makeProcess(host: LinuxHost, facts: ProcessFacts, files?: ProcessFiles): P;

  /** The rest of a load: finds the shim, follows init, which is in the list, reads the phase, loads the execs. */
  protected abstract takeUp(files: ProcessFiles, sameBoot: boolean): Promise<void>;

  /** Ends what is left of an exec of which nothing is known but its directory. */
  protected abstract dropExec(id: string, dir: string): Promise<void>;

  protected abstract pidsWithoutCgroup(init: number): Promise<number[]>;

  protected abstract dumpTo(
    request: CheckpointRequest,
    work: string,
    context: string,
    options: CallOptions,
  ): Promise<void>;
}
