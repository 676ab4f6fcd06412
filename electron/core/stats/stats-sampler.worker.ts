import { parentPort } from "node:worker_threads";
import { ProcessSum, readCgroup, type Reading } from "./readings.ts";

/** One round of reading. `put` and `remove` change whom it reads. */
export interface SampleRequest {
  put: { id: string; cgroup: Record<string, string> | undefined }[];
  remove: string[];
  /** For those without a cgroup. */
  pids: Record<string, number[]>;
}

export interface SampleAnswer {
  readings: Record<string, Reading>;
  /** How long it took, ms. */
  took: number;
}

const targets = new Map<string, Record<string, string> | ProcessSum>();

parentPort?.on("message", (request: SampleRequest) => {
  const began = performance.now();
  for (const id of request.remove) targets.delete(id);
  for (const { id, cgroup } of request.put) targets.set(id, cgroup ?? new ProcessSum());
  const readings: Record<string, Reading> = {};
  for (const [id, target] of targets) {
    const reading =
      target instanceof ProcessSum ? target.read(request.pids[id] ?? []) : readCgroup(target);
    if (reading) readings[id] = reading;
  }
  const answer: SampleAnswer = { readings, took: performance.now() - began };
  parentPort?.postMessage(answer);
});
