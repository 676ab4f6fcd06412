import type { ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import type { BundlePlace } from "../bundle-place.ts";
import type { ExpectedTask, RootfsMount } from "../runtime.ts";
import type { Isolation } from "./starter.ts";
import type { WaitingShim } from "./waiting-shim.ts";

/** What its runtime knows of it. */
interface Ways {
  /** conmon's. */
  argv: string[];
  isolation: () => Promise<Isolation>;
  /** argv that mounts a root file system for it, and that takes all mounts away again. */
  mountCommand: (rootfs: RootfsMount) => string[];
  unmountCommand: string[];
  /** Whether a runtime started now would be the same program. */
  current: () => boolean;
  /** Ends shim and runtime, which have made nothing yet. */
  end: () => Promise<void>;
}

/** A conmon that has its root file system mounted; with `deliver` it has started its runtime, which waits for the spec. */
export interface StartedShim {
  child: ChildProcess;
  deliver?: (signal: AbortSignal) => Promise<void>;
  /** To be called once it has the spec, or is given up. */
  leave: () => void;
}

/** What a container comes with. */
interface Wanted {
  /** conmon's. */
  argv: string[];
  rootfs: RootfsMount;
  /** Paths of this machine that its making looks at; undefined: any. */
  uses: string[] | undefined;
}

interface Mounting {
  /** Of what, and which files that were. */
  what: string;
  /** False when it could not be. */
  mounted: Promise<boolean>;
}

/**
 * A shim that waits, and the place of its bundle, where its runtime waits for the spec. Once it is begun the root file
 * system is mounted, while the spec is still being made, or before anybody has asked for it.
 */
export class OciExpectedTask implements ExpectedTask {
  readonly #shim: WaitingShim;
  readonly #ways: Ways;
  /** Until it is removed, or a bundle. */
  #place: BundlePlace | undefined;
  #mounting: Mounting | undefined;
  #over = false;

  /** Without a `place` its runtime is not started yet, and nothing is begun. */
  constructor(shim: WaitingShim, place: BundlePlace | undefined, ways: Ways) {
    this.#shim = shim;
    this.#place = place;
    this.#ways = ways;
  }

  async fits(): Promise<boolean> {
    const { argv, isolation, current } = this.#ways;
    return this.#shim.fits(argv, await isolation()) && current();
  }

  begin(rootfs: RootfsMount): void {
    if (this.#place && !this.#over && !comesEarly(rootfs)) void this.#mount(rootfs);
  }

  /** The place, where it is as good as a new one; else it is undone, and another bundle can be made. */
  async placeFor({ argv, rootfs, uses }: Wanted): Promise<BundlePlace | undefined> {
    const same =
      this.#place &&
      !comesEarly(rootfs) &&
      JSON.stringify(this.#ways.argv) === JSON.stringify(argv);
    if (same && (await this.#shim.finds(uses))) {
      void this.#mount(rootfs);
      return this.#place;
    }
    await this.#clear();
    return undefined;
  }

  /**
   * The shim, for a bundle that is there; from here on it is the caller's. Undefined when another one has to be started,
   * then nothing of this one is left.
   */
  async take({ argv, rootfs, uses }: Wanted): Promise<StartedShim | undefined> {
    this.#over = true;
    this.#shim.hold();
    const place = this.#place;
    if (place) {
      if (await this.#mount(rootfs)) {
        return { ...this.#go(), deliver: (to) => place.deliver(to) };
      }
      await this.#end();
      await place.settle();
      return undefined;
    }
    const { isolation, mountCommand } = this.#ways;
    const fits =
      !comesEarly(rootfs) &&
      this.#shim.fits(argv, await isolation()) &&
      (await this.#shim.finds(uses));
    if (fits && (await this.#shim.run(mountCommand(rootfs)))) return this.#go();
    this.#shim.dispose();
    return undefined;
  }

  async drop(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#clear();
    this.#shim.dispose();
  }

  #go(): StartedShim {
    return { child: this.#shim.go(), leave: () => this.#shim.leave() };
  }

  /** False when it can't be. What was mounted of others is taken away before. */
  #mount(rootfs: RootfsMount): Promise<boolean> {
    const what = JSON.stringify([rootfs, rootfs.lower.map(({ path }) => fileStamp(path))]);
    if (this.#mounting?.what !== what) {
      const before = this.#mounting?.mounted;
      this.#mounting = { what, mounted: this.#mountNew(rootfs, before !== undefined) };
    }
    return this.#mounting.mounted;
  }

  async #mountNew(rootfs: RootfsMount, others: boolean): Promise<boolean> {
    const { mountCommand, unmountCommand } = this.#ways;
    try {
      const command = mountCommand(rootfs);
      if (others) void this.#shim.run(unmountCommand);
      return await this.#shim.run(command);
    } catch {
      return false;
    }
  }

  async #end(): Promise<void> {
    // A mount that is under way when it is killed is made all the same, and changes the directories it is made of.
    await this.#mounting?.mounted;
    // First what is still becoming a conmon: it is told by its process group, but not by its name at each moment.
    this.#shim.dispose();
    await this.#ways.end();
  }

  async #clear(): Promise<void> {
    if (!this.#place) return;
    await this.#end();
    await this.#place.remove();
    this.#place = undefined;
  }
}

/** Whether conmon has to find it mounted: it brings a /dev/null, which one that waits has opened already. */
const comesEarly = ({ idmap }: RootfsMount): boolean => idmap !== undefined;

/** Another one where the file was replaced, as an upgrade or a new import does. At once: a start waits for it. */
export function fileStamp(path: string): string {
  try {
    const { dev, ino, ctimeMs } = statSync(path);
    return `${dev}:${ino}:${ctimeMs}`;
  } catch {
    return "";
  }
}
