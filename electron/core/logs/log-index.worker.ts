import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { AppError, type ErrorInfo } from "#shared/errors";
import { LogIndex, type IndexState } from "./log-index.ts";

/** Indexes the part of a log that is too long for the main thread. One request at a time per `id`. */
export interface IndexRequest {
  id: number;
  path: string;
  state: IndexState;
  /** Up to here, in bytes. */
  to: number;
}

export type IndexAnswer =
  | { id: number; state: IndexState; error?: undefined }
  | { id: number; error: ErrorInfo };

const chunk = Buffer.allocUnsafe(1 << 20);

function index(request: IndexRequest): IndexState {
  const index = new LogIndex(request.state);
  const fd = openSync(request.path, "r");
  try {
    let at = index.position;
    while (at < request.to) {
      const read = readSync(fd, chunk, 0, Math.min(chunk.length, request.to - at), at);
      if (read === 0) break;
      at += read;
      index.push(chunk.subarray(0, read));
    }
  } finally {
    closeSync(fd);
  }
  return index.state();
}

parentPort?.on("message", (request: IndexRequest) => {
  let answer: IndexAnswer;
  try {
    answer = { id: request.id, state: index(request) };
  } catch (error) {
    answer = { id: request.id, error: AppError.from(error).toInfo() };
  }
  parentPort?.postMessage(
    answer,
    answer.error ? [] : [(answer as { state: IndexState }).state.marks.buffer as ArrayBuffer],
  );
});
