import { copyFile, mkdir, mkdtemp, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { cgroupHost } from "#core/host/cgroup";
import { lackingControllers, type LackingControllers } from "#core/host/controllers";
import { isStaticBinary } from "#core/host/prerequisites-tools";
import { type Paths, tasksDir } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import { type Ability, type RuntimeInfo } from "#shared/contract/system";
import { AppError, isCode } from "#shared/errors";
import { removeTree, scanBundles } from "../bundle.ts";
import type { CheckpointImage, CreateRequest, Lower, OciSpec, Runtime, Task } from "../runtime.ts";
import type { OciBinary } from "./oci-cli.ts";

/** Milliseconds for one runtime: a container answers in tens of them, a dump in hundreds. */
const probeTimeout = 30_000;

/** Starts that are timed: whatever else the machine does makes one slower and never faster, so the best counts. */
const timings = 3;

const namespace = "probe";

/** What of a runtime is known before it was tried. */
export interface Candidate {
  /** `oci/runc` */
  id: string;
  /** Names what is shown: the OCI runtime, or a shim that runs it. */
  shown: { name: string; path: string; version: string };
  binary: OciBinary;
  privileges: Privileges;
  /** What is not tried, and why. */
  lacks?: Partial<RuntimeInfo["abilities"]>;
  /** What its limits can't be made by; absent: what the machine has not. */
  lacking?: LackingControllers;
  shareShim: Ability;
  /** The runtime with these paths for its own. */
  runtime: (paths: Paths) => Runtime;
}

/** How a probe's container is filled: a static busybox where there is one, else the host's own root. */
interface ProbeImage {
  /** Absolute path of a static busybox. */
  busybox: string | undefined;
}

/**
 * Finds out what runtimes of one kind can do on this host by doing it once: create, start, exec, pause, resume,
 * limits, checkpoint and restore. Leaves nothing, and ends what a killed manager's probes left. Rejects only on abort.
 * A candidate's `binary.hidesUnifiedCgroup` is found out here.
 */
export async function probeRuntimes(
  candidates: Candidate[],
  paths: Paths,
  busybox: string | undefined,
  signal?: AbortSignal,
): Promise<RuntimeInfo[]> {
  await removeOldProbes(candidates, paths);
  const image = { busybox: busybox && (await isStaticBinary(busybox)) ? busybox : undefined };
  const infos: RuntimeInfo[] = [];
  // One after another: each is timed.
  for (const candidate of candidates) {
    const probe = await Probe.make(candidate, paths, image, signal);
    try {
      infos.push(await probe.run());
    } finally {
      await probe.close();
    }
  }
  return infos;
}

/** A directory that only probes of this kind of runtime make. */
function probePrefix({ id }: Candidate): string {
  return `probe-${id.split("/")[0]}-`;
}

async function removeOldProbes(candidates: Candidate[], paths: Paths): Promise<void> {
  const [first] = candidates;
  if (!first) return;
  const names = await readdir(paths.data).catch(() => [] as string[]);
  for (const name of names.filter((entry) => entry.startsWith(probePrefix(first)))) {
    const own = probePaths(join(paths.data, name));
    for (const candidate of candidates) {
      const runtime = candidate.runtime(own);
      const bundles = await scanBundles(tasksDir(own), candidate.privileges);
      for (const bundle of bundles) await runtime.cleanUp(bundle);
    }
    await removeTree(join(paths.data, name), first.privileges);
  }
}

class Probe {
  readonly #candidate: Candidate;
  readonly #dir: string;
  readonly #image: ProbeImage;
  readonly #signal: AbortSignal;
  readonly #outer: AbortSignal | undefined;
  readonly #runtime: Runtime;
  #containers = 0;

  private constructor(
    candidate: Candidate,
    dir: string,
    image: ProbeImage,
    outer: AbortSignal | undefined,
  ) {
    this.#candidate = candidate;
    this.#dir = dir;
    this.#image = image;
    this.#outer = outer;
    const own = AbortSignal.timeout(probeTimeout);
    this.#signal = outer ? AbortSignal.any([own, outer]) : own;
    this.#runtime = candidate.runtime(probePaths(dir));
  }

  static async make(
    candidate: Candidate,
    paths: Paths,
    image: ProbeImage,
    signal: AbortSignal | undefined,
  ): Promise<Probe> {
    await mkdir(paths.data, { recursive: true, mode: 0o711 });
    const dir = await mkdtemp(join(paths.data, probePrefix(candidate)));
    if (image.busybox) {
      const lower = join(dir, "image");
      for (const name of ["proc", "dev"]) await mkdir(join(lower, name), { recursive: true });
      await copyFile(image.busybox, join(lower, "busybox"));
    }
    return new Probe(candidate, dir, image, signal);
  }

  async run(): Promise<RuntimeInfo> {
    const { binary, id, shown, privileges, lacks = {} } = this.#candidate;
    const info: RuntimeInfo = {
      id,
      ...shown,
      usable: { ok: true },
      preferred: false,
      hidesUnifiedCgroup: false,
      abilities: {
        ...{ pause: unknown, checkpoint: unknown, limits: unknown, exec: unknown },
        shareShim: this.#candidate.shareShim,
      },
      probedAt: Date.now(),
    };
    let task: Task;
    try {
      task = await this.#first();
    } catch (error) {
      this.#outer?.throwIfAborted();
      return { ...info, usable: refused(error) };
    }
    info.hidesUnifiedCgroup = binary.hidesUnifiedCgroup;
    const signal = this.#signal;
    try {
      const { abilities } = info;
      abilities.exec = await this.#try(() => task.run(this.#command("true"), { signal }));
      abilities.pause = await this.#try(async () => {
        if ((await task.cgroup()) === undefined) throw noCgroup("stop their processes for a while");
        await task.pause({ signal });
        await task.resume({ signal });
      });
      abilities.limits =
        lacks.limits ??
        (await this.#try(async () => {
          if ((await task.cgroup()) === undefined) throw noCgroup("limit them");
          const { lacking = await lackingControllers(await cgroupHost()) } = this.#candidate;
          const tried = {
            ...(!lacking.memory && { memory: { limit: 64 * 1024 ** 2 } }),
            ...(!lacking.pids && { pids: { limit: 64 } }),
          };
          await task.update(tried, { signal });
        }));
      if (lacks.checkpoint) abilities.checkpoint = lacks.checkpoint;
      else
        abilities.checkpoint = privileges.rootless
          ? {
              ok: false,
              reason: "Checkpoints need root: criu must be allowed to look into every process",
            }
          : await this.#try(() => this.#checkpoint(task));
    } finally {
      await task.delete({ force: true });
      task.dispose();
    }
    // The first one was slow for reasons of its own: cold binaries and caches.
    const times: number[] = [];
    for (let i = 0; i < timings; i += 1) times.push(await this.#time());
    info.startMs = Math.min(...times);
    return info;
  }

  async close(): Promise<void> {
    const { privileges } = this.#candidate;
    const bundles = await scanBundles(tasksDir(probePaths(this.#dir)), privileges);
    for (const bundle of bundles) await this.#runtime.cleanUp(bundle);
    await removeTree(this.#dir, privileges);
  }

  /** Runs a container; where hybrid cgroups are refused, with the unified one hidden. */
  async #first(): Promise<Task> {
    const { binary } = this.#candidate;
    try {
      return await this.#start();
    } catch (error) {
      const { mode } = await cgroupHost();
      if (mode !== "hybrid" || !/cgroup/i.test(AppError.from(error).details.output ?? ""))
        throw error;
      binary.hidesUnifiedCgroup = true;
      try {
        return await this.#start();
      } catch {
        binary.hidesUnifiedCgroup = false;
        throw error;
      }
    }
  }

  async #start(checkpoint?: CheckpointImage): Promise<Task> {
    const task = await this.#runtime.create(await this.#request(checkpoint), {
      signal: this.#signal,
    });
    try {
      await task.start({ signal: this.#signal });
      return task;
    } catch (error) {
      await task.delete({ force: true });
      throw error;
    }
  }

  async #time(): Promise<number> {
    const start = performance.now();
    const task = await this.#start();
    const elapsed = performance.now() - start;
    await task.delete({ force: true });
    task.dispose();
    return Math.round(elapsed * 10) / 10;
  }

  async #checkpoint(task: Task): Promise<void> {
    if (!this.#candidate.binary.criu) {
      throw new AppError("UNIMPLEMENTED", "criu is not installed");
    }
    const path = join(this.#dir, "checkpoint", "image");
    const options = { tcpEstablished: false, fileLocks: false, externalUnixSockets: false };
    try {
      await task.checkpoint({ path, leaveRunning: true, ...options }, { signal: this.#signal });
    } catch (error) {
      if (!isCode(error, "UNIMPLEMENTED")) throw error;
      const { path, version } = this.#candidate.binary;
      const what = `${basename(path)} ${version} was built without checkpoint support`;
      throw new AppError("UNIMPLEMENTED", what, error.details, error);
    }
    const restored = await this.#start({ path });
    await restored.delete({ force: true });
    restored.dispose();
  }

  async #try(work: () => Promise<unknown>): Promise<Ability> {
    try {
      await work();
      return { ok: true };
    } catch (error) {
      this.#outer?.throwIfAborted();
      return refused(error);
    }
  }

  #command(applet: string, ...args: string[]): { args: string[]; maxOutput: number } {
    const own = this.#image.busybox ? ["/busybox", applet] : [applet];
    return { args: [...own, ...args], maxOutput: 4096 };
  }

  async #request(checkpoint?: CheckpointImage): Promise<CreateRequest> {
    const id = `c${this.#containers++}`;
    const own = join(this.#dir, id);
    const [upper, work] = [join(own, "upper"), join(own, "work")];
    await mkdir(upper, { recursive: true });
    await mkdir(work, { recursive: true });
    const { busybox } = this.#image;
    return {
      namespace,
      id,
      // criu ends the sleep that it finds a process in: busybox 1.37's `sleep` would exit after a restore.
      spec: probeSpec(this.#command("tail", "-f", "/dev/null").args, busybox === undefined),
      rootfs: busybox
        ? { type: "overlay", lower: [directory(join(this.#dir, "image"))], upper, work }
        : { type: "bind", lower: [directory("/")] },
      terminal: false,
      stdin: false,
      logPath: join(own, "log"),
      labels: {},
      checkpoint,
    };
  }
}

const directory = (path: string): Lower => ({ type: "directory", path });

const unknown: Ability = { ok: false, reason: "It could not be tried" };

function refused(error: unknown): Ability {
  return { ok: false, reason: AppError.from(error).message };
}

function noCgroup(what: string): AppError {
  return new AppError(
    "UNIMPLEMENTED",
    `Containers get no cgroup of their own here, so nothing can ${what}`,
  );
}

function probePaths(dir: string): Paths {
  return { data: join(dir, "data"), state: join(dir, "state") };
}

function probeSpec(args: string[], readonly: boolean): OciSpec {
  return {
    ociVersion: "1.0.2",
    root: { path: "", readonly },
    process: { user: { uid: 0, gid: 0 }, args, env: ["PATH=/usr/bin:/bin"], cwd: "/" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
    ],
    linux: { namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })) },
  };
}
