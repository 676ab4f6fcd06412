import { setMaxListeners } from "node:events";
import { arch, cpus, hostname, release, userInfo } from "node:os";
import {
  Settings,
  type RuntimeInfo,
  type SettingsChange,
  type SystemInfo,
} from "#shared/contract/system";
import { AppError } from "#shared/errors";
import type { Disposable } from "#shared/base/disposable";
import { Latest } from "../base/latest.ts";
import type { Paths } from "../host/paths.ts";
import { readDistribution } from "../host/distribution.ts";
import { findFirewalls } from "../host/firewalls.ts";
import { findMkfsErofs } from "../host/mkfs-erofs.ts";
import { findPrerequisites } from "../host/prerequisites.ts";
import type { OwnNamespaces } from "../host/own-namespaces.ts";
import type { Privileges } from "../host/privileges.ts";
import type { Places } from "../remotes/places.ts";
import {
  type Containerds,
  createContainerdRuntimes,
  isContainerdRuntime,
} from "../runtime/containerd/plugin.ts";
import { createOciRuntimes } from "../runtime/oci/plugin.ts";
import type { RuntimeRegistry } from "../runtime/plugin.ts";
import { createShimRuntimes } from "../runtime/shim/plugin.ts";
import { createWindowsRuntimes } from "../runtime/windows/plugin.ts";
import type { Collection, Store } from "../store/store.ts";
import { findHostFacts, type HostFacts } from "./host-facts.ts";

const defaultSettings: Settings = { theme: "system", stopGrace: 10 };
const settingsId = "settings";

export interface SystemServiceOptions {
  paths: Paths;
  privileges: Privileges;
  /** Where an ordinary user's shims are born. */
  namespaces: OwnNamespaces | undefined;
  registry: RuntimeRegistry;
  store: Store;
  places: Places;
  version: string;
  kind: SystemInfo["kind"];
}

/** What this machine is and can do, and what the user set. */
export class SystemService {
  readonly #options: SystemServiceOptions;
  readonly #collection: Collection<typeof Settings>;
  /** As the last probe said, its own preference included. */
  #found: RuntimeInfo[] = [];
  /** Ends the probes' processes. */
  readonly #abort = new AbortController();
  readonly info: Latest<SystemInfo>;
  readonly settings: Latest<Settings>;
  readonly facts: HostFacts;
  /** Resolves when the runtimes of this machine are known, but for what containerds answer; it never rejects. */
  readonly probed: Promise<void>;
  /** The last probe that was asked for; it never rejects. */
  #probing: Promise<void>;
  #probingShims = Promise.resolve();
  #containerds: Containerds | undefined;
  /** The last time that they were asked; it never rejects. */
  #asking = Promise.resolve();
  readonly #subscription: Disposable;

  private constructor(
    options: SystemServiceOptions,
    facts: HostFacts,
    distribution: string,
    startedAt: number,
  ) {
    this.#options = options;
    this.facts = facts;
    this.#collection = options.store.collection("settings", Settings);
    this.settings = new Latest(this.#collection.get(settingsId) ?? defaultSettings);
    const { uid, gid, username, homedir } = userInfo();
    this.info = new Latest<SystemInfo>({
      version: options.version,
      kind: options.kind,
      pid: process.pid,
      startedAt,
      hostname: hostname(),
      kernel: release(),
      distribution,
      arch: arch(),
      user: { uid, gid, name: username, home: homedir, rootless: facts.rootless },
      cgroup: facts.cgroup,
      paths: { data: options.paths.data, state: options.paths.state },
      ...{ prerequisites: [], firewalls: [] },
      runtimes: [],
      abilities: abilitiesOf([]),
      limits: facts.limits,
      probing: true,
    });
    // One listener a process, and a probe runs a dozen at once.
    setMaxListeners(0, this.#abort.signal);
    this.probed = this.#findRuntimes(false);
    this.#probing = this.probed;
    void this.#findPrerequisites();
    this.#subscription = options.places.onChange(() => this.#askContainerds());
  }

  /** Answers before the probes have ended; see `probed`. */
  static async create(options: SystemServiceOptions): Promise<SystemService> {
    const startedAt = Date.now();
    const [facts, distribution] = await Promise.all([
      findHostFacts(options.privileges, cpus().length),
      readDistribution("/"),
    ]);
    return new SystemService(options, facts, distribution.name, startedAt);
  }

  /** Probes everything again, whatever is remembered of this host. */
  async probe(): Promise<SystemInfo> {
    // One after another: a probe begins by ending what it takes for another's remains.
    this.#probing = this.#probing.then(async () => {
      await this.#probingShims;
      this.#change({ probing: true });
      await this.#findRuntimes(true);
      await this.#probingShims;
    });
    await Promise.all([this.#probing, this.#findPrerequisites()]);
    return this.info.value;
  }

  /** NOT_FOUND for a default runtime that this machine has not. */
  async updateSettings(changes: SettingsChange): Promise<Settings> {
    const { defaultRuntime: kept, ...before } = this.settings.value;
    const { defaultRuntime: asked, ...others } = changes;
    if (typeof asked === "string") this.runtime(asked);
    // A key that is there without a value takes the choice away, as null does.
    const chosen = "defaultRuntime" in changes ? asked : kept;
    const settings: Settings = {
      ...{ ...before, ...others },
      ...(typeof chosen === "string" ? { defaultRuntime: chosen } : {}),
    };
    await this.#collection.put(settingsId, settings);
    this.settings.set(settings);
    this.#change({ runtimes: this.#withPreferred() });
    return settings;
  }

  /** Resolves when all is known that `runtime(id)` will say; it never rejects. */
  async known(id: string | undefined): Promise<void> {
    await this.probed;
    if (id !== undefined && isContainerdRuntime(id)) await this.#asking;
  }

  /** What the probe found out of a runtime. NOT_FOUND when this machine has it not (any more). */
  runtime(id: string): RuntimeInfo {
    const info = this.info.value.runtimes.find((runtime) => runtime.id === id);
    if (info) return info;
    // Says which there are; a containerd is made of any id.
    if (!isContainerdRuntime(id)) this.#options.registry.get(id);
    throw new AppError("NOT_FOUND", `The runtime "${id}" is not available on this machine`);
  }

  /** The runtime asked for, or else the one set or found best. FAILED_PRECONDITION when there is none. */
  chooseRuntime(asked: string | undefined): string {
    const usable = this.info.value.runtimes.filter(({ usable }) => usable.ok);
    if (asked !== undefined) return this.runtime(asked).id;
    // Nothing is started in another's containerd unasked.
    const chosen = usable.find(({ preferred }) => preferred) ?? usable.find(isOwn);
    if (chosen) return chosen.id;
    const reasons = this.info.value.runtimes.map(({ name, usable }) => `${name}: ${usable.reason}`);
    throw new AppError("FAILED_PRECONDITION", "No container runtime works on this machine", {
      hint: "Install conmon and runc or crun: the System page says how.",
      ...(reasons.length > 0 ? { output: reasons.join("\n") } : {}),
    });
  }

  /** Resolves when what its probes had made is gone. */
  async dispose(): Promise<void> {
    this.#subscription.dispose();
    this.#abort.abort();
    await this.#probingShims;
  }

  async #findRuntimes(fresh: boolean): Promise<void> {
    const { paths, privileges, namespaces, registry } = this.#options;
    const { signal } = this.#abort;
    try {
      const oci = await createOciRuntimes({ paths, privileges, namespaces, again: fresh });
      const shims = await createShimRuntimes({ paths, privileges, again: fresh, signal });
      const windows = await createWindowsRuntimes({ paths, privileges });
      for (const { runtimes } of [oci, shims, windows]) {
        for (const runtime of runtimes) registry.set(runtime);
      }
      this.#containerds = await createContainerdRuntimes({ paths, privileges });
      if (this.#containerds) registry.plug(this.#containerds.plugin);
      const sure = [...oci.infos, ...windows.infos];
      const known = shims.infos ?? this.#found.filter(({ id }) => id.startsWith("shim/"));
      this.#showRuntimes([...sure, ...known, ...this.#inContainerds()], !shims.infos);
      this.#askContainerds();
      if (shims.infos) return;
      // Nobody need wait for these: they are never chosen unasked, and the first start of a root holds none of theirs.
      this.#probingShims = shims.probe().then(
        (infos) => this.#showRuntimes([...sure, ...infos, ...this.#inContainerds()], false),
        () => this.#change({ probing: false }),
      );
    } catch (error) {
      const { message } = AppError.from(error);
      const reason = `The runtimes could not be probed: ${message}`;
      this.#change({ abilities: abilitiesOf([], reason), probing: false });
    }
  }

  /** What each containerd that was found or named says of itself; only who wants one waits for it (`known`). */
  #askContainerds(): void {
    const { signal } = this.#abort;
    const containerds = this.#containerds;
    if (!containerds) return;
    const ask = async (): Promise<void> => {
      const addresses = await this.#options.places.find();
      const asked = addresses.map((address) => containerds.describe(address, signal));
      const found = await Promise.all(asked).catch(() => []);
      if (signal.aborted) return;
      this.#showRuntimes([...this.#found.filter(isOwn), ...found], this.info.value.probing);
    };
    // One after another: the last word is that of who was asked last.
    this.#asking = this.#asking.then(ask);
  }

  #inContainerds(): RuntimeInfo[] {
    return this.#found.filter((info) => !isOwn(info));
  }

  async #findPrerequisites(): Promise<void> {
    const mkfsErofs = await findMkfsErofs();
    const { signal } = this.#abort;
    const finding = findFirewalls(this.facts.rootless, { signal });
    const prerequisites = await findPrerequisites({
      signal,
      instead: {
        ...(process.env.SHIMYARD_CRIU && { criu: process.env.SHIMYARD_CRIU }),
        ...(mkfsErofs && { "mkfs.erofs": mkfsErofs }),
      },
    }).catch(() => []);
    this.#change({ prerequisites, firewalls: await finding });
  }

  #showRuntimes(infos: RuntimeInfo[], probing: boolean): void {
    this.#found = infos;
    const runtimes = this.#withPreferred();
    const own = runtimes.filter(isOwn);
    this.#change({ runtimes, abilities: abilitiesOf(own.length > 0 ? own : runtimes), probing });
  }

  /** What the probe prefers, unless the user chose one that works. */
  #withPreferred(): RuntimeInfo[] {
    const set = this.settings.value.defaultRuntime;
    const infos = this.#found;
    if (!infos.some(({ id, usable }) => id === set && usable.ok)) return infos;
    return infos.map((info) => ({ ...info, preferred: info.id === set }));
  }

  #change(values: Partial<SystemInfo>): void {
    this.info.set({ ...this.info.value, ...values });
  }
}

/** One that was tried by being used, as no containerd is. */
function isOwn({ id }: RuntimeInfo): boolean {
  return !isContainerdRuntime(id);
}

/** Something can be done when one runtime can do it; else the reason of the one that is preferred. */
function abilitiesOf(
  runtimes: RuntimeInfo[],
  nothing = "No container runtime was found on this machine",
): SystemInfo["abilities"] {
  const usable = runtimes.filter(({ usable }) => usable.ok);
  const of = (name: "checkpoint" | "limits" | "pause"): { ok: boolean; reason?: string } => {
    const best = usable.find(({ abilities }) => abilities[name].ok);
    const first = usable.find(({ preferred }) => preferred) ?? usable[0];
    return (best ?? first)?.abilities[name] ?? { ok: false, reason: nothing };
  };
  return { checkpoint: of("checkpoint"), limits: of("limits"), pause: of("pause") };
}
