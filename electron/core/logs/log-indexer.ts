import type { FileHandle } from "node:fs/promises";
import type { Worker } from "node:worker_threads";
import type { Disposable } from "#shared/base/disposable";
import { AppError } from "#shared/errors";
import { startWorker } from "../base/worker.ts";
import { LogIndex } from "./log-index.ts";
import type { IndexAnswer, IndexRequest } from "./log-index.worker.ts";

/** Up to this much is indexed on the main thread, in slices of a few milliseconds; more in a worker. */
const inlineLimit = 4 * 1024 * 1024;
const sliceLength = 256 * 1024;
/** A thread costs some 10 MiB: it goes when it was not needed for this long, in ms. */
const idleTime = 30_000;

interface Waiting {
  resolve(index: LogIndex): void;
  reject(error: unknown): void;
}

/** Brings indexes up to date, long stretches in a worker thread that is started when needed. */
export class LogIndexer implements Disposable {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #ids = 0;

  /** The index grown to `to` bytes of the file: the same object, or a new one in its place. */
  async grow(path: string, file: FileHandle, index: LogIndex, to: number): Promise<LogIndex> {
    index.rewind();
    if (to - index.position > inlineLimit) return await this.#remote(path, index, to);
    const buffer = Buffer.allocUnsafe(Math.min(sliceLength, Math.max(1, to - index.position)));
    let at = index.position;
    while (at < to) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - at), at);
      if (bytesRead === 0) break;
      at += bytesRead;
      index.push(buffer.subarray(0, bytesRead));
    }
    return index;
  }

  dispose(): void {
    this.#stop(new AppError("CANCELLED", "The manager is closing"));
  }

  #remote(path: string, index: LogIndex, to: number): Promise<LogIndex> {
    const worker = (this.#worker ??= this.#start());
    clearTimeout(this.#idle);
    const id = (this.#ids += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const request: IndexRequest = { id, path, state: index.state(), to };
      worker.postMessage(request, [request.state.marks.buffer as ArrayBuffer]);
    });
  }

  #start(): Worker {
    const worker = startWorker("log-index");
    worker.unref();
    worker.on("message", (answer: IndexAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error) waiting?.reject(AppError.fromInfo(answer.error));
      else waiting?.resolve(new LogIndex(answer.state));
      if (this.#waiting.size === 0) {
        this.#idle = setTimeout(() => this.#stop(new Error("idle")), idleTime);
        this.#idle.unref();
      }
    });
    worker.on("error", (error) => this.#stop(AppError.wrap(error, "The log indexer failed")));
    return worker;
  }

  #stop(reason: unknown): void {
    clearTimeout(this.#idle);
    void this.#worker?.terminate();
    this.#worker = undefined;
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
  }
}
