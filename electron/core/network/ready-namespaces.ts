import { machine } from "./ground.ts";
import { HeldNamespace } from "./held-namespace.ts";

/** Milliseconds after one was taken until the next one is made: not in the way of what goes on just then. */
const pause = 150;
/** Milliseconds that it is kept; who starts a container, starts the next soon. */
const kept = 5 * 60_000;

/**
 * Network namespaces for root's containers, the next one made before it is asked for. An ordinary user's are not: who
 * waits in them would be taken for one who needs the user's own namespaces.
 */
export class ReadyNamespaces {
  #ready: HeldNamespace | undefined;
  #making: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;

  /** To be released by the caller. Rejects when none can be made. */
  async take(): Promise<HeldNamespace> {
    clearTimeout(this.#timer);
    clearTimeout(this.#expiry);
    const found = this.#ready;
    this.#ready = undefined;
    const taken = found?.isHeld ? found : await HeldNamespace.make(machine);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#prepare(), pause).unref();
    return taken;
  }

  /** Resolves when none is kept or being made. */
  async drop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#making;
    this.#letGo();
  }

  #prepare(): void {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
  }

  async #make(): Promise<void> {
    if (this.#ready) return;
    // Whoever needs one is told why there is none.
    this.#ready = await HeldNamespace.make(machine).catch(() => undefined);
    this.#expiry = setTimeout(() => this.#letGo(), kept).unref();
  }

  #letGo(): void {
    clearTimeout(this.#expiry);
    this.#ready?.release();
    this.#ready = undefined;
  }
}
