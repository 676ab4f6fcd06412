import type { Disposable } from "#shared/base/disposable";
import { AppError, type ErrorInfo } from "#shared/errors";
import { type ShimEvent, readEvent } from "../shim/events.ts";
import type { ContainerdClient } from "./client.ts";
import { followContainerd } from "./follow.ts";

/** Milliseconds for a containerd to say its version: a load has five seconds in all (manager.ts). */
const answerTime = 2000;

/** Someone for whom a connection is kept. */
export interface ConnectionMember {
  /** As containerd knows the container. */
  namespace: string;
  id: string;
  /** It answers, or does again. */
  up(): void;
  down(): void;
  hear(event: ShimEvent): void;
}

/** The connection to one containerd that all tasks in it share: open for as long as any of them is interested. */
export class Connection {
  readonly #address: string;
  readonly #members = new Set<ConnectionMember>();
  readonly #abort = new AbortController();
  /** Resolves when the first try has come to something. */
  readonly #settled: Promise<void>;
  #settle = (): void => undefined;
  #client: ContainerdClient | undefined;
  #error: ErrorInfo | undefined;

  private constructor(address: string) {
    this.#address = address;
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { signal } = this.#abort;
    void followContainerd(
      address,
      signal,
      (client) => this.#serve(client, signal),
      (error) => this.#down(error),
    );
  }

  static join(address: string, member: ConnectionMember): { connection: Connection } & Disposable {
    const connection = connections.get(address) ?? new Connection(address);
    connections.set(address, connection);
    connection.#members.add(member);
    return { connection, dispose: () => connection.#leave(member) };
  }

  /** While it answers. */
  get client(): ContainerdClient | undefined {
    return this.#client;
  }

  /** Why it does not. */
  get error(): ErrorInfo | undefined {
    return this.#error;
  }

  /** UNAVAILABLE while it is away; waits for the outcome of a first try. */
  async ready(): Promise<ContainerdClient> {
    await this.#settled;
    if (this.#client) return this.#client;
    throw this.#error
      ? AppError.fromInfo(this.#error)
      : new AppError("UNAVAILABLE", `The connection to ${this.#address} was closed`);
  }

  async #serve(client: ContainerdClient, signal: AbortSignal): Promise<void> {
    await client.version({ signal, timeout: answerTime });
    const events = client.events(signal);
    // Asked for before anything is made, so that what becomes of it is heard.
    let next = events.next();
    this.#client = client;
    this.#error = undefined;
    this.#settle();
    for (const member of this.#members) member.up();
    for (let item = await next; !item.done; item = await next) {
      next = events.next();
      const { namespace, topic, value } = item.value;
      const told = readEvent(topic, value);
      if (!told) continue;
      for (const member of this.#members) {
        if (member.namespace === namespace && member.id === told.containerId) {
          member.hear(told.event);
        }
      }
    }
  }

  #down(error: AppError): void {
    this.#client = undefined;
    this.#error = error.toInfo();
    this.#settle();
    for (const member of this.#members) member.down();
  }

  #leave(member: ConnectionMember): void {
    this.#members.delete(member);
    if (this.#members.size > 0 || connections.get(this.#address) !== this) return;
    connections.delete(this.#address);
    this.#abort.abort();
    this.#client?.close();
    this.#client = undefined;
    this.#settle();
  }
}

const connections = new Map<string, Connection>();
