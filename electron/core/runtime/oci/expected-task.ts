import type { ChildProcess } from "node:child_process";
import type { BundlePlace } from "../bundle-place.ts";
import type { ExpectedTask, RootfsMount } from "../runtime.ts";
import type { Isolation } from "./starter.ts";
import type { WaitingShim } from "./waiting-shim.ts";

/** What its runtime knows of it. */
interface Ways {
  /** conmon's. */
  argv: string[];
  isolation: () => Promise<Isolation>;
  /** argv that mounts a root file system for it. */
  mountCommand: (rootfs: RootfsMount) => string[];
  /** Whether a runtime started now would be the same program. */
  current: () => boolean;
  /** Ends shim and runtime. */
  end: () => Promise<void>;
}

/** A conmon that has its root file system mounted; with `deliver` it has started its runtime, which waits for the spec. */
export interface StartedShim {
  child: ChildProcess;
  deliver?: (signal: AbortSignal) => Promise<void>;
}

interface Mounting {
  rootfs: RootfsMount;
  /** False when it could not be. */
  mounted: Promise<boolean>;
}

/**
 * A shim that waits, and the place of its bundle, where its runtime waits for the spec. Once it is begun the root file
 * system is mounted, while the spec is still being made.
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
    if (this.#place && !this.#over) this.#mount(rootfs);
  }

  /** The place, where it is for this root file system and these arguments; else it is undone, and another bundle can be made. */
  async placeFor(argv: string[], rootfs: RootfsMount): Promise<BundlePlace | undefined> {
    const same = (one: unknown, other: unknown): boolean =>
      JSON.stringify(one) === JSON.stringify(other);
    if (this.#place && same(this.#ways.argv, argv)) {
      const { rootfs: begun } = this.#mount(rootfs);
      if (same(begun, rootfs)) return this.#place;
    }
    await this.#clear();
    return undefined;
  }

  /**
   * The shim, for a bundle that is there; from here on it is the caller's. Undefined when another one has to be started,
   * then nothing of this one is left.
   */
  async take(argv: string[], rootfs: RootfsMount): Promise<StartedShim | undefined> {
    this.#over = true;
    const place = this.#place;
    if (place) {
      const mounted = await this.#mount(rootfs).mounted;
      if (mounted) return { child: this.#shim.go(), deliver: (to) => place.deliver(to) };
      await this.#end();
      await place.settle();
      return undefined;
    }
    const { isolation, mountCommand } = this.#ways;
    const fits = this.#shim.fits(argv, await isolation());
    if (fits && (await this.#shim.prepare(mountCommand(rootfs)))) return { child: this.#shim.go() };
    this.#shim.dispose();
    return undefined;
  }

  async drop(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#clear();
    this.#shim.dispose();
  }

  /** At most once. */
  #mount(rootfs: RootfsMount): Mounting {
    this.#mounting ??= { rootfs, mounted: this.#mounted(rootfs) };
    return this.#mounting;
  }

  async #mounted(rootfs: RootfsMount): Promise<boolean> {
    try {
      return await this.#shim.prepare(this.#ways.mountCommand(rootfs));
    } catch {
      return false;
    }
  }

  async #end(): Promise<void> {
    await this.#ways.end();
    // A mount that is under way when it is killed is made all the same, and changes the directories it is made of.
    await this.#mounting?.mounted;
    this.#shim.dispose();
  }

  async #clear(): Promise<void> {
    if (!this.#place) return;
    await this.#end();
    await this.#place.remove();
    this.#place = undefined;
  }
}
