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
  /** Ends what was begun. */
  end: () => Promise<void>;
}

interface Begun {
  child: ChildProcess;
  rootfs: RootfsMount;
  /** False when it could not be. */
  mounted: Promise<boolean>;
}

/** A conmon that has its root file system mounted; with `deliver` it has started its runtime, which waits for the spec. */
export interface StartedShim {
  child: ChildProcess;
  deliver?: (signal: AbortSignal) => Promise<void>;
}

/**
 * A shim that waits, and the place of its bundle. Once it is begun the runtime is started, as far as to the spec, and
 * the root file system mounted, while the spec is still being made.
 */
export class OciExpectedTask implements ExpectedTask {
  readonly #shim: WaitingShim;
  readonly #ways: Ways;
  /** Until it is removed, or a bundle. */
  #place: BundlePlace | undefined;
  #begun: Promise<Begun | undefined> = Promise.resolve(undefined);
  #over = false;

  /** Without a `place` nothing is begun. */
  constructor(shim: WaitingShim, place: BundlePlace | undefined, ways: Ways) {
    this.#shim = shim;
    this.#place = place;
    this.#ways = ways;
  }

  begin(rootfs: RootfsMount): void {
    if (this.#place) this.#begun = this.#begin(this.#place, rootfs);
  }

  /**
   * The place, where what was begun is for this root file system and these arguments; else it is undone, and another
   * bundle can be made.
   */
  async placeFor(argv: string[], rootfs: RootfsMount): Promise<BundlePlace | undefined> {
    const begun = await this.#begun;
    const same = (one: unknown, other: unknown): boolean =>
      JSON.stringify(one) === JSON.stringify(other);
    if (begun && same(begun.rootfs, rootfs) && same(this.#ways.argv, argv)) return this.#place;
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
    const begun = await this.#begun;
    if (begun && place) {
      if (await begun.mounted) return { child: begun.child, deliver: (to) => place.deliver(to) };
      await this.#end(begun);
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

  async #begin(place: BundlePlace, rootfs: RootfsMount): Promise<Begun | undefined> {
    const { argv, isolation, mountCommand } = this.#ways;
    try {
      const words = mountCommand(rootfs);
      if (!this.#shim.fits(argv, await isolation()) || this.#over) return undefined;
      await place.show();
      const mounted = this.#shim.prepare(words);
      return { child: this.#shim.go(), rootfs, mounted };
    } catch {
      return undefined;
    }
  }

  async #end({ child, mounted }: Begun): Promise<void> {
    await this.#ways.end();
    // A mount that is under way when it is killed is made all the same, and changes the directories it is made of.
    await mounted;
    for (const stream of child.stdio) stream?.destroy();
  }

  async #clear(): Promise<void> {
    const begun = await this.#begun;
    if (begun) await this.#end(begun);
    await this.#place?.remove();
    this.#begun = Promise.resolve(undefined);
    this.#place = undefined;
  }
}
