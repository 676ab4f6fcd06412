import { AppError, type ErrorInfo } from "#shared/errors";
import type { ContainerdClient, RemoteState } from "../runtime/containerd/client.ts";
import { followContainerd } from "../runtime/containerd/follow.ts";

/** Milliseconds after which a new subscription to events has surely begun. */
const settle = 1000;

/** In place of a container: all there is. */
const everything = "";

/**
 * One containerd, followed: its list is made whole at each connection and a moment later, and each event makes its
 * container be looked at again.
 */
export class Remote {
  readonly address: string;
  readonly #changed: (containers: Iterable<string>) => void;
  readonly #abort = new AbortController();
  /** By `NAMESPACE ID`. */
  readonly containers = new Map<string, RemoteState>();
  /** Which are to be looked at again, by `NAMESPACE ID`; one after another, so that the newest answer stays. */
  readonly #dirty = new Set<string>();
  #wake = (): void => undefined;
  #client: ContainerdClient | undefined;
  namespaces: string[] = [];
  version: string | undefined;
  status: "connecting" | "connected" | "away" = "connecting";
  error: ErrorInfo | undefined;

  /** `changed` is told which containers are new, different or gone; the place itself may have changed too. */
  constructor(address: string, changed: (containers: Iterable<string>) => void) {
    this.address = address;
    this.#changed = changed;
    const { signal } = this.#abort;
    const serve = (client: ContainerdClient): Promise<void> => this.#connection(client, signal);
    void followContainerd(address, signal, serve, (error) => this.#away(error));
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
  refresh(namespace: string, id: string): void {
    this.#mark(`${namespace} ${id}`);
  }

  #away(error: AppError): void {
    this.#client = undefined;
    this.status = "away";
    this.error = error.toInfo();
    const gone = [...this.containers.keys()];
    this.containers.clear();
    this.#changed(gone);
  }

  /** Until it breaks or ends. */
  async #connection(client: ContainerdClient, signal: AbortSignal): Promise<void> {
    this.#client = client;
    this.version = await client.version({ signal });
    const ended = new AbortController();
    let over = false;
    const listening = (async () => {
      const events = client.events(AbortSignal.any([signal, ended.signal]));
      for await (const { namespace, topic, containerId } of events) {
        if (containerId !== undefined) this.#mark(`${namespace} ${containerId}`);
        else if (topic.startsWith("/namespaces/")) this.#mark(everything);
      }
    })();
    const noteEnd = (): void => {
      over = true;
      this.#wake();
    };
    listening.then(noteEnd, noteEnd);
    this.#dirty.add(everything);
    // Nobody says when the events have begun: what fell between is found by a second look.
    const second = setTimeout(() => this.#mark(everything), settle);
    try {
      while (!over && !signal.aborted) {
        if (this.#dirty.size === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        const keys = [...this.#dirty];
        this.#dirty.clear();
        if (keys.includes(everything)) {
          await this.#lookAtAll(client, signal);
        } else {
          for (const key of keys) await this.#look(client, key, signal);
          this.#changed(keys);
        }
      }
      await listening;
    } finally {
      clearTimeout(second);
      ended.abort();
    }
  }

  #mark(key: string): void {
    this.#dirty.add(key);
    this.#wake();
  }

  async #lookAtAll(client: ContainerdClient, signal: AbortSignal): Promise<void> {
    const namespaces = await client.namespaces({ signal });
    const lists = await Promise.all(namespaces.map((name) => client.list(name, { signal })));
    const before = [...this.containers.keys()];
    this.containers.clear();
    for (const state of lists.flat()) this.containers.set(`${state.namespace} ${state.id}`, state);
    Object.assign(this, { namespaces, status: "connected", error: undefined });
    this.#changed(new Set([...before, ...this.containers.keys()]));
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
