import { AppError } from "#shared/errors";
import { Bundle } from "../bundle.ts";
import { readProcessFiles, readProcessJson } from "../process-dir.ts";
import type {
  BundleRef,
  CallOptions,
  CreateRequest,
  ExpectedContainer,
  ExpectedTask,
  Runtime,
  Task,
} from "../runtime.ts";
import type { WindowsShared } from "./shared.ts";
import { WindowsTask } from "./task.ts";

/** As containerd gives a container whose end nobody saw. */
const unseen = 255;

/**
 * A runtime whose tasks no later manager takes up, after containerd's windows/runtime.go: what an earlier one left is
 * terminated when it is loaded, and its exit told with status 255; then nothing is left of it. A container that had
 * ended by itself keeps its own status.
 */
export class WithoutRestore implements Runtime {
  readonly id: string;
  readonly #runtime: Omit<Runtime, "load">;
  readonly #shared: WindowsShared;

  constructor(runtime: Omit<Runtime, "load">, shared: WindowsShared) {
    this.id = runtime.id;
    this.#runtime = runtime;
    this.#shared = shared;
  }

  create(request: CreateRequest, options?: CallOptions): Promise<Task> {
    return this.#runtime.create(request, options);
  }

  async expect(expected: ExpectedContainer): Promise<ExpectedTask | undefined> {
    return this.#runtime.expect?.(expected);
  }

  /** A task that has ended, and removes itself as soon as that is told. */
  async load(ref: BundleRef): Promise<Task> {
    const bundle = await Bundle.open(ref);
    const dir = bundle.processDir("init");
    const files = await readProcessFiles(dir);
    if (!files.process) {
      throw new AppError("ABORTED", `The creation of container "${ref.id}" was cut short`);
    }
    const file = await readProcessJson(dir);
    await this.#runtime.cleanUp(ref);
    const exit = files.exit ?? { code: unseen, at: Date.now() };
    const task = new EndedTask(this.#shared, bundle);
    await task.wasEnded(file, exit, files.exitTold);
    return task;
  }

  cleanUp(ref: BundleRef): Promise<void> {
    return this.#runtime.cleanUp(ref);
  }

  leaked(): Promise<{ namespace: string; id: string }[]> {
    return this.#runtime.leaked();
  }
}

class EndedTask extends WindowsTask {
  protected override caughtUp(): void {
    void this.delete().catch(() => {});
  }
}
