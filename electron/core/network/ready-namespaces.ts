import type { Ground } from "./ground.ts";
import { HeldNamespace } from "./held-namespace.ts";

/** Milliseconds after one was taken until the next one is made: not in the way of what goes on just then. */
const pause = 150;
/** Milliseconds that it is kept: who starts many does not wait between them, and one alone is fast enough. */
const kept = 30_000;

type Place = Pick<Ground, "proc" | "enter">;

/**
 * Network namespaces for containers, the next one made before it is asked for. Who waits in an ordinary user's keeps
 * nobody from ending the user's own namespaces: what is of another ground than the container is let go of.
 */
export class ReadyNamespaces {
  #ready: { namespace: HeldNamespace; place: Place } | undefined;
  #making: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;

  /** In the user namespace of a ground; to be released by the caller. Rejects when none can be made. */
  async take(place: Place): Promise<HeldNamespace> {
    clearTimeout(this.#timer);
    const found = this.#ready;
    const fits = found?.namespace.isHeld && found.place.proc === place.proc;
    if (fits) this.#ready = undefined;
    else this.#letGo();
    clearTimeout(this.#expiry);
    const taken = fits ? found.namespace : await HeldNamespace.make(place);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#prepare(place), pause).unref();
    return taken;
  }

  /** Resolves when none is kept or being made. */
  async drop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#making;
    this.#letGo();
  }

  #prepare(place: Place): void {
    this.#making ??= this.#make(place).finally(() => {
      this.#making = undefined;
    });
  }

  async #make(place: Place): Promise<void> {
    if (this.#ready) return;
    // Whoever needs one is told why there is none.
    const namespace = await HeldNamespace.make(place).catch(() => undefined);
    this.#ready = namespace && { namespace, place };
    this.#expiry = setTimeout(() => this.#letGo(), kept).unref();
  }

  #letGo(): void {
    clearTimeout(this.#expiry);
    this.#ready?.namespace.release();
    this.#ready = undefined;
  }
}
