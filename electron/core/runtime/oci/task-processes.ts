import { readdir, rm, stat } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { startTimeToEpoch } from "#core/host/proc";
import { AppError } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import type { TaskEvent } from "../runtime.ts";
import { OciProcess, type ProcessHost } from "./process.ts";
import {
  type ProcessFile,
  type ProcessFiles,
  killShim,
  readProcessFiles,
  readProcessJson,
} from "./process-dir.ts";
import type { OciShared } from "./runtime.ts";

/** The processes of one task: its init, once it is known, and the execs in it. */
export class TaskProcesses {
  readonly #bundle: Bundle;
  readonly #host: ProcessHost;
  readonly #execs = new Map<string, OciProcess>();
  #init: OciProcess | undefined;
  #startedAt: number | undefined;
  #shimStartedAt: number | undefined;

  constructor(shared: OciShared, bundle: Bundle, fire: (event: TaskEvent) => void) {
    this.#bundle = bundle;
    const { record } = bundle;
    this.#host = {
      name: `container "${record.id}"`,
      privileges: shared.privileges,
      processWatch: shared.processWatch,
      cgroupsPath: record.cgroupsPath,
      lastSign: async () => {
        const log = await stat(record.logPath).catch(() => undefined);
        return Math.round(Math.max(record.createdAt, log?.mtimeMs ?? 0));
      },
      fire,
      entry: () => this.entry,
      forget: (process) => this.#execs.delete(process.id),
    };
  }

  /** The task as errors call it. */
  get subject(): string {
    return this.#host.name;
  }

  /** undefined until it was added. */
  get init(): OciProcess | undefined {
    return this.#init;
  }

  /** INTERNAL before it was added. */
  requireInit(): OciProcess {
    if (!this.#init) throw new AppError("INTERNAL", `${this.subject} has no first process`);
    return this.#init;
  }

  /** When the kernel started init, and its shim; undefined when that was under another boot. */
  get startedAt(): { init: number | undefined; shim: number | undefined } {
    return { init: this.#startedAt, shim: this.#shimStartedAt };
  }

  /** A living process of the task, for entering (Privileges.enter). */
  get entry(): number | undefined {
    const init = this.#init;
    if (!init || init.state.exit) return undefined;
    return init.lost ? init.state.pid : init.shim?.pid;
  }

  /** init first. */
  list(): OciProcess[] {
    return this.#init ? [this.#init, ...this.#execs.values()] : [];
  }

  get(id: string): OciProcess | undefined {
    return id === "init" ? this.#init : this.#execs.get(id);
  }

  /** `lifeline`: see OciProcess.follow. */
  async addInit(
    file: ProcessFile,
    files: ProcessFiles,
    sameBoot: boolean,
    lifeline?: Socket,
  ): Promise<void> {
    const { record, path } = this.#bundle;
    this.#init = new OciProcess(
      this.#host,
      {
        id: "init",
        directory: this.#bundle.processDir("init"),
        socketDirectory: path,
        logPath: record.logPath,
        file,
        terminal: record.terminal,
        stdin: record.stdin,
      },
      files,
    );
    const { process, shim } = files;
    if (sameBoot && process) this.#startedAt = await startTimeToEpoch(process.startTime);
    if (sameBoot && shim) this.#shimStartedAt = await startTimeToEpoch(shim.startTime);
    await this.#init.follow(files, sameBoot, lifeline);
  }

  /** An exec that was just started, or found. */
  async addExec(
    id: string,
    file: ProcessFile,
    files: ProcessFiles,
    sameBoot: boolean,
    lifeline?: Socket,
  ): Promise<OciProcess> {
    const directory = this.#bundle.processDir(id);
    const process = new OciProcess(
      { ...this.#host, name: `process "${id}" of ${this.subject}` },
      {
        id,
        directory,
        socketDirectory: directory,
        logPath: join(directory, "log"),
        file,
        terminal: file.terminal ?? false,
        stdin: true,
      },
      files,
    );
    this.#execs.set(id, process);
    await process.follow(files, sameBoot, lifeline);
    return process;
  }

  /** The execs that an earlier manager started. */
  async loadExecs(sameBoot: boolean): Promise<void> {
    const entries = await readdir(this.#bundle.processDir("."), { withFileTypes: true });
    const ids = entries
      .filter((entry) => entry.isDirectory() && entry.name !== "init")
      .map((entry) => entry.name);
    await Promise.all(ids.map((id) => this.#loadExec(id, sameBoot)));
  }

  /** Kills the execs that still run. */
  async endExecs(): Promise<void> {
    await Promise.all([...this.#execs.values()].map((process) => process.end()));
  }

  /** Resolves when nothing is being written into any directory. */
  async settled(): Promise<void> {
    await Promise.all(this.list().map((process) => process.settled()));
  }

  dispose(): void {
    for (const process of this.list()) process.dispose();
  }

  async #loadExec(id: string, sameBoot: boolean): Promise<void> {
    const dir = this.#bundle.processDir(id);
    const files = await readProcessFiles(dir);
    const file = files.process && (await readProcessJson(dir).catch(() => undefined));
    if (file) {
      await this.addExec(id, file, files, sameBoot);
      return;
    }
    // Cut short, or damaged: an exec nobody can name is of no use to anyone.
    await killShim(dir);
    await rm(dir, { recursive: true, force: true });
  }
}
