import { defaultNamespace, newId } from "../base/ids.ts";
import { containerLog, type Paths } from "../host/paths.ts";
import type { RootfsMount, Tasks } from "../runtime/runtime.ts";
import type { Snapshotter } from "../snapshots/snapshotter.ts";

/** What the next container has to have in common with the last one for its shim to be of use. */
export interface Kind {
  runtime: string;
  terminal: boolean;
  stdin: boolean;
}

/** An id with its directories, and the shim that waits for it. */
export interface Place {
  id: string;
  /** See ExpectedTask. */
  fits(): Promise<boolean>;
  begin(rootfs: RootfsMount): void;
  /** Resolves when nothing waits for it any more. Its directories stay. */
  drop(): Promise<void>;
}

/** An image's layers by their diff ids, base first; undefined where nothing of it is to be mounted. May throw. */
type Layers = () => readonly string[] | undefined;

interface Kept {
  place: Place;
  /** That it has mounted, or was to have. */
  layers: readonly string[];
  expiry: NodeJS.Timeout;
}

/** Milliseconds after a creation until the next one is made ready: not in the way of what goes on just then. */
const pause = 150;
/** Milliseconds that it is kept: who creates many does not wait between them, and one alone is fast enough. */
const kept = 30_000;
/** Of how many kinds one is kept: each has a runtime that waits. */
const maxKinds = 2;

/**
 * Who creates a container, creates another one soon, of the same kind: so the next one's id is chosen, its
 * directories are made and its shim is started before it is asked for. What is not asked for is removed; what a
 * killed manager leaves of it the next one finds to belong to no container.
 */
export class NextContainer {
  readonly #o: { tasks: Tasks; snapshots: Snapshotter; paths: Paths };
  readonly #places = new Map<string, Kept>();
  readonly #preparing = new Map<string, NodeJS.Timeout>();
  readonly #underway = new Set<Promise<void>>();
  /** Not as good any more as what would be started now. */
  readonly #unfit = new Set<Place>();
  #closed = false;

  constructor(options: { tasks: Tasks; snapshots: Snapshotter; paths: Paths }) {
    this.#o = options;
  }

  /**
   * A place for a container of this kind, if one is ready, and the making of the next, which has `layers` mounted already.
   * The caller drops it once the container is created or has failed to be, and removes the directories when it failed.
   */
  async take(kind: Kind, layers: Layers): Promise<Place | undefined> {
    const key = JSON.stringify(kind);
    const found = this.#places.get(key);
    this.#places.delete(key);
    clearTimeout(found?.expiry);
    clearTimeout(this.#preparing.get(key));
    const prepare = (): void => {
      this.#beside(this.#removeUnfit());
      this.#beside(this.#prepare(key, kind, layers));
    };
    this.#preparing.set(key, setTimeout(prepare, pause).unref());
    if (!found) return undefined;
    if (await found.place.fits().catch(() => false)) return found.place;
    this.#unfit.add(found.place);
    return undefined;
  }

  /** Resolves when nothing that was made ready has this layer mounted: its files are about to be removed. */
  async release(diffId: string): Promise<void> {
    await Promise.all(this.#underway);
    const holders = [...this.#places].filter(([, { layers }]) => layers.includes(diffId));
    await Promise.all(holders.map(([key]) => this.#drop(key)));
    await this.#removeUnfit();
  }

  /** Resolves when nothing of what was made ready is left. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.drop();
  }

  /** As `close`, until the next creation. */
  async drop(): Promise<void> {
    for (const timer of this.#preparing.values()) clearTimeout(timer);
    // What it has begun when it is closed it removes again by itself.
    await Promise.all(this.#underway);
    await Promise.all([...this.#places.keys()].map((key) => this.#drop(key)));
    await this.#removeUnfit();
  }

  async #prepare(key: string, { runtime, terminal, stdin }: Kind, layersOf: Layers): Promise<void> {
    const { tasks, snapshots, paths } = this.#o;
    if (this.#closed || this.#places.has(key)) return;
    const id = newId();
    // Before anything is waited for: who removes the image from here on waits for this.
    const layers = orNone(layersOf);
    await snapshots.prepare(defaultNamespace, id);
    const logPath = containerLog(paths, defaultNamespace, id);
    const expected = { namespace: defaultNamespace, id, terminal, stdin, logPath };
    const shim = await tasks.expect(runtime, expected).catch(() => undefined);
    if (layers !== undefined) {
      // Where they have gone, who wants them is told.
      const mounts = snapshots.mounts(defaultNamespace, id, layers);
      await mounts.then((rootfs) => shim?.begin(rootfs)).catch(() => undefined);
    }
    const place: Place = {
      id,
      // Without one the directories are something, too.
      fits: async () => shim?.fits() ?? true,
      begin: (rootfs) => shim?.begin(rootfs),
      drop: async () => shim?.drop(),
    };
    // Closed, or overtaken by another one, meanwhile.
    if (this.#closed || this.#places.has(key)) return this.#remove(place);
    const expiry = setTimeout(() => this.#beside(this.#drop(key)), kept).unref();
    this.#places.set(key, { place, layers: layers ?? [], expiry });
    // The oldest is the first.
    const [oldest] = this.#places.keys();
    if (oldest !== undefined && this.#places.size > maxKinds) await this.#drop(oldest);
  }

  async #removeUnfit(): Promise<void> {
    const places = [...this.#unfit];
    this.#unfit.clear();
    await Promise.all(places.map((place) => this.#remove(place)));
  }

  /** Nobody waits for it but who lets go of what was made ready. */
  #beside(work: Promise<void>): void {
    const done = work.catch(() => undefined).finally(() => this.#underway.delete(done));
    this.#underway.add(done);
  }

  async #drop(key: string): Promise<void> {
    const found = this.#places.get(key);
    if (!found) return;
    this.#places.delete(key);
    clearTimeout(found.expiry);
    await this.#remove(found.place);
  }

  async #remove(place: Place): Promise<void> {
    await place.drop();
    await this.#o.snapshots.remove(defaultNamespace, place.id);
  }
}

/** Of an image that was removed meanwhile there is nothing to be mounted. */
function orNone(layers: Layers): readonly string[] | undefined {
  try {
    return layers();
  } catch {
    return undefined;
  }
}
