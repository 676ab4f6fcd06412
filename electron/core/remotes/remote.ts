import { setTimeout as delay } from "node:timers/promises";
import { AppError, type ErrorInfo } from "#shared/errors";
import { ContainerdClient, type RemoteState } from "../runtime/containerd/client.ts";

/** Milliseconds between tries while nobody answers. */
const retryDelay = 2000;

/**
 * One containerd, followed: its list is made whole at each connection, after its events were subscribed to, so that
 * nothing falls between, and each event makes its container be looked at again.
 */
export class Remote {
  readonly address: string;
  readonly #changed: (containers: Iterable<string>) => void;
  readonly #abort = new AbortController();
  /** By `NAMESPACE ID`. */
  readonly containers = new Map<string, RemoteState>();
  #client: ContainerdClient | undefined;
  namespaces: string[] = [];
  version: string | undefined;
  status: "connecting" | "connected" | "away" = "connecting";
  error: ErrorInfo | undefined;

  /** `changed` is told which containers are new, different or gone; the place itself may have changed too. */
  constructor(address: string, changed: (containers: Iterable<string>) => void) {
    this.address = address;
    this.#changed = changed;
    void this.#follow();
  }

  /** UNAVAILABLE while nobody answers. */
  get client(): ContainerdClient {
    if (this.#client && this.status === "connected") return this.#client;
    throw new AppError("UNAVAILABLE", `Nobody answers at ${this.address}`, {
      hint: "It is tried again every two seconds.",
    });
  }

  close(): void {
    this.#abort.abort();
    this.#client?.close();
  }

  /** Looks at one again, without waiting for an event. */
  async refresh(namespace: string, id: string): Promise<void> {
    const { signal } = this.#abort;
    const state = await this.client.get(namespace, id, { signal });
    const key = `${namespace} ${id}`;
    if (state) this.containers.set(key, state);
    else this.containers.delete(key);
    this.#changed([key]);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        this.#client = await ContainerdClient.open(this.address);
        await this.#connection(this.#client, signal);
        throw new AppError("UNAVAILABLE", `containerd at ${this.address} has ended`);
      } catch (error) {
        this.#client?.close();
        if (signal.aborted) return;
        this.status = "away";
        this.error = AppError.from(error).toInfo();
        const gone = [...this.containers.keys()];
        this.containers.clear();
        this.#changed(gone);
      }
      await delay(retryDelay, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until it breaks or ends. */
  async #connection(client: ContainerdClient, signal: AbortSignal): Promise<void> {
    const version = await client.version({ signal });
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const dirty = new Set<string>();
    let wake = (): void => undefined;
    const listening = (async () => {
      for await (const { namespace, containerId } of client.events(either)) {
        // Also of a namespace that is new: it has a container now.
        if (containerId !== undefined) dirty.add(`${namespace} ${containerId}`);
        wake();
      }
    })();
    listening.catch(() => undefined).finally(() => wake());
    try {
      const namespaces = await client.namespaces({ signal });
      const lists = await Promise.all(namespaces.map((name) => client.list(name, { signal })));
      for (const state of lists.flat())
        this.containers.set(`${state.namespace} ${state.id}`, state);
      Object.assign(this, { version, namespaces, status: "connected", error: undefined });
      this.#changed(this.containers.keys());
      let over = false;
      void listening.catch(() => undefined).then(() => (over = true));
      while (!over && !signal.aborted) {
        if (dirty.size === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const keys = [...dirty];
        dirty.clear();
        for (const key of keys) await this.#look(client, key, signal);
        this.#changed(keys);
      }
      await listening;
    } finally {
      ended.abort();
    }
  }

  async #look(client: ContainerdClient, key: string, signal: AbortSignal): Promise<void> {
    const space = key.indexOf(" ");
    const namespace = key.slice(0, space);
    const state = await client.get(namespace, key.slice(space + 1), { signal });
    if (state) this.containers.set(key, state);
    else this.containers.delete(key);
    if (!this.namespaces.includes(namespace)) {
      this.namespaces = [...this.namespaces, namespace].sort();
    }
  }
}
