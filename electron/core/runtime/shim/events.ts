import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { isPipeAddress } from "#core/host/named-pipe";
import type { Paths } from "#core/host/paths";
import { TtrpcServer } from "#core/ttrpc/server";
import type { Disposable } from "#shared/base/disposable";
import { AppError } from "#shared/errors";
import { ForwardRequestSchema, TaskExitSchema, TaskOomSchema } from "./proto/shim_pb.ts";
import { type ShimExit, toEpoch } from "./task-service.ts";

/** What a shim tells by itself. An exit may come twice, late, or never: Wait and State say it too. */
export type ShimEvent =
  | { type: "exit"; processId: string; pid: number; exit: ShimExit }
  | { type: "oom" };

/** The shim is answered when a promise it gives has resolved. */
type Listener = (event: ShimEvent) => void | Promise<void>;

/** Bytes that a unix socket's path may have (unix(7): 108 with the final zero). */
const maxSocketPath = 107;

/** Exits remembered so that one that is sent again is told once. */
const remembered = 1000;

/** Where the shims of a root send their events: part of what names a shim's socket, so it never changes. */
export function eventsAddress(paths: Paths): string {
  return join(paths.state, "shim-events.sock");
}

/** What of a shim's events is used here; undefined for the others. Topics and messages: containerd's api/events/task.proto. */
export function readEvent(
  topic: string,
  value: Uint8Array,
): { containerId: string; event: ShimEvent } | undefined {
  if (topic === "/tasks/oom") {
    return { containerId: fromBinary(TaskOomSchema, value).containerId, event: { type: "oom" } };
  }
  if (topic !== "/tasks/exit") return undefined;
  const { containerId, id, pid, exitStatus, exitedAt } = fromBinary(TaskExitSchema, value);
  const exit = { code: exitStatus, at: toEpoch(exitedAt) };
  const processId = id === containerId ? "init" : id;
  return { containerId, event: { type: "exit", processId, pid, exit } };
}

/**
 * The server of a root's shims. Open for as long as a task listens; between two managers its socket file stays, see
 * TtrpcServer.listen.
 */
class EventsServer {
  readonly #listeners = new Map<string, Listener>();
  readonly #seen = new Set<string>();
  readonly #server: Promise<TtrpcServer>;

  constructor(address: string, state: string) {
    this.#server = open(address, state, (payload) => this.#forward(payload));
  }

  async ready(): Promise<void> {
    await this.#server;
  }

  get idle(): boolean {
    return this.#listeners.size === 0;
  }

  add(name: string, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  remove(name: string, listener: Listener): void {
    if (this.#listeners.get(name) === listener) this.#listeners.delete(name);
  }

  close(): void {
    void this.#server.then((server) => server.close()).catch(() => {});
  }

  async #forward(payload: Uint8Array): Promise<Uint8Array> {
    const { envelope } = fromBinary(ForwardRequestSchema, payload);
    const value = envelope?.event?.value ?? new Uint8Array();
    const told = readEvent(envelope?.topic ?? "", value);
    if (!told) return new Uint8Array();
    const name = key(envelope?.namespace ?? "", told.containerId);
    const { event } = told;
    if (event.type === "oom" || this.#isNew(`${name} ${JSON.stringify(event)}`)) {
      await this.#listeners.get(name)?.(event);
    }
    return new Uint8Array();
  }

  #isNew(event: string): boolean {
    if (this.#seen.has(event)) return false;
    this.#seen.add(event);
    if (this.#seen.size > remembered) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    return true;
  }
}

async function open(
  address: string,
  state: string,
  forward: (payload: Uint8Array) => Promise<Uint8Array>,
): Promise<TtrpcServer> {
  if (!isPipeAddress(address) && Buffer.byteLength(address) > maxSocketPath) {
    throw new AppError("FAILED_PRECONDITION", `${address} is too long for a socket's path`, {
      hint: "Use a root with a shorter path.",
    });
  }
  await mkdir(state, { recursive: true, mode: 0o711 });
  const method = "containerd.services.events.ttrpc.v1.Events/Forward";
  return TtrpcServer.listen(address, new Map([[method, forward]]));
}

const servers = new Map<string, EventsServer>();

/**
 * Hears what the shim of one task says until disposed. One listener a task, `id` being the one its shim has for it;
 * rejects when the root's socket can't be made.
 */
export async function listenToShim(
  paths: Paths,
  task: { namespace: string; id: string },
  listener: Listener,
  address = eventsAddress(paths),
): Promise<Disposable> {
  const server = servers.get(address) ?? new EventsServer(address, paths.state);
  servers.set(address, server);
  const name = key(task.namespace, task.id);
  server.add(name, listener);
  const dispose = (): void => {
    server.remove(name, listener);
    if (!server.idle || servers.get(address) !== server) return;
    servers.delete(address);
    server.close();
  };
  try {
    await server.ready();
  } catch (error) {
    dispose();
    throw AppError.wrap(error, "Shims can't be listened to");
  }
  return { dispose };
}

function key(namespace: string, id: string): string {
  return `${namespace}/${id}`;
}
