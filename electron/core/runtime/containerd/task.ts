import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ProcessIdentity, processStat } from "#core/host/proc";
import { isCode } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import { execProcess } from "../oci/exec-process.ts";
import { type ProcessFile, type ProcessFiles, endWithin } from "../process-dir.ts";
import type {
  CallOptions,
  CreateRequest,
  OciSpec,
  RunRequest,
  RunResult,
  ShimState,
} from "../runtime.ts";
import { ServedTask } from "../shim/served-task.ts";
import { taskStatus } from "../shim/task-service.ts";
import { clearCgroup } from "../task-cgroup.ts";
import { ContainerdLink } from "./link.ts";
import { rootfsMounts } from "./rootfs.ts";
import { runPiped } from "./run.ts";
import { type ContainerdShared, containerdNamespace, rootLabel, rootMark } from "./shared.ts";

/** containerd's shim for OCI runtimes: what it starts them with is its own affair. */
const shimRuntime = "io.containerd.runc.v2";

/** Milliseconds until a containerd that is there but can't tell of a task is asked again. */
const askAgain = 5000;

/** Milliseconds that a shim may take to end once its task is deleted: it waits five seconds for its last events itself. */
const shimGrace = 6000;

/** containerd takes at most this for a label, key and value together, bytes. */
const maxLabel = 4096;

/**
 * The running side of a container of ours in a containerd: on its record in a namespace of ours, run by a shim of its
 * own. Streams, processes' directories and the log are as with a shim that we start (shim/stdio.ts), and outlive us both.
 */
export class ContainerdTask extends ServedTask<ContainerdShared> {
  protected readonly link: ContainerdLink;
  #shim: ProcessIdentity | undefined;
  #whole = false;
  #later: NodeJS.Timeout | undefined;
  /** It is being deleted while containerd is away, and nobody will be heard any more. */
  #forced = false;

  constructor(shared: ContainerdShared, bundle: Bundle) {
    super(shared, bundle);
    this.link = new ContainerdLink(shared.address, {
      namespace: containerdNamespace(this.namespace),
      id: this.id,
      up: () => void this.#returned(),
      down: () => this.#away(),
      hear: (event) => this.hear(event),
    });
  }

  /** Makes record, standard streams and container. What is left of a failure the runtime's cleanUp removes. */
  async make(
    request: CreateRequest,
    file: ProcessFile,
    work: string,
    context: string,
  ): Promise<void> {
    const { conmon, busybox } = this.shared;
    const { terminal, stdin, logPath, checkpoint } = request;
    const { id, labels } = this;
    const client = await this.link.open();
    const spec: OciSpec = await this.disk.spec();
    const fitting = Object.entries(labels).filter(
      ([key, value]) => Buffer.byteLength(key + value) <= maxLabel,
    );
    await client.create({
      ...{ namespace: containerdNamespace(this.namespace), id, runtime: shimRuntime },
      labels: { ...Object.fromEntries(fitting), [rootLabel]: rootMark(this.shared) },
      // containerd makes a bundle of its own, with this in it.
      spec: { ...spec, root: { ...spec.root, path: "rootfs" } },
    });
    const init = this.newProcess("init", file);
    const stdio = await init.stdio.open({ conmon, busybox, id, logPath, terminal, stdin, context });
    this.held.add(stdio.lifeline);
    const pid = await client.task(containerdNamespace(this.namespace), id).create(
      {
        rootfs: rootfsMounts(request.rootfs),
        ...{ terminal, stdio: stdio.paths },
        checkpoint: checkpoint && { path: checkpoint.path, work },
      },
      context,
    );
    await this.adopt(init, pid);
    this.#whole = true;
    this.retireAtEnd();
  }

  get shim(): ShimState {
    const exited = this.list.init?.state.exit !== undefined;
    const { address } = this.shared;
    return {
      kind: "containerd",
      pid: exited ? undefined : this.#shim?.pid,
      alive: !exited,
      startedAt: this.shimStartedAt,
      version: undefined,
      runtime: { name: shimRuntime, path: address, version: "" },
      address,
    };
  }

  /** Put together from what containerd tells: its shim's runtime is not asked behind its back. */
  async runtimeState(): Promise<string> {
    const { status, pid } = await this.requireService().state("");
    const name = Object.entries(taskStatus).find(([, number]) => number === status)?.[0];
    return JSON.stringify({
      ...{ ociVersion: (await this.disk.spec()).ociVersion, id: this.id },
      ...{ status: name ?? "unknown", pid, bundle: this.bundle },
      annotations: {
        "containerd/address": this.shared.address,
        "containerd/namespace": containerdNamespace(this.namespace),
      },
    });
  }

  override dispose(): void {
    clearTimeout(this.#later);
    super.dispose();
  }

  protected override get willTell(): boolean {
    return !this.#forced && this.link.unanswered !== undefined;
  }

  protected async runCommand(request: RunRequest, options: CallOptions): Promise<RunResult> {
    const { busybox, privileges } = this.shared;
    const spec = await execProcess(await this.disk.spec(), request, this.root, privileges);
    const context = `The command could not be run in container "${this.id}"`;
    const target = { service: this.requireService(), directory: this.bundle, busybox, context };
    return runPiped(target, spec, request, options);
  }

  protected async takeUp(files: ProcessFiles, sameBoot: boolean): Promise<void> {
    const init = this.list.requireInit();
    this.#shim = files.shim;
    if (sameBoot) await this.link.open().catch(() => undefined);
    await this.#asking(async () => {
      await init.load(files, sameBoot);
      if (this.link.service && !init.state.exit) await this.readPhase();
    });
    await this.#asking(() => this.loadExecs(sameBoot));
    this.#whole = true;
    this.retireAtEnd();
  }

  protected override async look(): Promise<void> {
    await this.link.retry();
    if (!this.link.service) return;
    await this.#asking(async () => {
      await this.readPhase().catch(async (error: unknown) => {
        if (!isCode(error, "NOT_FOUND")) throw error;
        // Its shim died, or another removed it.
        await this.list.init?.found();
      });
      this.link.recovered();
    });
  }

  protected async initBegan(pid: number): Promise<void> {
    const init = this.list.requireInit();
    const parent = (await processStat(pid))?.ppid;
    const found = parent === undefined ? undefined : await processStat(parent);
    if (parent !== undefined && found) {
      this.#shim = { pid: parent, startTime: found.startTime };
      await writeFile(join(init.directory, "shim.pid"), String(parent));
    }
    await init.began(pid);
    await this.noteStart(init.identity, this.#shim);
  }

  protected override beforeForce(): Promise<void> {
    this.#forced = this.unanswered !== undefined;
    return Promise.resolve();
  }

  /** UNAVAILABLE while containerd is away: what it holds is let go of later. */
  protected async retire(): Promise<void> {
    if (this.#forced && !this.link.service) {
      await clearCgroup(this.disk.ref);
    } else {
      const service = (await this.link.open()).task(containerdNamespace(this.namespace), this.id);
      await this.execsEnd();
      for (const { execId } of this.list.execs) await service.delete(execId).catch(() => {});
      await service.remove();
      // Should its shim have missed that, containerd, which has forgotten it, would leave it for ever.
      if (this.#shim) await endWithin(this.#shim, shimGrace);
    }
    for (const process of this.list.all) await process.stdio.end();
  }

  /** With its record in containerd; while that is away, a later start removes what it kept. */
  protected override async removeBundle(): Promise<void> {
    const { client } = this.link;
    await client?.delete(containerdNamespace(this.namespace), this.id).catch((error: unknown) => {
      if (!isCode(error, "NOT_FOUND") && !isCode(error, "UNAVAILABLE")) throw error;
    });
    await super.removeBundle();
  }

  #away(): void {
    if (!this.#whole || this.disposed || this.list.init?.state.exit) return;
    this.fire({ type: "changed" });
  }

  /** containerd may answer again: each process is asked for, as what happened meanwhile nobody told. */
  async #returned(): Promise<void> {
    const { init } = this.list;
    if (!this.#whole || this.disposed || this.retiring || !init || init.state.exit) return;
    await this.look();
    if (this.unanswered) return;
    await this.#asking(async () => {
      for (const process of this.list.all) await process.found();
    });
    this.fire({ type: "changed" });
  }

  /** What can't be asked is unknown, not lost. */
  async #asking(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.link.giveUp(error);
      clearTimeout(this.#later);
      this.#later = setTimeout(() => void this.#returned(), askAgain).unref();
      if (this.#whole && !this.disposed) this.fire({ type: "changed" });
    }
  }
}
