import { AppError } from "#shared/errors";
import type { View } from "../snapshots/view.ts";
import type { VolumeSet } from "./volume-set.ts";
import { type VolumeHolder, volumesOf } from "./volume-uses.ts";

/** A container that is being made, or started. */
export interface Claimant extends VolumeHolder {
  id: string;
  image: { id: string };
}

/** The volumes of a container that is being made. */
export interface Claim {
  /** Its record is written: they stay. */
  keep(): Promise<void>;
  /** It could not be made: those that were made for it go, unless another container has them by now. */
  undo(): Promise<void>;
}

/** What containers need of volumes. */
export class VolumeClaims {
  readonly #volumes: VolumeSet;
  readonly #view: (imageId: string) => Promise<View>;

  /** `view`: an image's files, to be read. */
  constructor(volumes: VolumeSet, view: (imageId: string) => Promise<View>) {
    this.#volumes = volumes;
    this.#view = view;
  }

  /**
   * Makes those that are not there, as docker does, and fills the empty from the image. Leaves nothing when it fails.
   * Until the claim is kept or undone none of them can be removed.
   */
  async claim(container: Claimant): Promise<Claim> {
    const uses = volumesOf(container);
    const holds = uses.map(({ name }) => this.#volumes.hold(name));
    const made: string[] = [];
    const release = (): void => holds.splice(0).forEach((hold) => hold.dispose());
    const claim: Claim = {
      keep: async () => {
        await Promise.all(made.map((name) => this.#volumes.keep(name)));
        release();
      },
      undo: async () => {
        release();
        for (const name of made) await this.#undo(name);
      },
    };
    // One view for all of them, of an image that may need none.
    let view: Promise<View> | undefined;
    const root = async (): Promise<string> =>
      (await (view ??= this.#view(container.image.id))).root;
    try {
      for (const { name, target, fill, anonymous } of uses) {
        this.#volumes.requireIdle(name);
        await this.#volumes.turn(name, async () => {
          const { store, disk } = this.#volumes;
          if (!store.get(name)) {
            const record = { name, labels: {}, anonymous, createdAt: Date.now() };
            made.push(name);
            await this.#volumes.make({ ...record, madeFor: container.id });
          }
          await disk.recover(name);
          if (fill && (await disk.isEmpty(name))) await disk.fill(name, await root(), target);
        });
      }
      return claim;
    } catch (error) {
      await claim.undo();
      throw error;
    } finally {
      await (await view?.catch(() => undefined))?.[Symbol.asyncDispose]();
    }
  }

  /** NOT_FOUND when one of them has gone, FAILED_PRECONDITION while its files are being replaced. */
  require(container: VolumeHolder): void {
    for (const { name } of volumesOf(container)) {
      if (!this.#volumes.store.get(name)) {
        throw new AppError("NOT_FOUND", `Its volume "${name}" is gone`, {
          subject: `volume "${name}"`,
          hint: "Create one of that name, and restore it from a backup.",
        });
      }
      this.#volumes.requireIdle(name);
    }
  }

  /** Removes an anonymous volume with its container, unless another one has it. */
  async removeAnonymous(name: string): Promise<void> {
    await this.#volumes.turn(name, async () => {
      const free = this.#volumes.unused("anonymous").some((record) => record.name === name);
      if (free) await this.#volumes.remove(name);
    });
  }

  async #undo(name: string): Promise<void> {
    await this.#volumes.turn(name, async () => {
      const free = this.#volumes.unused("unused").some((record) => record.name === name);
      await (free ? this.#volumes.remove(name) : this.#volumes.keep(name));
    });
  }
}
