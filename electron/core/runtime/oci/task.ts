import { join } from "node:path";
import { isFrozen } from "#core/host/cgroup";
import { allDone } from "#core/base/all-done";
import { AppError } from "#shared/errors";
import { HostTask } from "../host-task.ts";
import type { LinuxHost } from "../host-process.ts";
import type { ProcessFacts } from "../process-base.ts";
import {
  type ProcessFile,
  type ProcessFiles,
  beginRecord,
  exists,
  killShim,
} from "../process-dir.ts";
import type {
  CallOptions,
  CheckpointRequest,
  ExecRequest,
  OciResources,
  RunRequest,
  RunResult,
  ShimState,
} from "../runtime.ts";
import type { Phase } from "../task-base.ts";
import { checkpoint } from "./checkpoint.ts";
import type { SpawnedShim } from "./conmon.ts";
import { startExec } from "./exec.ts";
import { openStartGate } from "./gate.ts";
import { namespacePids } from "./pids.ts";
import { sandboxPid } from "./runsc.ts";
import { sandboxKill } from "./runsc-kill.ts";
import { OciProcess, ignoreNotFound } from "./process.ts";
import { removeByHand } from "./remove.ts";
import { endLeftRuns, runInside } from "./run.ts";
import type { OciShared } from "./shared.ts";

/** The running side of a container held by conmon, executed by an OCI runtime's command line. */
export class OciTask extends HostTask<OciProcess, OciShared> {
  /** Takes over the init that was just made. */
  async adopt(file: ProcessFile, shim: SpawnedShim): Promise<void> {
    const { files, noted } = await beginRecord(this.disk.processDir("init"), shim.pid);
    if (this.disk.record.restored) this.enterPhase("running");
    const init = this.newProcess("init", file, files);
    this.list.add(init);
    await this.noteStart(files.process, files.shim);
    init.hold(shim.lifeline);
    await allDone([init.load(files, true), noted]);
  }

  get shim(): ShimState {
    const { conmon, binary } = this.shared;
    const { init } = this.list;
    const exited = init?.state.exit !== undefined;
    return {
      kind: "conmon",
      pid: exited ? undefined : init?.shim?.pid,
      alive: !exited && init?.lost === undefined,
      startedAt: this.shimStartedAt,
      version: conmon.version,
      runtime: { name: binary.name, path: binary.path, version: binary.version },
    };
  }

  async runtimeState(options: CallOptions = {}): Promise<string> {
    const { cli } = this.shared;
    return (await cli.state(this.namespace, this.id, this.entry, options)).text;
  }

  /** A living process of the task, for entering (Privileges.enter). */
  protected get entry(): number | undefined {
    const { init } = this.list;
    if (!init || init.state.exit) return undefined;
    return init.lost ? init.state.pid : init.shim?.pid;
  }

  /** A sandbox's first process sees only what its kernel needs; the shim sees the mount. */
  protected override get root(): string {
    const shim = this.list.init?.shim;
    return shim && this.shared.binary.sandbox
      ? `/proc/${shim.pid}/root${this.disk.rootfs}`
      : super.root;
  }

  protected override get runsWhenMade(): boolean {
    return this.disk.record.restored;
  }

  protected makeProcess(host: LinuxHost, facts: ProcessFacts, files?: ProcessFiles): OciProcess {
    const conmonHost = {
      ...host,
      privileges: this.shared.privileges,
      socketDirectory: facts.id === "init" ? this.bundle : facts.directory,
      entry: () => this.entry,
      deliver: this.#deliver(facts),
    };
    return new OciProcess(conmonHost, facts, files);
  }

  protected async takeUp(files: ProcessFiles, sameBoot: boolean): Promise<void> {
    const init = this.list.requireInit();
    await init.load(files, sameBoot);
    if (!init.state.exit) {
      this.enterPhase(await this.#readPhase());
      await endLeftRuns(this.bundle, () => this.livePids()).catch(() => undefined);
    }
    await this.loadExecs(sameBoot);
  }

  protected async look(options: CallOptions): Promise<void> {
    const { cli } = this.shared;
    const { state } = await cli.state(this.namespace, this.id, this.entry, options);
    if (state.status === "created" || state.status === "running" || state.status === "paused") {
      this.enterPhase(state.status);
    }
  }

  protected startInit(options: CallOptions): Promise<void> {
    const init = this.list.requireInit();
    return openStartGate(this.shared, this.disk, init, this.entry, options);
  }

  protected freeze(options: CallOptions): Promise<void> {
    return this.#command("pause", "paused", options);
  }

  protected thaw(options: CallOptions): Promise<void> {
    return this.#command("resume", "resumed", options);
  }

  protected async killAll(signal: number): Promise<void> {
    const init = this.list.requireInit();
    const pids = await this.livePids();
    if (pids.length === 0) throw new AppError("NOT_FOUND", `${this.subject} has exited already`);
    // One may end between being listed and signalled.
    await Promise.all(pids.map((pid) => init.signal(pid, signal).catch(ignoreNotFound)));
  }

  protected async startExec(request: ExecRequest, options: CallOptions): Promise<OciProcess> {
    const target = { entry: this.entry, root: this.root };
    const started = await startExec(this.shared, this.disk, target, request, options);
    const process = this.newProcess(request.id, started.file, started.files);
    this.list.add(process);
    process.hold(started.lifeline);
    await process.load(started.files, true);
    // Where the runtime leaves that out.
    if (this.shared.binary.sandbox && request.size) await process.resize(request.size);
    return process;
  }

  protected runCommand(request: RunRequest, options: CallOptions): Promise<RunResult> {
    const target = { entry: this.entry, root: this.root };
    return runInside(this.shared, this.disk, target, request, options);
  }

  protected dropExec(_id: string, dir: string): Promise<void> {
    return killShim(dir);
  }

  protected pidsWithoutCgroup(init: number): Promise<number[]> {
    return namespacePids(init);
  }

  protected change(resources: OciResources, options: CallOptions): Promise<void> {
    const { cli } = this.shared;
    const file = join(this.bundle, "resources.json");
    return cli.update(this.namespace, this.id, this.entry, resources, file, options);
  }

  protected dumpTo(
    request: CheckpointRequest,
    work: string,
    context: string,
    options: CallOptions,
  ): Promise<void> {
    const call = { namespace: this.namespace, entry: this.entry, context };
    return checkpoint(this.shared.cli, call, this.id, { ...request, work }, options);
  }

  protected async release(): Promise<void> {
    // They went with init's pid namespace, unless the container has none of its own.
    await Promise.all(this.list.execs.map((process) => process.end()));
    if (await removeByHand(this.shared, this.disk)) return;
    await this.shared.cli.delete(this.namespace, this.id, undefined, false);
  }

  /** A sandbox has its own pids. The first of them can be killed by ours all the same. */
  #deliver({ directory }: ProcessFacts): ((signal: number) => Promise<void>) | undefined {
    const { cli, binary } = this.shared;
    if (!binary.sandbox) return undefined;
    return async (signal) => {
      const { init } = this.list;
      // Also while it is paused, when runsc itself delivers nothing.
      if (signal === 9 && init?.directory === directory) await init.signal(init.state.pid ?? 0, 9);
      else await sandboxKill(cli, this, await sandboxPid(directory), signal);
    };
  }

  /** Without asking the runtime, which would be a process for each task of a start. */
  async #readPhase(): Promise<Phase> {
    if (this.shared.binary.sandbox) {
      const { state } = await this.shared.cli.state(this.namespace, this.id, this.entry);
      return state.status === "created" || state.status === "paused" ? state.status : "running";
    }
    const gate = join(this.shared.cli.containerRoot(this.namespace, this.id), "exec.fifo");
    if (!this.disk.record.restored && (await exists(gate))) return "created";
    const dirs = await this.cgroup();
    return dirs && (await isFrozen(dirs)) ? "paused" : "running";
  }

  async #command(command: string, done: string, options: CallOptions): Promise<void> {
    const call = { namespace: this.namespace, entry: this.entry, context: this.could(done) };
    await this.shared.cli.run(
      call,
      [command, this.shared.cli.name(this.namespace, this.id)],
      options,
    );
  }
}
