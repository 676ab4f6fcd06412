import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { bootId } from "#core/host/proc";
import { type Disposable, DisposableStore } from "#shared/base/disposable";
import { AppError, isCode } from "#shared/errors";
import { writeAtomically } from "../base/write-atomically.ts";
import {
  deleteCheckpoint,
  dumpInto,
  listCheckpoints,
  recordCheckpoint,
} from "../runtime/checkpoint-dir.ts";
import {
  type ContainerdClient,
  type RemoteState,
  wantsTerminal,
} from "../runtime/containerd/client.ts";
import { ContainerdLink } from "../runtime/containerd/link.ts";
import type { HostShared } from "../runtime/host-shared.ts";
import {
  type ProcessFile,
  type ProcessFiles,
  readProcessFiles,
  readProcessJson,
} from "../runtime/process-dir.ts";
import { ProcessList } from "../runtime/process-list.ts";
import type {
  CallOptions,
  CheckpointOptions,
  CheckpointRecord,
  ExecRequest,
  OciSpec,
  Process,
} from "../runtime/runtime.ts";
import { startExec } from "../runtime/shim/exec.ts";
import { ServedProcess } from "../runtime/shim/process.ts";
import { ShimStdio } from "../runtime/shim/stdio.ts";

/** Which container of which containerd. */
export interface RemoteAddress {
  /** The containerd's socket. */
  address: string;
  namespace: string;
  id: string;
  /** As people know it. */
  name: string;
}

type RemoteStatus = NonNullable<RemoteState["task"]>["status"] | "none";

/** `visit.json`: whose container it is, for a later manager. */
const VisitFile = z.object({
  version: z.literal(1),
  ...{ address: z.string(), namespace: z.string(), id: z.string() },
  /** As people know it. */
  name: z.string(),
  /** Under which the processes were started. */
  bootId: z.string(),
});

/**
 * What is ours in another owner's container: commands with a terminal, the streams of one that was started from here,
 * and checkpoints. Its directory is as a bundle's (bundle.ts) as far as there is anything to keep:
 *
 *     visit.json, config.json    which container, and its spec
 *     processes/EXEC, init       as in process-dir.ts; their conmons outlive us
 *     checkpoints/NAME           as in checkpoint-dir.ts
 */
export class Visit implements Disposable {
  /** What terminals and logs call the container. */
  readonly id: string;
  readonly bundle: string;
  readonly container: RemoteAddress;
  readonly #shared: HostShared;
  readonly #link: ContainerdLink;
  readonly #list: ProcessList<ServedProcess>;
  readonly #held = new DisposableStore();
  readonly #subject: string;
  /** What is under way, which may need the directory. */
  #busy = 0;
  #state: { status: RemoteStatus; pid: number | undefined } = { status: "unknown", pid: undefined };

  constructor(shared: HostShared, id: string, bundle: string, container: RemoteAddress) {
    this.id = id;
    this.bundle = bundle;
    this.container = container;
    this.#shared = shared;
    this.#subject = `container "${container.name}"`;
    this.#list = new ProcessList(this.#subject);
    this.#link = new ContainerdLink(container.address, {
      ...{ namespace: container.namespace, id: container.id },
      up: () => void this.#returned(),
      down: () => undefined,
      hear: (event) => {
        if (event.type !== "exit") return;
        const process = this.#list.get(event.processId);
        if (process?.identity?.pid === event.pid) void process.noteExit(event.exit);
      },
    });
  }

  /** Takes up what an earlier manager left in a directory; undefined where there is nothing of use. */
  static async load(shared: HostShared, id: string, bundle: string): Promise<Visit | undefined> {
    try {
      const text = await readFile(join(bundle, "visit.json"), "utf8");
      const { bootId: boot, ...file } = VisitFile.parse(JSON.parse(text));
      const { address, namespace, name } = file;
      const visit = new Visit(shared, id, bundle, { address, namespace, name, id: file.id });
      await visit.#load(boot === (await bootId()));
      return visit;
    } catch {
      return undefined;
    }
  }

  get containerName(): string {
    return this.container.name;
  }

  /** As it was when last looked at. */
  get state(): { status: RemoteStatus; pid: number | undefined } {
    return this.#state;
  }

  processes(): readonly Process[] {
    return this.#list.all;
  }

  process(id: string): Process | undefined {
    return this.#list.get(id);
  }

  /** Asks containerd how it is. UNAVAILABLE while that is away, NOT_FOUND when the container is gone. */
  async look(): Promise<RemoteState> {
    const { namespace, id } = this.container;
    const found = await (await this.#client()).get(namespace, id);
    if (!found) {
      throw new AppError("NOT_FOUND", `containerd has no ${this.#subject} any more`);
    }
    this.#state = { status: found.task?.status ?? "none", pid: found.task?.pid };
    return found;
  }

  /** As Task.exec. FAILED_PRECONDITION for a container whose spec can't be read: it says what a process begins with. */
  exec(request: ExecRequest, options: CallOptions = {}): Promise<Process> {
    return this.#using(() => this.#exec(request, options));
  }

  /**
   * Starts it, with streams of ours: what it writes is kept as an own container's is, and it may have a terminal. See
   * ContainerdClient.start.
   */
  start(): Promise<void> {
    return this.#using(() => this.#start());
  }

  /**
   * Writes criu's images into checkpoints/NAME; it runs on. What criu refuses is FAILED_PRECONDITION in its words, and
   * leaves nothing.
   */
  checkpoint(name: string, options: Omit<CheckpointOptions, "leaveRunning">): Promise<void> {
    return this.#using(() => this.#checkpoint(name, options));
  }

  checkpoints(): Promise<CheckpointRecord[]> {
    return listCheckpoints(this.#owner, this.#checkpoints);
  }

  deleteCheckpoint(name: string): Promise<void> {
    return this.#using(() => deleteCheckpoint(this.#owner, this.#checkpoints, name));
  }

  /** The container is gone, and with it what ran in it. Its checkpoints stay unless `all` is to go. */
  async remove({ all }: { all: boolean }): Promise<void> {
    for (const process of this.#list.all) await process.stdio.end();
    this.dispose();
    const keep = !all && (await this.checkpoints()).length > 0;
    await rm(keep ? join(this.bundle, "processes") : this.bundle, { recursive: true, force: true });
  }

  /** What runs goes on. */
  dispose(): void {
    this.#link.close();
    this.#list.dispose();
    this.#held.dispose();
  }

  async #exec(request: ExecRequest, options: CallOptions): Promise<Process> {
    const spec = await this.#prepare();
    const { namespace, id } = this.container;
    const place = {
      ref: { namespace, id, path: this.bundle },
      spec: () => Promise.resolve(spec),
      processDir: (name: string) => this.#directory(name),
    };
    const target = {
      service: (await this.#client()).task(namespace, id),
      root: `/proc/${this.#state.pid ?? "self"}/root`,
      make: (file: ProcessFile) => this.#process(request.id, file),
    };
    const { process, lifeline } = await startExec(this.#shared, place, target, request, options);
    this.#held.add(lifeline);
    this.#list.add(process);
    process.follow();
    return process;
  }

  async #start(): Promise<void> {
    const { namespace, id } = this.container;
    const client = await this.#client();
    const { task, spec: text } = await this.look();
    if (task && task.status !== "exited") {
      await client.start(namespace, id);
      return;
    }
    const spec = await this.#prepare();
    await this.#list.init?.discard();
    const terminal = wantsTerminal(text);
    const context = `${this.#subject} could not be started`;
    const file = { ...spec.process, shimyard: { id: "init", createdAt: Date.now() } };
    const process = this.#process("init", file);
    await rm(process.directory, { recursive: true, force: true });
    await mkdir(process.directory);
    try {
      await writeFile(join(process.directory, "process.json"), JSON.stringify(file), {
        mode: 0o600,
      });
      const { conmon, busybox } = this.#shared;
      const { paths, lifeline } = await process.stdio.open({
        ...{ conmon, busybox, id, terminal, context, stdin: terminal },
        logPath: process.logPath,
      });
      this.#held.add(lifeline);
      await process.began(await client.start(namespace, id, paths));
    } catch (error) {
      await process.discard();
      throw error;
    }
    this.#list.add(process);
    process.follow();
  }

  async #checkpoint(name: string, options: Omit<CheckpointOptions, "leaveRunning">): Promise<void> {
    await this.#prepare();
    const path = join(this.#checkpoints, name, "image");
    const request = { path, leaveRunning: true, ...options };
    const { namespace, id } = this.container;
    if ((await this.checkpoints()).some((record) => record.name === name)) {
      throw new AppError("ALREADY_EXISTS", `${this.#subject} has a checkpoint "${name}" already`, {
        field: "name",
      });
    }
    const service = (await this.#client()).task(namespace, id);
    const context = `${this.#subject} could not be checkpointed`;
    await dumpInto(request, context, (work) => service.checkpoint(request, work, context));
    await recordCheckpoint(this.#owner, request);
  }

  get #checkpoints(): string {
    return join(this.bundle, "checkpoints");
  }

  get #owner(): { namespace: string; id: string; runtime: string } {
    const { address, namespace, id } = this.container;
    return { namespace, id, runtime: `containerd${address}` };
  }

  #directory(process: string): string {
    return join(this.bundle, "processes", process);
  }

  #client(): Promise<ContainerdClient> {
    return this.#link.open();
  }

  /** Does something that may leave something to keep, or nothing at all. */
  async #using<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      await this.#tidy();
    }
  }

  /** Without processes there is nothing to listen for, and without checkpoints nothing to keep. */
  async #tidy(): Promise<void> {
    if (this.#busy > 0 || this.#list.all.length > 0) return;
    this.#link.close();
    if ((await this.checkpoints()).length > 0) return;
    await rm(this.bundle, { recursive: true, force: true });
  }

  /** Makes the directory, and answers the container's spec. */
  async #prepare(): Promise<OciSpec> {
    const { spec: text } = await this.look();
    const spec = JSON.parse(text ?? "null") as OciSpec | null;
    if (!spec?.process) {
      throw new AppError("FAILED_PRECONDITION", `The spec of ${this.#subject} can't be read`, {
        hint: "It was not made for an OCI runtime of Linux.",
      });
    }
    await mkdir(join(this.bundle, "processes"), { recursive: true, mode: 0o700 });
    const file: z.infer<typeof VisitFile> = {
      ...{ version: 1, ...this.container, bootId: await bootId() },
    };
    await writeAtomically(join(this.bundle, "config.json"), JSON.stringify(spec));
    await writeAtomically(join(this.bundle, "visit.json"), JSON.stringify(file));
    return spec;
  }

  #process(id: string, file: ProcessFile, files?: ProcessFiles): ServedProcess {
    const { args, shimyard } = file;
    const terminal = file.terminal ?? false;
    const directory = this.#directory(id);
    const facts = {
      ...{ id, args, directory, terminal, user: shimyard.user, createdAt: shimyard.createdAt },
      ...{ logPath: join(directory, "log"), stdin: id !== "init" || terminal },
    };
    const host = {
      name: id === "init" ? this.#subject : `process "${id}" of ${this.#subject}`,
      processWatch: this.#shared.processWatch,
      cgroupsPath: undefined,
      lastSign: () => Promise.resolve(Date.now()),
      fire: () => undefined,
      forget: (forgotten: string) => {
        this.#list.forget(forgotten);
        void this.#tidy();
      },
      service: () => this.#link.service,
      unanswered: () => this.#link.unanswered,
      willTell: () => this.#link.unanswered !== undefined,
    };
    return new ServedProcess(host, facts, files);
  }

  async #load(sameBoot: boolean): Promise<void> {
    const names = await readdir(join(this.bundle, "processes")).catch(() => [] as string[]);
    if (names.length > 0) {
      const gone = await this.look().then(
        () => false,
        (error: unknown) => isCode(error, "NOT_FOUND"),
      );
      if (gone) return this.remove({ all: false });
    }
    for (const name of names) {
      const dir = this.#directory(name);
      const files = await readProcessFiles(dir);
      const file = files.process && (await readProcessJson(dir).catch(() => undefined));
      if (!file) {
        // Cut short: of no use to anyone.
        await new ShimStdio(dir).end();
        await rm(dir, { recursive: true, force: true });
        continue;
      }
      const process = this.#process(name, file, files);
      this.#list.add(process);
      await process.load(files, sameBoot).catch((error: unknown) => this.#link.giveUp(error));
    }
    await this.#tidy();
  }

  /** containerd is back: what became of each process meanwhile nobody told. */
  async #returned(): Promise<void> {
    for (const process of this.#list.all) await process.found().catch(() => undefined);
  }
}
