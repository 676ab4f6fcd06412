import type { Disposable } from "#shared/base/disposable";
import type { VolumeUser } from "#shared/contract/volumes";
import { AppError } from "#shared/errors";
import type { Exchange, Topic } from "../events/exchange.ts";
import { Serial } from "../runtime/serial.ts";
import type { VolumeDisk } from "./volume-disk.ts";
import type { VolumeRecord, VolumeStore } from "./volume-store.ts";
import type { VolumeUse } from "./volume-uses.ts";

/** A container, as far as its volumes go. */
export interface Holder {
  id: string;
  name: string;
  /** It runs, or may, or something is being done to it. */
  live: boolean;
  volumes: VolumeUse[];
}

export interface VolumeSetOptions {
  store: VolumeStore;
  disk: VolumeDisk;
  exchange: Exchange;
  holders: () => Iterable<Holder>;
  /** Called, and waited for, before a volume's files are replaced or removed. */
  release: (name: string) => Promise<void>;
  onChange: (name: string) => void;
}

/** The volumes, each with its record, its directory and who has it; what is done to one is done in turn. */
export class VolumeSet {
  readonly store: VolumeStore;
  readonly disk: VolumeDisk;
  readonly #o: VolumeSetOptions;
  readonly #turns = new Map<string, Serial>();
  readonly #held = new Map<string, number>();
  readonly #busy = new Map<string, string>();

  constructor(options: VolumeSetOptions) {
    this.#o = options;
    this.store = options.store;
    this.disk = options.disk;
  }

  /** Runs `body` after whatever is being done to that volume. */
  turn<T>(name: string, body: () => Promise<T>): Promise<T> {
    let serial = this.#turns.get(name);
    if (!serial) this.#turns.set(name, (serial = new Serial()));
    return serial.run(body);
  }

  /** Who has which volume. */
  users(): Map<string, (VolumeUser & { live: boolean })[]> {
    const users = new Map<string, (VolumeUser & { live: boolean })[]>();
    for (const { id, name, live, volumes } of this.#o.holders()) {
      for (const { name: volume, target, readOnly } of volumes) {
        const user = { containerId: id, containerName: name, target, readOnly, live };
        users.set(volume, [...(users.get(volume) ?? []), user]);
      }
    }
    return users;
  }

  /** Keeps a volume from being removed until it is disposed of: a container is being made with it. */
  hold(name: string): Disposable {
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    return {
      dispose: () => {
        const left = (this.#held.get(name) ?? 1) - 1;
        if (left === 0) this.#held.delete(name);
        else this.#held.set(name, left);
      },
    };
  }

  /** Those that no container has, nor is being made with; of `anonymous` only those. */
  unused(what: "anonymous" | "unused"): VolumeRecord[] {
    const users = this.users();
    return this.store
      .list()
      .filter(({ anonymous }) => anonymous || what === "unused")
      .filter(({ name }) => !users.has(name) && !this.#held.has(name) && !this.#busy.has(name));
  }

  /** FAILED_PRECONDITION, naming them, while containers have it. */
  requireUnused(name: string): void {
    const users = this.users().get(name) ?? [];
    if (users.length > 0) {
      const names = [...new Set(users.map(({ containerName }) => containerName))];
      const who = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
      throw new AppError("FAILED_PRECONDITION", `"${name}" is used by ${who.join(", ")}`, {
        subject: `volume "${name}"`,
        hint: `Delete ${names.length > 1 ? "those containers" : "that container"} first.`,
      });
    }
    if (this.#held.has(name)) {
      throw new AppError("FAILED_PRECONDITION", `A container is being created with "${name}"`, {
        subject: `volume "${name}"`,
        hint: "Try again when that is done.",
      });
    }
    this.requireIdle(name);
  }

  /** FAILED_PRECONDITION while its files are being replaced. */
  requireIdle(name: string): void {
    const what = this.#busy.get(name);
    if (what === undefined) return;
    throw new AppError("FAILED_PRECONDITION", `"${name}" is being ${what} now`, {
      subject: `volume "${name}"`,
      hint: "Wait until that has ended, or cancel it.",
    });
  }

  /** Says that its files are being replaced, until it is disposed of; `what`: `restored`. */
  occupy(name: string, what: string): Disposable {
    this.#busy.set(name, what);
    return { dispose: () => this.#busy.delete(name) };
  }

  /** The record first, then the directory: a record without one is that of a volume half made, or half removed. */
  async make(record: VolumeRecord): Promise<void> {
    const { name } = record;
    await this.store.put(record);
    try {
      await this.disk.make(name);
    } catch (error) {
      await this.store.remove(name);
      throw error;
    } finally {
      this.#o.onChange(name);
    }
    this.publish("/volumes/create", name);
  }

  /** It stays by itself from here on, whatever becomes of what it was made for. */
  async keep(name: string): Promise<void> {
    const record = this.store.get(name);
    if (record?.madeFor === undefined) return;
    const { madeFor: _, ...kept } = record;
    await this.store.put(kept);
  }

  /** With all that is in it. Idempotent. In its turn. */
  async remove(name: string): Promise<void> {
    await this.#o.release(name);
    const purge = await this.disk.remove(name);
    if (this.store.get(name)) {
      await this.store.remove(name);
      this.publish("/volumes/delete", name);
    }
    this.#o.onChange(name);
    await purge();
  }

  async release(name: string): Promise<void> {
    await this.#o.release(name);
  }

  publish(topic: Topic, name: string, data: Record<string, string> = {}): void {
    this.#o.exchange.publish({ topic, data: { volume: name, ...data } });
  }
}
