import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import { runInside } from "../oci/run.ts";
import type { ProcessFile, ProcessFiles } from "../process-dir.ts";
import type { CallOptions, CreateRequest, RunRequest, RunResult, ShimState } from "../runtime.ts";
import { clearCgroup } from "../task-cgroup.ts";
import { listenToShim } from "./events.ts";
import { inTurn, isShared, mountInShim, unmountInShim } from "./group.ts";
import { ShimLink } from "./link.ts";
import { ServedTask } from "./served-task.ts";
import type { ShimShared } from "./shared.ts";
import type { StartAnswer } from "./start-answer.ts";
import { runcAny } from "./task-service.ts";
import type { TtrpcTaskService } from "./ttrpc-task-service.ts";

/** Milliseconds: a shim that ends two connections within this is not asked again by itself. */
const reconnectPause = 10_000;

/** Milliseconds for a shim that was told to end. */
const shutdownGrace = 1000;

/** The running side of a container that a containerd v2 shim holds. */
export class ShimTask extends ServedTask<ShimShared> {
  protected readonly link: ShimLink;
  #whole = false;
  /** When the shim last ended the connection. */
  #wentAt = 0;

  constructor(shared: ShimShared, bundle: Bundle) {
    super(shared, bundle);
    this.link = new ShimLink(this, () => void this.#shimWent());
  }

  /** Makes shim, standard streams and container. What is left of a failure the runtime's cleanUp removes. */
  async make(
    request: CreateRequest,
    file: ProcessFile,
    startShim: () => Promise<StartAnswer>,
    context: string,
  ): Promise<void> {
    const { conmon, busybox, cli, binary } = this.shared;
    const init = this.newProcess("init", file);
    const { terminal, stdin, logPath } = request;
    const { id } = this;
    await this.#listen();
    // Both to their ends, also when one fails: cleanUp must find whatever they make.
    const [shim, stdio] = await Promise.allSettled([
      this.#meetShim(startShim, context),
      init.stdio.open({ conmon, busybox, id, logPath, terminal, stdin, context }),
    ]);
    if (stdio.status === "fulfilled") this.held.add(stdio.value.lifeline);
    if (shim.status === "rejected") throw shim.reason;
    if (stdio.status === "rejected") throw stdio.reason;
    const pid = await shim.value.create(
      {
        bundle: this.bundle,
        terminal,
        checkpoint: request.checkpoint?.path ?? "",
        stdio: stdio.value.paths,
      },
      runcAny({ binaryName: binary.path, root: dirname(cli.root(this.namespace)) }),
      context,
    );
    await this.adopt(init, pid);
    await this.#nowWhole();
    this.retireAtEnd();
  }

  get shim(): ShimState {
    const { shim, binary } = this.shared;
    const { init } = this.list;
    const gone = init?.state.exit !== undefined || init?.lost !== undefined;
    return {
      kind: shim.name,
      pid: init?.state.exit ? undefined : this.link.identity?.pid,
      alive: !gone || this.unanswered !== undefined,
      startedAt: this.shimStartedAt,
      version: shim.version,
      runtime: {
        name: binary.path.split("/").at(-1) ?? "",
        path: binary.path,
        version: binary.version,
      },
    };
  }

  /** A shim's container is entered from anywhere: root needs no way in. */
  async runtimeState(options: CallOptions = {}): Promise<string> {
    const { cli } = this.shared;
    return (await cli.state(this.namespace, this.id, undefined, options)).text;
  }

  protected runCommand(request: RunRequest, options: CallOptions): Promise<RunResult> {
    const target = { entry: undefined, root: this.root };
    return runInside(this.shared, this.disk, target, request, options);
  }

  protected async takeUp(files: ProcessFiles, sameBoot: boolean): Promise<void> {
    const init = this.list.requireInit();
    if (sameBoot) {
      await this.#listen();
      await this.link.reopen(files.shim);
    }
    try {
      await init.load(files, sameBoot);
      if (this.link.service && !init.state.exit) await this.readPhase();
      await this.loadExecs(sameBoot);
    } catch (error) {
      await this.cantAsk(error);
    }
    await this.#nowWhole();
    this.retireAtEnd();
  }

  protected async initBegan(pid: number): Promise<void> {
    const init = this.list.requireInit();
    await init.began(pid);
    await this.noteStart(init.identity, this.link.identity);
  }

  /** Others may do without a shim that hangs, but not without one that only does not answer us now. */
  protected override async beforeForce(): Promise<void> {
    if (this.unanswered && (await this.#sharedShim()) === undefined) await this.link.end(0);
  }

  protected retire(): Promise<void> {
    return inTurn(this.shared, this.disk.record, () => this.#leave());
  }

  /** Never rejects: what can't be done through the shim is done by hand. A shim that holds others is left to them. */
  async #leave(): Promise<void> {
    const { cli } = this.shared;
    const { service } = this.link;
    const shared = await this.#sharedShim();
    try {
      if (!service) throw new AppError("UNAVAILABLE", "There is no shim to ask");
      await this.execsEnd();
      for (const { execId } of this.list.execs) await service.delete(execId).catch(() => {});
      await service.delete("");
      if (shared === undefined) await service.shutdown();
    } catch {
      if (shared === undefined) await this.link.end(0);
      await cli.delete(this.namespace, this.id, undefined, true).catch(() => {});
      await clearCgroup(this.disk.ref);
      await cli.discard(this.namespace, this.id);
      await this.tellLost();
    }
    if (shared === undefined) await this.link.end(shutdownGrace);
    else {
      this.link.close();
      await unmountInShim(shared, this.disk.rootfs);
    }
    if (this.disk.record.shimGroup !== undefined) {
      await rm(join(this.disk.processDir("init"), "shim.pid"), { force: true });
    }
    for (const process of this.list.all) await process.stdio.end();
  }

  async #meetShim(
    startShim: () => Promise<StartAnswer>,
    context: string,
  ): Promise<TtrpcTaskService> {
    const { rootfs: mount, shimGroup } = this.disk.record;
    const service = await this.link.meet(await startShim(), this.disk.processDir("init"));
    const shim = this.link.identity;
    if (shimGroup !== undefined && shim) {
      const target = this.disk.rootfs;
      await mountInShim(this.shared, shim.pid, { mount, target }, context);
    }
    return service;
  }

  /** Its shim's pid, where that holds other containers too. */
  async #sharedShim(): Promise<number | undefined> {
    const shim = this.link.identity;
    const shared =
      this.disk.record.shimGroup !== undefined &&
      shim !== undefined &&
      (await this.link.alive()) &&
      (await isShared(this.shared.paths, shim.pid, this.bundle));
    return shared ? shim.pid : undefined;
  }

  async #listen(): Promise<void> {
    const { paths } = this.shared;
    this.held.add(await listenToShim(paths, this, (event) => this.hear(event)));
  }

  /** The connection ended: the shim was killed, or closed it and is asked once more. */
  async #shimWent(): Promise<void> {
    const { init } = this.list;
    // While it is made or loaded, whoever does that meets the error.
    if (!this.#whole || this.disposed || this.retiring || !init || init.state.exit) return;
    if (await this.link.alive()) {
      const again = Date.now() - this.#wentAt < reconnectPause;
      this.#wentAt = Date.now();
      if (again) this.link.giveUp(new AppError("UNAVAILABLE", "it ends every connection"));
      else await this.link.retry();
    }
    if (this.disposed) return;
    if (this.link.service) for (const process of this.list.all) process.follow();
    else await this.tellLost();
  }

  /** Made or loaded; what happened meanwhile is looked at now. */
  async #nowWhole(): Promise<void> {
    this.#whole = true;
    if (!this.link.service && !this.list.init?.lost) await this.#shimWent();
  }
}
