import { parentPort } from "node:worker_threads";
import { AppError } from "#shared/errors";
import type { BlobRequest } from "../registry/blob-request.ts";
import { runLayerJob } from "./layer-job.ts";
import type { FromLayerThread, ToLayerThread } from "./layer-pool.ts";

/** Milliseconds between two words of progress. */
const progressInterval = 100;

const send = (message: FromLayerThread): void => parentPort?.postMessage(message);
let abort = new AbortController();
let renewed: ((request: BlobRequest) => void) | undefined;

/** One job at a time. */
parentPort?.on("message", (message: ToLayerThread) => {
  switch (message.type) {
    case "job":
      abort = new AbortController();
      void run(message.job, abort.signal);
      break;
    case "request":
      renewed?.(message.request);
      break;
    case "cancel":
      abort.abort();
      break;
  }
});

async function run(
  job: Extract<ToLayerThread, { type: "job" }>["job"],
  signal: AbortSignal,
): Promise<void> {
  let told = 0;
  try {
    const result = await runLayerJob(job, {
      signal,
      onProgress: (bytes) => {
        const now = Date.now();
        if (bytes < (job.size ?? Infinity) && now - told < progressInterval) return;
        told = now;
        send({ type: "progress", bytes });
      },
      renew: () => {
        send({ type: "renew" });
        return new Promise((resolve, reject) => {
          renewed = resolve;
          const stop = (): void => reject(new AppError("CANCELLED", "The operation was cancelled"));
          if (signal.aborted) stop();
          else signal.addEventListener("abort", stop, { once: true });
        });
      },
    });
    send({ type: "done", result });
  } catch (error) {
    send({ type: "failed", error: AppError.from(error).toInfo() });
  }
}
