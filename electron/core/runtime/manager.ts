import { tasksDir, bundleDir, type Paths } from "#core/host/paths";
import { type Privileges, choosePrivileges } from "#core/host/privileges";
import { DisposableStore } from "#shared/base/disposable";
import { Emitter } from "#shared/base/emitter";
import { AppError, type ErrorInfo, isCode } from "#shared/errors";
import { readRecord, removeBundle, scanBundles } from "./bundle.ts";
import type { RuntimeRegistry } from "./plugin.ts";
import type {
  BundleRef,
  CallOptions,
  CreateRequest,
  ExpectedContainer,
  ExpectedTask,
  Runtime,
  Task,
  TaskEvent,
  Tasks,
} from "./runtime.ts";
import { Serial } from "./serial.ts";

/** Milliseconds a bundle has to answer at start, so that one stuck shim stalls nothing. */
const loadDeadline = 5000;

/** Bundles read at a time: enough to hide the disk's latency, few enough for the file descriptors. */
const loadConcurrency = 16;

/** After containerd's runtime/v2/manager.go. The disk is the truth: a start is a rescan. */
export class TaskManager implements Tasks {
  readonly #paths: Paths;
  readonly #registry: RuntimeRegistry;
  readonly #privileges: Privileges;
  readonly #tasks = new Map<string, Task>();
  readonly #broken = new Map<string, { bundle: BundleRef; error: ErrorInfo }>();
  /** Names taken while a task is being made. */
  readonly #pending = new Set<string>();
  /** A broken bundle is looked at by one at a time. */
  readonly #mending = new Serial();
  readonly #events = new Emitter<{
    namespace: string;
    id: string;
    task: Task;
    event: TaskEvent;
  }>();
  readonly #subscriptions = new DisposableStore();
  #disposed = false;

  readonly onEvent = this.#events.event;

  constructor(parts: { paths: Paths; registry: RuntimeRegistry; privileges?: Privileges }) {
    this.#paths = parts.paths;
    this.#registry = parts.registry;
    this.#privileges = parts.privileges ?? choosePrivileges();
  }

  async load(): Promise<void> {
    const queue = await scanBundles(tasksDir(this.#paths), this.#privileges);
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) await this.#loadOne(next);
    };
    await Promise.all(Array.from({ length: loadConcurrency }, worker));
    await this.#reapLeaked();
  }

  async create(
    runtimeId: string,
    request: CreateRequest,
    options: CallOptions = {},
  ): Promise<Task> {
    const { namespace, id } = request;
    const name = key(namespace, id);
    assertName(namespace);
    assertName(id);
    if (this.#tasks.has(name) || this.#pending.has(name) || this.#broken.has(name)) {
      throw new AppError("ALREADY_EXISTS", `Container "${id}" already has a task`, {
        subject: `container "${id}"`,
        hint: this.#broken.has(name) ? "It is broken: discard it first." : undefined,
      });
    }
    const runtime = this.#registry.get(runtimeId);
    this.#pending.add(name);
    try {
      const task = await runtime.create(request, options);
      this.#adopt(task);
      return task;
    } finally {
      this.#pending.delete(name);
    }
  }

  async expect(runtimeId: string, expected: ExpectedContainer): Promise<ExpectedTask | undefined> {
    if (this.#disposed) return undefined;
    return this.#registry.get(runtimeId).expect?.(expected);
  }

  get(namespace: string, id: string): Task | undefined {
    return this.#tasks.get(key(namespace, id));
  }

  list(): Task[] {
    return [...this.#tasks.values()];
  }

  broken(): { bundle: BundleRef; error: ErrorInfo }[] {
    return [...this.#broken.values()];
  }

  reload(namespace: string, id: string): Promise<void> {
    return this.#mending.run(async () => {
      const found = this.#broken.get(key(namespace, id));
      // Whoever came before has mended it, or removed it.
      if (found) await this.#loadOne(found.bundle);
    });
  }

  discard(namespace: string, id: string): Promise<void> {
    return this.#mending.run(async () => {
      const name = key(namespace, id);
      const found = this.#broken.get(name);
      if (!found) {
        throw new AppError("NOT_FOUND", `Container "${id}" has no broken task to discard`);
      }
      await this.#cleanUp(found.bundle);
      this.#broken.delete(name);
    });
  }

  dispose(): void {
    this.#disposed = true;
    this.#subscriptions.dispose();
    for (const task of this.#tasks.values()) task.dispose();
    this.#tasks.clear();
    this.#events.dispose();
  }

  async #loadOne(bundle: BundleRef): Promise<void> {
    const name = key(bundle.namespace, bundle.id);
    try {
      const { runtime } = await readRecord(bundle);
      const task = await withDeadline(
        this.#registry.get(runtime).load(bundle),
        `The shim of container "${bundle.id}" did not answer`,
      );
      this.#broken.delete(name);
      this.#adopt(task);
    } catch (error) {
      await this.#loadFailed(bundle, AppError.from(error));
    }
  }

  async #loadFailed(bundle: BundleRef, error: AppError): Promise<void> {
    const name = key(bundle.namespace, bundle.id);
    let shown = error;
    if (isCode(error, "ABORTED")) {
      // Nobody was ever told of this task: a killed manager was about to make it.
      try {
        await this.#cleanUp(bundle);
        this.#broken.delete(name);
        return;
      } catch (failure) {
        shown = AppError.from(failure);
      }
    }
    this.#broken.set(name, { bundle, error: shown.toInfo() });
  }

  #adopt(task: Task): void {
    const name = key(task.namespace, task.id);
    if (this.#disposed) {
      task.dispose();
      return;
    }
    this.#tasks.set(name, task);
    const { namespace, id } = task;
    const subscription = this.#subscriptions.add(
      task.onEvent((event) => {
        if (event.type === "deleted") {
          this.#tasks.delete(name);
          this.#subscriptions.delete(subscription);
        }
        this.#events.fire({ namespace, id, task, event });
        if (event.type === "deleted") task.dispose();
      }),
    );
  }

  /** Whatever runtime it belonged to: its record may be what is broken. */
  async #cleanUp(bundle: BundleRef): Promise<void> {
    for (const runtime of await this.#owners(bundle)) await runtime.cleanUp(bundle);
    await removeBundle(bundle.path, this.#privileges);
  }

  async #owners(bundle: BundleRef): Promise<Runtime[]> {
    const all = this.#registry.list();
    const record = await readRecord(bundle).catch(() => undefined);
    const owner = all.find(({ id }) => id === record?.runtime);
    if (owner) return [owner];
    // Its own is not to be had: each can at least end the processes.
    if (all.length > 0) return all;
    throw new AppError("FAILED_PRECONDITION", `No runtime is there to clean up "${bundle.id}"`, {
      hint: "Install conmon and runc or crun, then try again.",
    });
  }

  /** What runtimes still hold of tasks whose bundle is gone. */
  async #reapLeaked(): Promise<void> {
    for (const runtime of this.#registry.list()) {
      for (const { namespace, id } of await runtime.leaked()) {
        const path = bundleDir(this.#paths, namespace, id);
        await runtime.cleanUp({ namespace, id, path }).catch(() => {});
      }
    }
  }
}

function key(namespace: string, id: string): string {
  return `${namespace}/${id}`;
}

/** containerd's identifiers, which are also safe as names of files, cgroups and OCI containers. */
function assertName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,75}$/.test(name)) return;
  throw new AppError("INVALID_ARGUMENT", `"${name}" can't name a container or namespace`, {
    hint: "Use up to 76 letters, digits, dots, dashes and underscores; the first a letter or digit.",
  });
}

async function withDeadline(work: Promise<Task>, what: string): Promise<Task> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new AppError("DEADLINE_EXCEEDED", `${what} within ${loadDeadline / 1000} s`, {
          hint: "Load again, or discard it: whatever of it still runs is ended.",
        }),
      );
      // An answer that comes after all is not used.
      void work.then((task) => task.dispose()).catch(() => {});
    }, loadDeadline);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
