import { parentPort } from "node:worker_threads";
import { readCgroup } from "../runtime/readings.ts";
import type { TaskStats } from "../runtime/runtime.ts";

/** One round of reading. `put` and `remove` change whom it reads. */
export interface SampleRequest {
  put: { id: string; cgroup: Record<string, string> }[];
  remove: string[];
}

export interface SampleAnswer {
  readings: Record<string, TaskStats>;
  /** How long it took, ms. */
  took: number;
}

const targets = new Map<string, Record<string, string>>();

parentPort?.on("message", (request: SampleRequest) => {
  const began = performance.now();
  for (const id of request.remove) targets.delete(id);
  for (const { id, cgroup } of request.put) targets.set(id, cgroup);
  const readings: Record<string, TaskStats> = {};
  for (const [id, target] of targets) {
    const reading = readCgroup(target);
    if (reading) readings[id] = reading;
  }
  const answer: SampleAnswer = { readings, took: performance.now() - began };
  parentPort?.postMessage(answer);
});
