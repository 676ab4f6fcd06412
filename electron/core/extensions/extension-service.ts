import { mkdir, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type {
  Extension,
  ExtensionCandidate,
  ExtensionState,
  PanelCall,
  Permission,
} from "#shared/contract/extensions";
import { AppError } from "#shared/errors";
import { BackOff } from "../base/back-off.ts";
import { readTail } from "../base/read-tail.ts";
import { extensionsNamespace } from "../base/ids.ts";
import { ListWatch } from "../base/list-watch.ts";
import type { ContainerService } from "../containers/container-service.ts";
import { Executor } from "../executor/executor.ts";
import { wantsRestart, wantsRestartAtLoad } from "../executor/restart-policy.ts";
import { extensionDir, extensionLog, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import { nameOf } from "../images/image-config.ts";
import type { ImageService } from "../images/image-service.ts";
import { measure } from "../images/unpack.ts";
import type { OperationService } from "../operations/operation-service.ts";
import type { ExitStatus, Tasks } from "../runtime/runtime.ts";
import { Serial } from "../runtime/serial.ts";
import { removeTree, type Snapshotter } from "../snapshots/snapshotter.ts";
import type { Store } from "../store/store.ts";
import type { SystemService } from "../system/system-service.ts";
import { ExtensionAccess, type PanelAnswer, requireAsked } from "./extension-access.ts";
import { extensionContainer, imageOf } from "./extension-container.ts";
import { changed, fillPackage, inspectPackage } from "./extension-package.ts";
import { damagedExtension, type ExtensionRecord, ExtensionStore } from "./extension-store.ts";
import { maxAnswer, PanelServer } from "./panel-server.ts";

/** Milliseconds between SIGTERM and SIGKILL when one is disabled. */
const grace = 10_000;
/** Milliseconds for an action, and for one request of a panel. */
const actionTimeout = 60_000;
/** Bytes of its log that are shown. */
const logTail = 64 * 1024;
/** Bytes of an action's output. */
const maxActionOutput = 256 * 1024;

export interface ExtensionServiceOptions {
  paths: Paths;
  privileges: Privileges;
  store: Store;
  tasks: Tasks;
  snapshots: Snapshotter;
  images: ImageService;
  containers: ContainerService;
  operations: OperationService;
  system: SystemService;
  /** When the tasks are known. */
  ready: Promise<void>;
  /** Directory of the extensions that come with the product; absent: none does. */
  shipped?: string | undefined;
}

/** Extensions: installed by the user, run as containers by the executor, seen through panels and actions. */
export class ExtensionService {
  readonly #o: ExtensionServiceOptions;
  readonly #records: ExtensionStore;
  readonly #access: ExtensionAccess;
  readonly #executor: Executor;
  readonly #backOff: BackOff;
  readonly #panels: PanelServer;
  readonly #watch: ListWatch<Extension>;
  readonly #serials = new Map<string, Serial>();
  /** What is not derived from a record and its task. */
  readonly #states = new Map<string, Pick<ExtensionState, "status" | "nextStartAt" | "error">>();
  /** What an earlier manager left has been taken over, as far as it can be. Rejects as `ready`. */
  readonly loaded: Promise<void>;

  constructor(options: ExtensionServiceOptions) {
    this.#o = options;
    const { tasks, snapshots, paths, store } = options;
    this.#watch = new ListWatch({ list: () => this.list(), get: (id) => this.#find(id) });
    this.#records = new ExtensionStore(store, (id) => this.#watch.changed(id));
    this.#access = new ExtensionAccess(options);
    this.#backOff = new BackOff((id) => void this.#startAgain(id));
    this.#panels = new PanelServer((name, request, signal) => this.#panel(name, request, signal));
    this.#executor = new Executor({
      ...{ tasks, snapshots, paths, namespace: extensionsNamespace },
      onExit: (id, exit, { startedAt }) => void this.#exited(id, exit, startedAt),
    });
    this.loaded = options.ready.then(() => this.#load().catch(() => undefined));
    // Told to who would change something.
    this.loaded.catch(() => undefined);
  }

  /** Takes over what runs, removes what does not, and starts what should. */
  async #load(): Promise<void> {
    const records = this.#records.list();
    const damaged = this.#records.damaged.map(({ id }) => id);
    await this.#executor.sweep(new Set([...records.map(({ id }) => id), ...damaged]));
    await this.#tidy(new Set([...records.map(({ id }) => id), ...damaged]));
    await Promise.all(
      records.map(async ({ id, enabled, manifest }) => {
        const found = await this.#executor.restore(id);
        if (!enabled) {
          // A manager was killed while it was being disabled.
          if (found.alive) await this.#executor.stop(id, grace);
          return;
        }
        if (found.alive) return this.#become(id, { status: "running" });
        if (found.exit) await this.#records.update(id, { lastExit: found.exit });
        if (wantsRestartAtLoad(manifest.restart, found.exit)) await this.#startAgain(id);
        else this.#become(id, { status: "stopped" });
      }),
    );
  }

  watch(signal: AbortSignal): ReturnType<ListWatch<Extension>["watch"]> {
    return this.#watch.watch(signal);
  }

  list(): Extension[] {
    return [
      ...this.#records.list().map((record) => this.#shown(record)),
      ...this.#records.damaged.map(damagedExtension),
    ];
  }

  /** The names of the extensions that stand on an image. */
  usersOf(imageId: string): string[] {
    return this.#records
      .list()
      .filter(({ image }) => image?.id === imageId)
      .map(({ manifest }) => `the extension ${manifest.title}`);
  }

  /** Those that come with the product. One that can't be read is left out. */
  async shipped(): Promise<ExtensionCandidate[]> {
    const { shipped } = this.#o;
    if (shipped === undefined) return [];
    const names = await readdir(shipped).catch(() => []);
    const found = await Promise.all(
      names.map((name) => this.inspect(join(shipped, name)).catch(() => undefined)),
    );
    return found.filter((candidate) => candidate !== undefined);
  }

  /** See `inspectPackage`. */
  async inspect(path: string, options: { signal?: AbortSignal } = {}): Promise<ExtensionCandidate> {
    const { text: _, ...candidate } = await inspectPackage(path, options);
    return candidate;
  }

  /**
   * Copies an extension's files, and starts it if asked to; nothing stays when any of it fails. `digest` is that of
   * the manifest that the user has seen, `grants` what of it was allowed.
   */
  async install(
    request: { path: string; digest: string; grants: Permission[] },
    enable: boolean,
  ): Promise<{ id: string }> {
    const { paths, privileges, operations } = this.#o;
    const candidate = await inspectPackage(request.path);
    if (candidate.digest !== request.digest) throw changed(request.path);
    const { manifest } = candidate;
    const { name, title } = manifest;
    requireAsked(manifest, request.grants);
    await this.loaded;
    return this.#serial(name).run(async () => {
      if (this.#find(name)) {
        throw new AppError("ALREADY_EXISTS", `The extension "${title}" is installed already`, {
          hint: "Remove it first: its panel and actions are gone for that long.",
        });
      }
      const spec = { kind: "install", title: `Installing ${title}`, cancellable: true };
      await operations.run(spec, async (op) => {
        const image = await imageOf(manifest, this.#o.images);
        const final = extensionDir(paths, name);
        const making = `${final}.${op.id}`;
        try {
          await mkdir(making, { recursive: true, mode: 0o700 });
          await fillPackage(candidate, making, privileges, op);
          const { size } = await measure(making, privileges, { signal: op.signal });
          await removeTree(final, privileges);
          await rename(making, final);
          await this.#records.put({
            ...{ id: name, manifest, enabled: false, grants: request.grants, size },
            ...{ installedAt: Date.now(), origin: request.path, restarts: 0 },
            ...(image ? { image: { id: image.id, name: nameOf(image) } } : {}),
          });
          if (enable) await this.#enable(name);
        } catch (error) {
          if (this.#records.find(name)) await this.#records.remove(name);
          await removeTree(making, privileges);
          await removeTree(final, privileges);
          throw error;
        }
      });
      return { id: name };
    });
  }

  /** Starts it, now and with every start of the manager. It stays disabled when it can't be started. */
  async enable(id: string): Promise<void> {
    await this.loaded;
    return this.#serial(id).run(() => this.#enable(id));
  }

  async disable(id: string): Promise<void> {
    await this.loaded;
    return this.#serial(id).run(() => this.#disable(id));
  }

  /** Ends it, and removes its files, what it wrote and its log. */
  async remove(id: string): Promise<void> {
    await this.loaded;
    return this.#serial(id).run(async () => {
      if (this.#records.find(id)) await this.#disable(id);
      this.#panels.forget(id);
      await this.#records.remove(id);
      this.#states.delete(id);
      await removeTree(extensionDir(this.#o.paths, id), this.#o.privileges);
    });
  }

  /** INVALID_ARGUMENT for a permission that its manifest does not ask for. */
  async setGrants(id: string, grants: Permission[]): Promise<void> {
    requireAsked(this.#records.get(id).manifest, grants);
    await this.#records.update(id, { grants });
  }

  /** What its container wrote: the end of it, without the times that its shim noted. */
  async log(id: string): Promise<{ text: string; truncated: boolean }> {
    this.#records.get(id);
    const tail = await readTail(extensionLog(this.#o.paths, id), logTail);
    if (!tail) return { text: "", truncated: false };
    // CRI's log format: TIME STREAM F|P TEXT (kubernetes, cri-api).
    const lines = tail.text.split("\n").map((line) => line.replace(/^\S+ \S+ [FP] /, ""));
    return { text: lines.join("\n"), truncated: tail.truncated };
  }

  /** Where its panel is. NOT_FOUND when it has none. */
  async panel(id: string): Promise<{ url: string }> {
    const { manifest } = this.#records.get(id);
    if (!manifest.panel) throw new AppError("NOT_FOUND", `"${manifest.title}" has no panel`);
    return { url: await this.#panels.url(id) };
  }

  /** What its panel asks for; see ExtensionAccess. */
  async call(
    id: string,
    call: PanelCall,
    options: { signal?: AbortSignal } = {},
  ): Promise<PanelAnswer> {
    return this.#access.answer(this.#records.get(id), call, options);
  }

  /** Runs one of its actions for a container. */
  async runAction(
    request: { id: string; action: string; containerId: string },
    options: { signal?: AbortSignal } = {},
  ): Promise<{ exitCode: number; stdout: string; stderr: string; truncated: boolean }> {
    const record = this.#records.get(request.id);
    const { manifest } = record;
    const action = manifest.actions.find(({ id }) => id === request.action);
    if (!action) {
      throw new AppError("NOT_FOUND", `"${manifest.title}" has no action "${request.action}"`);
    }
    const input = await this.#access.actionInput(record, request.containerId, options);
    const { stdout, stderr, ...result } = await this.#run(
      request.id,
      {
        args: action.command,
        stdin: Buffer.from(JSON.stringify(input)),
        maxOutput: maxActionOutput,
      },
      options,
    );
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
    return { ...result, stdout: text(stdout), stderr: text(stderr) };
  }

  async dispose(): Promise<void> {
    this.#backOff.dispose();
    this.#executor.dispose();
    await this.#panels.close();
  }

  async #enable(id: string): Promise<void> {
    const before = this.#records.get(id);
    if (before.enabled && this.#states.get(id)?.status === "running") return;
    await this.#records.update(id, { enabled: true, restarts: 0 });
    try {
      await this.#start(id);
    } catch (error) {
      if (!before.enabled) await this.#records.update(id, { enabled: false });
      throw error;
    }
  }

  async #disable(id: string): Promise<void> {
    this.#records.get(id);
    this.#backOff.forget(id);
    // Before it ends: its end is wanted, and no policy may answer it.
    await this.#records.update(id, { enabled: false });
    this.#become(id, { status: "stopping" });
    try {
      await this.#executor.stop(id, grace);
    } finally {
      this.#become(id, { status: "disabled" });
    }
  }

  /** Rejects with why it could not be started, which its state tells too. */
  async #start(id: string): Promise<void> {
    this.#become(id, { status: "starting" });
    try {
      const { manifest } = this.#records.get(id);
      await this.#executor.create(id, await extensionContainer(id, manifest, this.#o));
      await this.#records.update(id, { startedAt: Date.now() });
      // One that has ended already is told of by its end.
      if (this.#executor.state(id)) this.#become(id, { status: "running" });
    } catch (thrown) {
      const error = AppError.wrap(thrown, `The extension "${id}" could not be started`);
      this.#become(id, { status: "stopped", error: error.toInfo() });
      throw error;
    }
  }

  /** By its policy, where it is still to run. */
  #startAgain(id: string): Promise<void> {
    return this.#serial(id).run(async () => {
      const record = this.#records.find(id);
      if (!record?.enabled || this.#states.get(id)?.status === "running") return;
      try {
        await this.#start(id);
      } catch (error) {
        const next = Date.now() + this.#backOff.ended(id, 0);
        const info = AppError.from(error).toInfo();
        this.#become(id, { status: "waiting", nextStartAt: next, error: info });
      }
    });
  }

  async #exited(id: string, exit: ExitStatus, startedAt: number | undefined): Promise<void> {
    const record = this.#records.find(id);
    if (!record) return;
    const again = record.enabled && wantsRestart(record.manifest.restart, exit);
    const restarts = record.restarts + (again ? 1 : 0);
    await this.#records.update(id, { lastExit: exit, restarts });
    if (!record.enabled) return;
    if (!again) return this.#become(id, { status: "stopped" });
    const delay = this.#backOff.ended(id, exit.exitedAt - (startedAt ?? exit.exitedAt));
    this.#become(id, { status: "waiting", nextStartAt: Date.now() + delay });
  }

  async #panel(id: string, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { manifest } = this.#records.get(id);
    if (!manifest.panel) throw new AppError("NOT_FOUND", `"${manifest.title}" has no panel`);
    const args = manifest.panel.command;
    const result = await this.#run(id, { args, stdin: request, maxOutput: maxAnswer }, { signal });
    if (result.truncated) {
      throw new AppError("RESOURCE_EXHAUSTED", "The panel's answer is longer than 16 MiB");
    }
    if (result.stdout.length === 0) {
      throw new AppError("UNAVAILABLE", `The panel of "${manifest.title}" answered nothing`, {
        output: Buffer.from(result.stderr).toString("utf8"),
      });
    }
    return result.stdout;
  }

  #run(
    id: string,
    request: { args: string[]; stdin: Uint8Array; maxOutput: number },
    { signal }: { signal?: AbortSignal },
  ): ReturnType<Executor["run"]> {
    const { manifest, enabled } = this.#records.get(id);
    if (!enabled || this.#states.get(id)?.status !== "running") {
      throw new AppError("FAILED_PRECONDITION", `The extension "${manifest.title}" does not run`, {
        hint: enabled ? "Its page says why." : "Enable it first.",
      });
    }
    const late = AbortSignal.timeout(actionTimeout);
    return this.#executor.run(id, request, {
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
  }

  /** What installations that were cut off have left. */
  async #tidy(known: ReadonlySet<string>): Promise<void> {
    const root = dirname(extensionDir(this.#o.paths, "name"));
    for (const name of await readdir(root).catch(() => [])) {
      if (!known.has(name)) await removeTree(join(root, name), this.#o.privileges);
    }
  }

  #become(id: string, state: Pick<ExtensionState, "status" | "nextStartAt" | "error">): void {
    this.#states.set(id, state);
    this.#watch.changed(id);
  }

  #find(id: string): Extension | undefined {
    const record = this.#records.find(id);
    if (record) return this.#shown(record);
    const damaged = this.#records.damaged.find((one) => one.id === id);
    return damaged && damagedExtension(damaged);
  }

  #shown({ restarts, startedAt, lastExit, ...record }: ExtensionRecord): Extension {
    const state = this.#states.get(record.id) ?? {
      status: record.enabled ? "starting" : "disabled",
    };
    // It ends a moment before that is told.
    const pid = state.status === "running" ? this.#executor.state(record.id)?.pid : undefined;
    return {
      ...record,
      state: {
        ...{ ...state, restarts },
        ...(pid === undefined ? {} : { pid }),
        ...(state.status === "running" && startedAt !== undefined ? { startedAt } : {}),
        ...(lastExit ? { lastExit } : {}),
      },
    };
  }

  #serial(id: string): Serial {
    let serial = this.#serials.get(id);
    if (!serial) this.#serials.set(id, (serial = new Serial()));
    return serial;
  }
}
