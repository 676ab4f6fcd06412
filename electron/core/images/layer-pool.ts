import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { AppError, type ErrorInfo } from "#shared/errors";
import { startWorker } from "../base/worker.ts";
import type { BlobRequest } from "../registry/blob-request.ts";
import type { LayerJob, LayerJobOptions, LayerResult } from "./layer-job.ts";

export type ToLayerThread =
  | { type: "job"; job: LayerJob }
  | { type: "request"; request: BlobRequest }
  | { type: "cancel" };
export type FromLayerThread =
  | { type: "progress"; bytes: number }
  | { type: "renew" }
  | { type: "done"; result: LayerResult }
  | { type: "failed"; error: ErrorInfo };

/** A layer is one stream, so that more threads than layers are of no use, and more than CPUs neither. */
const maxThreads = Math.min(3, Math.max(2, availableParallelism()));
/** A thread costs some 10 MiB: it goes when it was not needed for this long, in milliseconds. */
const idleTime = 30_000;

interface Waiting {
  job: LayerJob;
  options: LayerJobOptions;
  resolve(result: LayerResult): void;
  reject(error: unknown): void;
}

/** Threads that make layers, so that the main one only hears of it. */
export class LayerPool {
  readonly #queue: Waiting[] = [];
  readonly #busy = new Map<Worker, Promise<void>>();
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  #closed = false;

  /** Rejects CANCELLED on abort, once nothing of it is at work any more. */
  run(job: LayerJob, options: LayerJobOptions): Promise<LayerResult> {
    if (this.#closed) return Promise.reject(new AppError("CANCELLED", "The manager is closing"));
    return new Promise((resolve, reject) => {
      const waiting = { job, options, resolve, reject };
      options.signal.addEventListener("abort", () => this.#leave(waiting), { once: true });
      // The largest first: what is begun last should not be what takes longest.
      const size = job.size ?? Infinity;
      const at = this.#queue.findIndex((other) => (other.job.size ?? Infinity) < size);
      this.#queue.splice(at < 0 ? this.#queue.length : at, 0, waiting);
      if (options.signal.aborted) this.#leave(waiting);
      this.#next();
    });
  }

  /** Ends what is under way, and all threads. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of [...this.#queue]) this.#leave(waiting);
    for (const worker of this.#busy.keys()) tell(worker, { type: "cancel" });
    await Promise.all(this.#busy.values());
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      await worker.terminate();
    }
    this.#idle.clear();
  }

  #leave(waiting: Waiting): void {
    const at = this.#queue.indexOf(waiting);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    waiting.reject(new AppError("CANCELLED", "The operation was cancelled"));
  }

  #next(): void {
    while (this.#queue.length > 0 && this.#busy.size < maxThreads) {
      const waiting = this.#queue.shift() as Waiting;
      const [idle] = this.#idle.keys();
      if (idle) {
        clearTimeout(this.#idle.get(idle));
        this.#idle.delete(idle);
      }
      const worker = idle ?? startWorker("make-layer");
      worker.ref();
      this.#busy.set(worker, this.#give(worker, waiting));
    }
  }

  /** Resolves when the thread has ended the job, however. */
  async #give(worker: Worker, { job, options, resolve, reject }: Waiting): Promise<void> {
    const cancel = (): void => tell(worker, { type: "cancel" });
    options.signal.addEventListener("abort", cancel, { once: true });
    let alive = true;
    try {
      resolve(await this.#follow(worker, job, options));
    } catch (error) {
      alive = !isBroken(error);
      reject(error);
    }
    options.signal.removeEventListener("abort", cancel);
    // By name: Node's own listeners, which start and stop the thread's port, must stay.
    for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
    this.#busy.delete(worker);
    if (alive) this.#rest(worker);
    else await worker.terminate();
    this.#next();
  }

  #follow(worker: Worker, job: LayerJob, options: LayerJobOptions): Promise<LayerResult> {
    return new Promise((resolve, reject) => {
      let refused: unknown;
      worker.on("message", (message: FromLayerThread) => {
        switch (message.type) {
          case "progress":
            options.onProgress(message.bytes);
            break;
          case "renew":
            options.renew().then(
              (request) => tell(worker, { type: "request", request }),
              (error: unknown) => {
                // Told when the thread has let go of everything.
                refused = error;
                tell(worker, { type: "cancel" });
              },
            );
            break;
          case "done":
            resolve(message.result);
            break;
          case "failed":
            reject(refused ?? AppError.fromInfo(message.error));
            break;
        }
      });
      const broken = (error: unknown): void => reject(new BrokenThread(error));
      worker.on("error", broken);
      worker.on("exit", () => broken(new Error("it ended")));
      tell(worker, { type: "job", job });
    });
  }

  #rest(worker: Worker): void {
    const stop = (): void => {
      this.#idle.delete(worker);
      void worker.terminate();
    };
    worker.on("error", stop);
    worker.unref();
    this.#idle.set(worker, setTimeout(stop, idleTime).unref());
  }
}

/** The thread itself has failed: it takes no other job. */
class BrokenThread extends AppError {
  constructor(error: unknown) {
    super("INTERNAL", "The thread that made a layer has failed", {}, error);
  }
}

const isBroken = (error: unknown): boolean => error instanceof BrokenThread;

const tell = (worker: Worker, message: ToLayerThread): void => worker.postMessage(message);
