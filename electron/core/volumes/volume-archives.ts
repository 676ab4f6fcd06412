import { AppError } from "#shared/errors";
import { writeNewFile } from "../images/archive-writer.ts";
import { Progress } from "../images/progress.ts";
import type { Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import { requireForeign } from "../files/foreign.ts";
import type { OperationService } from "../operations/operation-service.ts";
import { packFiles } from "../snapshots/pack.ts";
import { type Restored, unpackVolume } from "./restore.ts";
import type { VolumeSet } from "./volume-set.ts";

export interface VolumeArchivesOptions {
  paths: Paths;
  privileges: Privileges;
  operations: OperationService;
}

/** Volumes as tars, both ways. */
export class VolumeArchives {
  readonly #volumes: VolumeSet;
  readonly #o: VolumeArchivesOptions;

  constructor(volumes: VolumeSet, options: VolumeArchivesOptions) {
    this.#volumes = volumes;
    this.#o = options;
  }

  /** All that is in it. While a container writes to it, each file is as it was when it was read. */
  async *download(
    name: string,
    options: { signal: AbortSignal },
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    this.#volumes.store.require(name);
    this.#volumes.requireIdle(name);
    const chunks = packFiles(this.#volumes.disk.files(name), this.#o.privileges, options);
    // A copy: a message to the window takes the whole buffer that bytes are a part of.
    for await (const chunk of chunks) yield new Uint8Array(chunk);
  }

  /** The same into a file that is not there yet. */
  async backUp(name: string, path: string): Promise<void> {
    this.#volumes.store.require(name);
    this.#volumes.requireIdle(name);
    // It would be in itself.
    await requireForeign(this.#o.paths, path, "path");
    const spec = { kind: "back-up", title: `Backing up ${name}`, cancellable: true };
    const hold = this.#volumes.hold(name);
    try {
      await this.#o.operations.run(spec, async (op) => {
        const progress = new Progress(op);
        const { signal } = op;
        const bytes = packFiles(this.#volumes.disk.files(name), this.#o.privileges, { signal });
        await writeNewFile(path, bytes, { signal, onProgress: (done) => progress.set(done) });
      });
    } finally {
      hold.dispose();
    }
  }

  /**
   * From a tar that may be hostile, in place of all that is in it; a volume is made where there is none. When it fails
   * all is as it was.
   */
  restore(name: string, path: string): Promise<Restored> {
    const spec = { kind: "restore-volume", title: `Restoring ${name}`, cancellable: true };
    return this.#o.operations.run(spec, async (op) => {
      this.#volumes.requireIdle(name);
      this.#requireStill(name);
      const busy = this.#volumes.occupy(name, "restored");
      try {
        return await this.#volumes.turn(name, async () => {
          const { store, disk } = this.#volumes;
          // Whoever had its turn before may have made it.
          const isNew = !store.get(name);
          if (isNew) {
            const record = { name, labels: {}, anonymous: false, createdAt: Date.now() };
            await this.#volumes.make({ ...record, madeFor: op.id });
          }
          try {
            await disk.recover(name);
            let restored: Restored = { files: 0, skippedDevices: 0 };
            const progress = new Progress(op);
            await disk.replace(name, async (directory) => {
              const { rootless } = this.#o.privileges;
              restored = await unpackVolume(
                { path, directory, rootless },
                {
                  signal: op.signal,
                  onProgress: (done, total) => progress.set(done, total),
                },
              );
              await this.#volumes.release(name);
            });
            await this.#volumes.keep(name);
            this.#volumes.publish("/volumes/restore", name, { from: path });
            return restored;
          } catch (error) {
            if (isNew) await this.#volumes.remove(name);
            throw error;
          }
        });
      } finally {
        busy.dispose();
      }
    });
  }

  #requireStill(name: string): void {
    const live = (this.#volumes.users().get(name) ?? []).filter((user) => user.live);
    if (live.length === 0) return;
    const names = [...new Set(live.map(({ containerName }) => containerName))].join(", ");
    throw new AppError("FAILED_PRECONDITION", `"${name}" is in use by ${names}`, {
      subject: `volume "${name}"`,
      hint: `Stop ${live.length > 1 ? "them" : "it"} first: its files can't be replaced under a program's feet.`,
    });
  }
}
