import { parentPort } from "node:worker_threads";
import { AppError } from "#shared/errors";

/** For worker.test.ts: answers each message with itself, and shows that a worker can import others. */
parentPort?.on("message", (value: unknown) => {
  parentPort?.postMessage({ value, info: new AppError("ABORTED", "echo").toInfo() });
});
