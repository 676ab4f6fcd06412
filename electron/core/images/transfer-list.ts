import type { Transfer } from "#shared/contract/images";
import { AppError } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";
import type { OperationContext } from "../operations/operation-service.ts";

/** How long a transfer is shown after its end: 10 minutes, in milliseconds. */
const keptFor = 10 * 60_000;
/** Milliseconds between two words of a transfer's progress: four a second are as many as an eye follows. */
const interval = 250;

type LayerState = Transfer["layers"][number];

/** A transfer that is under way, as who makes it sees it. */
export interface TransferProgress {
  layers(layers: LayerState[]): void;
  layer(at: number, change: Partial<LayerState>): void;
}

/** Pulls and pushes as they go, and for ten minutes how they ended. */
export class TransferList {
  readonly #transfers = new Map<string, Transfer>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #list = new ListWatch<Transfer>({
    list: () => [...this.#transfers.values()].sort((a, b) => b.startedAt - a.startedAt),
    get: (id) => this.#transfers.get(id),
  });

  watch(signal: AbortSignal): ReturnType<ListWatch<Transfer>["watch"]> {
    return this.#list.watch(signal);
  }

  /** Runs one as the operation `op`, which gets its progress too. */
  async run<T extends { id: string }>(
    about: Pick<Transfer, "direction" | "reference">,
    op: OperationContext,
    body: (progress: TransferProgress) => Promise<T>,
  ): Promise<T> {
    const { id } = op;
    const transfer: Transfer = {
      ...{ id, ...about, status: "running", startedAt: Date.now(), layers: [] },
    };
    let told = 0;
    const tell = (): void => {
      told = Date.now();
      // Watchers keep what they were given.
      const layers = transfer.layers.map((layer) => ({ ...layer }));
      this.#transfers.set(id, { ...transfer, layers });
      this.#list.changed(id);
      const total = layers.reduce((sum, { size }) => sum + size, 0);
      if (total > 0) op.progress(layers.reduce((sum, { done }) => sum + done, 0) / total);
    };
    tell();
    try {
      const result = await body({
        layers(layers) {
          transfer.layers = layers;
          tell();
        },
        layer(at, change) {
          const layer = transfer.layers[at];
          if (!layer) return;
          const isNews = change.state !== undefined && change.state !== layer.state;
          Object.assign(layer, change);
          if (isNews || Date.now() - told >= interval) tell();
        },
      });
      Object.assign(transfer, { status: "done", imageId: result.id });
      return result;
    } catch (thrown) {
      const error = AppError.from(thrown);
      if (op.signal.aborted && error.code === "CANCELLED") transfer.status = "cancelled";
      else Object.assign(transfer, { status: "failed", error: error.toInfo() });
      throw error;
    } finally {
      transfer.endedAt = Date.now();
      tell();
      this.#forgetLater(id);
    }
  }

  dispose(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #forgetLater(id: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#transfers.delete(id);
      this.#list.changed(id);
    }, keptFor);
    timer.unref();
    this.#timers.add(timer);
  }
}
