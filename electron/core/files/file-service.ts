import type { z } from "zod";
import type { Disposable } from "#shared/base/disposable";
import { shownName, splitPath } from "#shared/base/file-names";
import type { FileChange, FileEntry, files, FileSource, FileText } from "#shared/contract/files";
import { AppError } from "#shared/errors";
import type { Client } from "#shared/rpc/define";
import { defaultNamespace } from "../base/ids.ts";
import type { ContainerService } from "../containers/container-service.ts";
import type { Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import { nameOf } from "../images/image-config.ts";
import type { ImageService } from "../images/image-service.ts";
import type { OperationService, OperationSpec } from "../operations/operation-service.ts";
import type { RootfsMount, Tasks } from "../runtime/runtime.ts";
import type { Snapshotter } from "../snapshots/snapshotter.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import type { AgentContract, AgentProgress, AgentRoots } from "./agent-contract.ts";
import { requireForeign } from "./foreign.ts";
import { type Held, holderArgv, type HolderPlaces, makePlaces, plainArgv } from "./holder.ts";
import { agentArgv, Session } from "./session.ts";

export interface FileServiceOptions {
  paths: Paths;
  privileges: Privileges;
  tasks: Tasks;
  containers: ContainerService;
  images: ImageService;
  snapshots: Snapshotter;
  operations: OperationService;
  volumes: VolumeService;
  ready: Promise<void>;
}

type Input<N extends keyof typeof files> = z.output<(typeof files)[N]["input"]>;
interface Options {
  signal: AbortSignal;
}

/** Everything that has to be known before an agent is started. */
interface Plan {
  /** Absent where nothing has to be mounted. */
  held?: Held;
  roots: AgentRoots;
  subject: string;
}

/**
 * The files of containers, images and volumes, reached through agents: a process of its own for each of them, with the rights
 * and the mounts that this takes, so that nothing which is in there can lead, block or break the manager itself.
 */
export class FileService {
  readonly #o: FileServiceOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #subscription: Disposable;
  readonly #abort = new AbortController();
  #places: Promise<HolderPlaces & { empty: string }> | undefined;

  constructor(options: FileServiceOptions) {
    this.#o = options;
    this.#subscription = options.tasks.onEvent(({ namespace, id, event }) => {
      const ended = event.type === "exit" && event.processId === "init";
      if (namespace === defaultNamespace && ended) void this.release(id);
    });
    void this.#forgetImages();
  }

  /**
   * Lets go of a container's files: before it is started, as two overlays must not share an upper directory, and
   * after it ended. What is being done with them fails. Resolves when nothing of it is mounted any more.
   */
  async release(id: string): Promise<void> {
    const name = this.#o.containers.records.find(id)?.config.name ?? id.slice(0, 12);
    const reason = new AppError("UNAVAILABLE", `"${name}" was started or has ended meanwhile`, {
      subject: `container "${name}"`,
      hint: "Try again, on its files as they are now.",
    });
    await this.#sessions.get(`container ${id}`)?.end(reason);
  }

  /** Lets go of a volume's files, before they are replaced or removed. */
  async releaseVolume(name: string): Promise<void> {
    const reason = new AppError("UNAVAILABLE", `"${name}" was restored or deleted meanwhile`, {
      subject: `volume "${name}"`,
    });
    await this.#sessions.get(`volume ${name}`)?.end(reason);
  }

  async *list({ source, ...input }: Input<"list">, { signal }: Options) {
    const session = await this.#session(source);
    yield* session.stream((client) => client.stream("agent.list", input, { signal }));
  }

  stat({ source, ...input }: Input<"stat">, { signal }: Options): Promise<FileEntry> {
    return this.#use(source, (client) => client.call("agent.stat", input, { signal }));
  }

  readText({ source, ...input }: Input<"readText">, { signal }: Options): Promise<FileText> {
    return this.#use(source, (client) => client.call("agent.readText", input, { signal }));
  }

  async *download({ source, ...input }: Input<"download">, { signal }: Options) {
    const session = await this.#session(source);
    const chunks = session.stream((client) => client.stream("agent.download", input, { signal }));
    // A copy: a message to the window takes the whole buffer that bytes are a part of.
    for await (const chunk of chunks) yield new Uint8Array(chunk);
  }

  async *upload(
    { source, ...input }: Input<"upload">,
    up: AsyncIterable<Uint8Array>,
    { signal }: Options,
  ): AsyncGenerator<FileEntry> {
    const session = await this.#session(source, "write");
    yield* session.stream((client) => {
      const call = client.duplex("agent.upload", input, { signal });
      return feeding(call, up);
    });
  }

  async makeDirectory({ source, ...input }: Input<"makeDirectory">, options: Options) {
    return this.#use(source, (c) => c.call("agent.makeDirectory", input, options), "write");
  }

  async rename({ source, ...input }: Input<"rename">, options: Options) {
    return this.#use(source, (c) => c.call("agent.rename", input, options), "write");
  }

  async delete({ source, ...input }: Input<"delete">): Promise<void> {
    const title = `Deleting ${lastName(input.path)}`;
    await this.#operate(source, { kind: "delete-files", title }, "write", (client, signal) =>
      client.stream("agent.delete", input, { signal }),
    );
  }

  async *diff(
    { source }: Input<"diff">,
    { signal }: Options,
  ): AsyncGenerator<{
    changes: FileChange[];
    limited: boolean;
  }> {
    if (source.kind !== "container") {
      const what = source.kind === "image" ? "An image" : "A volume";
      throw new AppError("INVALID_ARGUMENT", `${what} has no changes: containers have`);
    }
    const session = await this.#session(source);
    yield* session.stream((client) => client.stream("agent.diff", {}, { signal }));
  }

  async copyToHost({ source, ...input }: Input<"copyToHost">): Promise<{ path: string }> {
    await requireForeign(this.#o.paths, input.hostDirectory, "hostDirectory");
    const title = `Copying ${lastName(input.path)} to ${shownName(input.hostDirectory)}`;
    return this.#operate(source, { kind: "copy-files", title }, "read", (client, signal) =>
      client.stream("agent.copyToHost", input, { signal }),
    );
  }

  async copyFromHost({ source, ...input }: Input<"copyFromHost">): Promise<{ path: string }> {
    await requireForeign(this.#o.paths, input.hostPath, "hostPath");
    const title = `Copying ${lastName(input.hostPath)} to ${shownName(input.directory)}`;
    return this.#operate(source, { kind: "copy-files", title }, "write", (client, signal) =>
      client.stream("agent.copyFromHost", input, { signal }),
    );
  }

  /** Ends every agent; resolves when they have gone. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#subscription.dispose();
    const reason = new AppError("UNAVAILABLE", "Shimyard is being closed");
    await Promise.all([...this.#sessions.values()].map((session) => session.end(reason)));
  }

  async #use<T>(
    source: FileSource,
    body: (client: Client<AgentContract>) => Promise<T>,
    access: "read" | "write" = "read",
  ): Promise<T> {
    return (await this.#session(source, access)).use(body);
  }

  async #operate(
    source: FileSource,
    about: { kind: string; title: string },
    access: "read" | "write",
    body: (client: Client<AgentContract>, signal: AbortSignal) => AsyncIterable<AgentProgress>,
  ): Promise<{ path: string }> {
    const session = await this.#session(source, access);
    const spec: OperationSpec = {
      ...{ ...about, cancellable: true },
      ...(source.kind === "container" ? { containerId: source.id } : {}),
      ...(source.kind === "image" ? { imageId: source.id } : {}),
    };
    return this.#o.operations.run(spec, async (op) => {
      let path: string | undefined;
      for await (const done of session.stream((client) => body(client, op.signal))) {
        const { files, bytes } = done;
        op.detail(`${files} files${bytes > 0 ? `, ${(bytes / 1024 / 1024).toFixed(1)} MiB` : ""}`);
        path = done.path;
      }
      return { path: path ?? "" };
    });
  }

  /** The agent for a source, started where there is none. FAILED_PRECONDITION for writing to an image. */
  async #session(source: FileSource, access: "read" | "write" = "read"): Promise<Session> {
    const { paths, privileges, ready } = this.#o;
    await ready;
    if (source.kind === "image" && access === "write") {
      throw new AppError("FAILED_PRECONDITION", "An image's files are never changed", {
        hint: "Make a container of it, and change them there.",
      });
    }
    this.#places ??= makePlaces(paths).catch((error: unknown) => {
      // On a full disk: there may be room the next time.
      this.#places = undefined;
      throw AppError.from(error);
    });
    const places = await this.#places;
    const key = `${source.kind} ${source.id}`;
    const decide = await this.#prepare(source, places);
    let plan = decide();
    for (; plan instanceof Promise; plan = decide()) await plan;
    // Nothing is waited for from the decision until the session is known: a start that comes later releases it.
    const found = this.#sessions.get(key);
    if (found) return found;
    const session: Session = new Session({
      argv: plan.held
        ? holderArgv(plan.held, places, privileges, agentArgv())
        : plainArgv(privileges, agentArgv()),
      ...{ roots: plan.roots, subject: plan.subject },
      onEnd: () => {
        if (this.#sessions.get(key) === session) this.#sessions.delete(key);
      },
    });
    this.#sessions.set(key, session);
    return session;
  }

  async #prepare(source: FileSource, places: HolderPlaces): Promise<() => Plan | Promise<void>> {
    const { kind, id } = source;
    if (kind === "image") return this.#prepareImage(id, places);
    if (kind === "container") return this.#prepareContainer(id, places);
    const path = this.#o.volumes.files(id);
    return () => ({ roots: { root: { path } }, subject: `volume "${id}"` });
  }

  async #prepareImage(id: string, places: HolderPlaces): Promise<() => Plan | Promise<void>> {
    const { images, snapshots } = this.#o;
    const subject = `image "${nameOf(images.get(id))}"`;
    const image = await snapshots.lowers(images.layersOf(id));
    const roots = { root: { path: places.image } };
    return () => ({ held: { image }, roots, subject });
  }

  async #prepareContainer(id: string, places: HolderPlaces): Promise<() => Plan | Promise<void>> {
    const { containers, images, snapshots } = this.#o;
    const { image } = containers.records.get(id);
    const rootfs = await snapshots.mounts(defaultNamespace, id, images.layersOf(image.id));
    return () => {
      const busy = containers.activities.get(id);
      // The others leave its files where they are until they have ended.
      const wait = busy && busy.name !== "stopping" && busy.name !== "checkpointing";
      return wait ? busy.ended : this.#planContainer(id, rootfs, places);
    };
  }

  #planContainer(id: string, rootfs: RootfsMount, places: HolderPlaces): Plan {
    const { containers, snapshots, privileges } = this.#o;
    const { name } = containers.records.get(id).config;
    const upper = snapshots.upper(defaultNamespace, id);
    const { rootless } = privileges;
    const base = {
      subject: `container "${name}"`,
      changes: { upper, image: places.image, rootless },
    };
    const task = containers.lifecycle.task(id);
    const { status = "exited", pid } = task?.state ?? {};
    if (status === "exited") {
      const { subject, changes } = base;
      const roots = { root: { path: places.root }, changes };
      return { held: { image: rootfs.lower, rootfs }, roots, subject };
    }
    if (pid === undefined || !containers.lifecycle.isLive(id)) {
      throw new AppError("FAILED_PRECONDITION", `It is not known whether "${name}" runs`, {
        subject: base.subject,
        hint: "Stop it to see its files.",
      });
    }
    const roots = { root: { pid, upper }, changes: base.changes };
    return { held: { image: rootfs.lower, pid }, roots, subject: base.subject };
  }

  /** The agents of images that were deleted end. */
  async #forgetImages(): Promise<void> {
    const reason = new AppError("NOT_FOUND", "The image was deleted");
    try {
      for await (const { removed } of this.#o.images.watch(this.#abort.signal)) {
        for (const id of removed) void this.#sessions.get(`image ${id}`)?.end(reason);
      }
    } catch {
      // The manager is being closed.
    }
  }
}

const lastName = (path: string): string => shownName(splitPath(path.replace(/(.)\/+$/, "$1")).name);

/** A duplex call that is sent what `up` gives while its answers are read. */
async function* feeding<U, D>(
  call: AsyncIterableIterator<D> & { send(value: U): Promise<void>; end(): void },
  up: AsyncIterable<U>,
): AsyncGenerator<D> {
  let failed: unknown;
  const fed = (async () => {
    try {
      for await (const value of up) await call.send(value);
      call.end();
    } catch (error) {
      failed ??= error;
      // The other side must not take what came until now for all.
      await call.return?.();
    }
  })();
  try {
    yield* call;
  } catch (error) {
    failed = error;
  }
  // One that ended first has refused; what else comes is of no use, and the caller stops sending.
  if (failed) throw failed;
  await fed;
}
