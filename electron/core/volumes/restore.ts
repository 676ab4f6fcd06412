import type { Worker } from "node:worker_threads";
import { AppError, type ErrorInfo } from "#shared/errors";
import { startWorker } from "../base/worker.ts";

/** What the thread is given: plain data. */
export interface RestoreJob {
  /** A tar of this machine. */
  path: string;
  /** An empty directory. */
  directory: string;
  rootless: boolean;
}

export interface Restored {
  files: number;
  skippedDevices: number;
}

export type FromRestoreThread =
  | { type: "progress"; bytes: number; total: number }
  | { type: "done"; result: Restored }
  | { type: "failed"; error: ErrorInfo };

/**
 * Unpacks a tar that may be hostile, in a thread of its own; its child ends with it. INVALID_ARGUMENT for one that must
 * not be unpacked, DATA_LOSS when it is damaged, RESOURCE_EXHAUSTED beyond the limits and on a full disk, CANCELLED.
 */
export async function unpackVolume(
  job: RestoreJob,
  options: { signal: AbortSignal; onProgress: (bytes: number, total: number) => void },
): Promise<Restored> {
  const { signal, onProgress } = options;
  const cancelled = new AppError("CANCELLED", "The operation was cancelled");
  if (signal.aborted) throw cancelled;
  const worker: Worker = startWorker("restore-volume", { workerData: job });
  let cancel = (): void => undefined;
  try {
    return await new Promise<Restored>((resolve, reject) => {
      cancel = () => worker.postMessage("cancel");
      signal.addEventListener("abort", cancel, { once: true });
      worker.on("message", (message: FromRestoreThread) => {
        if (message.type === "progress") onProgress(message.bytes, message.total);
        else if (message.type === "done") resolve(message.result);
        else reject(AppError.fromInfo(message.error));
      });
      worker.on("error", (error) => reject(AppError.wrap(error, "The archive was not unpacked")));
      worker.on("exit", () => reject(new AppError("INTERNAL", "The unpacking ended by itself")));
    });
  } finally {
    signal.removeEventListener("abort", cancel);
    await worker.terminate();
  }
}
