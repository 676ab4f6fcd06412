import { setTimeout as delay } from "node:timers/promises";
import type { Disposable } from "#shared/base/disposable";
import { isElsewhere } from "#shared/base/elsewhere";
import type { Delta } from "#shared/contract/common";
import type { Place, RemoteCheckpoint, RemoteContainer, RemoteUse } from "#shared/contract/remotes";
import { AppError, isCode } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";
import { parseSignal } from "../containers/signals.ts";
import { ContainerdClient, type RemoteState } from "../runtime/containerd/client.ts";
import type { CheckpointOptions, TaskStats } from "../runtime/runtime.ts";
import { readProcessTable } from "../stats/process-table.ts";
import { toSample } from "../stats/stats-service.ts";
import type { TerminalHost, TerminalHosts } from "../terminals/terminal-service.ts";
import { killUntilEnded } from "./kill-until-ended.ts";
import { nameOf, ownerOf } from "./owner.ts";
import type { Places } from "./places.ts";
import { Remote } from "./remote.ts";
import type { Visit } from "./visit.ts";
import { type Visits, elsewhereId } from "./visits.ts";

/** Milliseconds between two looks whether one of these has come. */
const findInterval = 3000;
/** Milliseconds between two samples of what a container uses. */
const useInterval = 2000;
/** Milliseconds between SIGTERM and SIGKILL. */
const grace = 10_000;

/**
 * containerds that run on this machine beside us. They are looked for and followed only while somebody watches: a
 * window that shows something else costs them and us nothing.
 */
export class RemoteService implements Disposable, TerminalHosts {
  readonly #book: Places;
  readonly #visits: Visits;
  readonly #remotes = new Map<string, Remote>();
  readonly #places = new ListWatch<Place>({
    list: () => [...this.#remotes.values()].map((remote) => this.#place(remote)),
    get: (id) => {
      const remote = this.#remotes.get(id);
      return remote && this.#place(remote);
    },
  });
  readonly #containers = new ListWatch<RemoteContainer>({
    list: () =>
      [...this.#remotes.values()].flatMap((remote) =>
        [...remote.containers.values()].map((state) => this.#shown(remote.address, state)),
      ),
    get: (id) => {
      const { remote, state } = this.#look(id);
      return remote && state && this.#shown(remote.address, state);
    },
  });
  #watchers = 0;
  #finding: AbortController | undefined;

  constructor(places: Places, visits: Visits) {
    this.#book = places;
    this.#visits = visits;
  }

  watchPlaces(signal: AbortSignal): AsyncGenerator<Delta<Place>> {
    return this.#watched(this.#places, signal);
  }

  watch(signal: AbortSignal): AsyncGenerator<Delta<RemoteContainer>> {
    return this.#watched(this.#containers, signal);
  }

  /** Names a place. UNAVAILABLE when no containerd answers there. */
  async add(address: string): Promise<void> {
    const client = await ContainerdClient.open(address);
    try {
      await client.version();
    } finally {
      client.close();
    }
    await this.#book.keep({ ...this.#book.record(address), named: true });
    if (this.#watchers > 0) this.#open(address);
  }

  async forget(address: string): Promise<void> {
    await this.#book.remove(address);
    this.#close(address);
  }

  async allowDelete(address: string, namespace: string, allow: boolean): Promise<void> {
    const record = this.#book.record(address);
    const others = record.deletable.filter((name) => name !== namespace);
    await this.#book.keep({ ...record, deletable: allow ? [...others, namespace] : others });
    this.#places.changed(address);
  }

  /** What it writes is kept from then on. */
  start(id: string): Promise<void> {
    return this.#act(id, async (_client, state, address) => {
      await (await this.#visit(address, state)).start();
    });
  }

  stop(id: string): Promise<void> {
    return this.#act(id, async (client, state) => {
      await killUntilEnded(client, state, grace);
    });
  }

  /** `signal`: a name or a number. */
  kill(id: string, signal: string): Promise<void> {
    const number = parseSignal(signal);
    return this.#act(id, (client, { namespace, id: name }) =>
      client.task(namespace, name).kill("", number, false, `"${name}" could not be signalled`),
    );
  }

  pause(id: string): Promise<void> {
    return this.#act(id, (client, { namespace, id: name }) =>
      client.task(namespace, name).pause(`"${name}" could not be paused`),
    );
  }

  resume(id: string): Promise<void> {
    return this.#act(id, (client, { namespace, id: name }) =>
      client.task(namespace, name).resume(`"${name}" could not be resumed`),
    );
  }

  /** Kills it when it runs. PERMISSION_DENIED until its namespace allows it. */
  delete(id: string): Promise<void> {
    return this.#act(id, async (client, state, address) => {
      if (!this.#book.record(address).deletable.includes(state.namespace)) {
        throw new AppError(
          "PERMISSION_DENIED",
          `Deleting is off for the namespace ${state.namespace} of ${address}`,
          { hint: "Its owner may be harmed by it. Switch it on beside the namespace's name." },
        );
      }
      await killUntilEnded(client, state, 0);
      await client.delete(state.namespace, state.id);
      const gone = { address, namespace: state.namespace, id: state.id };
      await this.#visits.remove(gone, { all: true });
    });
  }

  /** NOT_FOUND when there is no such container. */
  inspect(id: string): { spec?: string } {
    const { spec } = this.#require(id).state;
    return spec === undefined ? {} : { spec };
  }

  /** Ends when the container does. */
  async *watchUse(id: string, signal: AbortSignal): AsyncGenerator<RemoteUse, void, void> {
    let before: TaskStats | undefined;
    while (!signal.aborted) {
      const { remote, state } = this.#require(id);
      const { namespace, id: name, task } = state;
      if (task?.status !== "running" && task?.status !== "paused") return;
      try {
        const service = remote.client.task(namespace, name);
        const [use, pids] = await Promise.all([
          service.stats({ signal }),
          service.pids({ signal }),
        ]);
        const visit = this.#visits.get(
          elsewhereId({ address: remote.address, namespace, id: name }),
        );
        const roles = new Map(visit?.processes().map(({ id: role, state: of }) => [of.pid, role]));
        const known = pids.map((pid) => ({
          pid,
          process: pid === task.pid ? "init" : roles.get(pid),
        }));
        const processes = await readProcessTable(known, task.pid);
        const sample = before && toSample(before, use);
        yield { time: use.time, processes, ...(sample ? { sample } : {}) };
        before = use;
      } catch (error) {
        if (isCode(error, "NOT_FOUND")) return;
        throw error;
      }
      await delay(useInterval, undefined, { signal }).catch(() => undefined);
    }
  }

  /** FAILED_PRECONDITION for one that does not run, and for what criu refuses. */
  checkpoint(
    id: string,
    name: string,
    options: Omit<CheckpointOptions, "leaveRunning">,
  ): Promise<void> {
    return this.#act(id, async (_client, state, address) => {
      if (state.task?.status !== "running" && state.task?.status !== "paused") {
        throw new AppError(
          "FAILED_PRECONDITION",
          `"${nameOf(state.id, state.labels)}" does not run`,
          {
            hint: "Start it first.",
          },
        );
      }
      await (await this.#visit(address, state)).checkpoint(name, options);
    });
  }

  async checkpoints(id: string): Promise<RemoteCheckpoint[]> {
    const { remote, state } = this.#require(id);
    const found = await (await this.#visit(remote.address, state)).checkpoints();
    return found.map(({ name, createdAt, image }) => ({ name, createdAt, path: image.path }));
  }

  async deleteCheckpoint(id: string, name: string): Promise<void> {
    const { remote, state } = this.#require(id);
    await (await this.#visit(remote.address, state)).deleteCheckpoint(name);
  }

  /** Where a container's log is, by its `ref`; undefined where nobody keeps one that can be read here. */
  logPath(ref: string): string | undefined {
    return this.#visits.get(ref)?.process("init")?.logPath ?? this.#named(ref)?.state.logPath;
  }

  load(): Promise<TerminalHost[]> {
    return this.#visits.load();
  }

  /** NOT_FOUND for one that is gone, or whose containerd nobody looks at. */
  async find(ref: string): Promise<TerminalHost | undefined> {
    if (!isElsewhere(ref)) return undefined;
    const known = this.#visits.get(ref);
    const named = known ? undefined : this.#named(ref);
    const visit = known ?? (named && (await this.#visit(named.remote.address, named.state)));
    if (!visit) throw noSuch(ref);
    await visit.look();
    return visit;
  }

  dispose(): void {
    this.#finding?.abort();
    for (const address of this.#remotes.keys()) this.#close(address);
  }

  /** Follows all places for as long as anybody watches any of them. */
  async *#watched<T>(list: ListWatch<T>, signal: AbortSignal): AsyncGenerator<Delta<T>> {
    this.#watchers += 1;
    if (this.#watchers === 1) this.#find();
    try {
      yield* list.watch(signal);
    } finally {
      this.#watchers -= 1;
      if (this.#watchers === 0) this.dispose();
    }
  }

  #find(): void {
    const finding = new AbortController();
    this.#finding = finding;
    const { signal } = finding;
    const look = async (): Promise<void> => {
      while (!signal.aborted) {
        const found = await this.#book.find();
        if (!signal.aborted) for (const address of found) this.#open(address);
        await delay(findInterval, undefined, { signal }).catch(() => undefined);
      }
    };
    void look();
  }

  #open(address: string): void {
    if (this.#remotes.has(address)) return;
    const changed = (containers: Iterable<string>): void => {
      this.#places.changed(address);
      for (const key of containers) {
        this.#containers.changed(`${address} ${key}`);
        if (remote.status === "connected" && !remote.containers.has(key)) this.#gone(address, key);
      }
    };
    const remote = new Remote(address, changed);
    this.#remotes.set(address, remote);
    this.#places.changed(address);
  }

  #close(address: string): void {
    const remote = this.#remotes.get(address);
    if (!remote) return;
    this.#remotes.delete(address);
    remote.close();
    this.#places.changed(address);
    for (const key of remote.containers.keys()) this.#containers.changed(`${address} ${key}`);
  }

  #place(remote: Remote): Place {
    const { address, status, version, error } = remote;
    const record = this.#book.record(address);
    return {
      ...{ id: address, found: !record.named, status },
      namespaces: remote.namespaces.map((name) => ({
        ...{ name, owner: ownerOf(name), deletable: record.deletable.includes(name) },
      })),
      ...(version === undefined ? {} : { version }),
      ...(error ? { error } : {}),
    };
  }

  #gone(address: string, key: string): void {
    const space = key.indexOf(" ");
    const container = { address, namespace: key.slice(0, space), id: key.slice(space + 1) };
    this.#visits.remove(container).catch(() => undefined);
  }

  #visit(address: string, { namespace, id, labels }: RemoteState): Promise<Visit> {
    return this.#visits.at({ address, namespace, id, name: nameOf(id, labels) });
  }

  #named(ref: string): { remote: Remote; state: RemoteState } | undefined {
    for (const remote of this.#remotes.values()) {
      for (const state of remote.containers.values()) {
        if (elsewhereId({ address: remote.address, ...state }) === ref) return { remote, state };
      }
    }
    return undefined;
  }

  #shown(place: string, state: RemoteState): RemoteContainer {
    const { namespace, id, image, runtime, labels, createdAt, task, logPath } = state;
    const ref = elsewhereId({ address: place, namespace, id });
    const init = this.#visits.get(ref)?.process("init");
    return {
      ...{ id: `${place} ${namespace} ${id}`, ref, place, namespace, containerId: id },
      ...{ name: nameOf(id, labels), image, runtime, labels, createdAt },
      ...{ hasLog: (init ?? logPath) !== undefined, attachable: init?.terminal ?? false },
      status: task?.status ?? "none",
      ...(task?.pid === undefined ? {} : { pid: task.pid }),
      ...(task?.exitCode === undefined ? {} : { exitCode: task.exitCode }),
      ...(task?.exitedAt === undefined ? {} : { exitedAt: task.exitedAt }),
    };
  }

  #look(id: string): { remote?: Remote | undefined; state?: RemoteState | undefined } {
    const [address = "", ...key] = id.split(" ");
    const remote = this.#remotes.get(address);
    return { remote, state: remote?.containers.get(key.join(" ")) };
  }

  #require(id: string): { remote: Remote; state: RemoteState } {
    const { remote, state } = this.#look(id);
    if (remote && state) return { remote, state };
    throw noSuch(id);
  }

  /**
   * Does something with a container as it is now: what is shown may be older than the last thing that was done to it.
   * Looks how it is then, as the event that tells of it may be late.
   */
  async #act(
    id: string,
    what: (client: ContainerdClient, state: RemoteState, address: string) => Promise<void>,
  ): Promise<void> {
    const { remote, state: shownState } = this.#require(id);
    const { namespace, id: name } = shownState;
    if (ownerOf(namespace) === "shimyard") {
      throw new AppError(
        "FAILED_PRECONDITION",
        `"${nameOf(name, shownState.labels)}" is Shimyard's`,
        {
          hint: "It is in the list of containers of the Shimyard that made it.",
        },
      );
    }
    try {
      const state = await remote.client.get(namespace, name);
      if (!state) throw noSuch(id);
      await what(remote.client, state, remote.address);
    } finally {
      remote.refresh(namespace, name);
    }
  }
}

function noSuch(id: string): AppError {
  return new AppError("NOT_FOUND", "There is no such container there", {
    subject: id,
    hint: "It was deleted, or its containerd is away: the Elsewhere page shows which.",
  });
}
