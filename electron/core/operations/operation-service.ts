import { randomBytes } from "node:crypto";
import type { Operation } from "#shared/contract/activity";
import { AppError } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";

/** How long an operation is shown after its end: 10 minutes, in milliseconds. */
const keptFor = 10 * 60_000;

export interface OperationSpec {
  kind: string;
  title: string;
  containerId?: string;
  imageId?: string;
  cancellable: boolean;
}

/** What the body of an operation is handed. */
export interface OperationContext {
  readonly id: string;
  /** Aborted by `cancel`. It does not follow the caller: an operation goes on when its window closes. */
  readonly signal: AbortSignal;
  /** 0..1 */
  progress(value: number): void;
  detail(text: string): void;
}

/** Whatever takes a while, with its progress, its cancel and, for ten minutes, its outcome. */
export class OperationService {
  readonly #operations = new Map<string, { shown: Operation; abort: AbortController }>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #list = new ListWatch<Operation>({
    list: () => [...this.#operations.values()].map(({ shown }) => shown),
    get: (id) => this.#operations.get(id)?.shown,
  });

  /**
   * Runs `body` as an operation; answers and throws what it does, errors as AppErrors. `within`: of the operation that
   * it is a part of, with which it is cancelled.
   */
  async run<T>(
    spec: OperationSpec,
    body: (op: OperationContext) => Promise<T>,
    within?: AbortSignal,
  ): Promise<T> {
    const id = randomBytes(8).toString("hex");
    const abort = new AbortController();
    const entry = { shown: { ...spec, id, startedAt: Date.now(), status: "running" }, abort } as {
      shown: Operation;
      abort: AbortController;
    };
    const change = (values: Partial<Operation>): void => {
      entry.shown = { ...entry.shown, ...values };
      this.#list.changed(id);
    };
    const follow = (): void => abort.abort();
    if (within?.aborted) follow();
    within?.addEventListener("abort", follow);
    this.#operations.set(id, entry);
    this.#list.changed(id);
    try {
      const result = await body({
        id,
        signal: abort.signal,
        progress: (value) => change({ progress: Math.min(1, Math.max(0, value)) }),
        detail: (text) => change({ detail: text }),
      });
      change({ status: "done", endedAt: Date.now(), cancellable: false });
      return result;
    } catch (thrown) {
      const error = AppError.from(thrown);
      const cancelled = abort.signal.aborted && error.code === "CANCELLED";
      change({
        status: cancelled ? "cancelled" : "failed",
        endedAt: Date.now(),
        cancellable: false,
        ...(cancelled ? {} : { error: error.toInfo() }),
      });
      throw error;
    } finally {
      within?.removeEventListener("abort", follow);
      this.#forgetLater(id);
    }
  }

  /** NOT_FOUND when there is none, FAILED_PRECONDITION when it can't be cancelled or has ended. */
  cancel(id: string): void {
    const entry = this.#operations.get(id);
    if (!entry) throw new AppError("NOT_FOUND", "There is no such operation");
    const { shown } = entry;
    if (shown.status !== "running") {
      throw new AppError("FAILED_PRECONDITION", `"${shown.title}" has ended already`);
    }
    if (!shown.cancellable) {
      throw new AppError("FAILED_PRECONDITION", `"${shown.title}" can't be cancelled`);
    }
    entry.abort.abort();
  }

  watch(signal: AbortSignal): AsyncIterable<{
    reset: boolean;
    put: Operation[];
    removed: string[];
  }> {
    return this.#list.watch(signal);
  }

  /** Cancels what can be, for the end of the manager. */
  dispose(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const { shown, abort } of this.#operations.values()) {
      if (shown.cancellable) abort.abort();
    }
  }

  #forgetLater(id: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#operations.delete(id);
      this.#list.changed(id);
    }, keptFor);
    timer.unref();
    this.#timers.add(timer);
  }
}
