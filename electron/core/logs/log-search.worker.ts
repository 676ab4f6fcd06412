import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { AppError, type ErrorInfo } from "#shared/errors";
import { stderr, stdout } from "./cri-parser.ts";
import { LineJoiner, logStart, type RawLine } from "./log-lines.ts";
import { compilePattern, plainText, type Pattern } from "./log-pattern.ts";

/** Searches one log once, as it is when the search begins. The owner terminates the thread. */
export interface SearchRequest extends Pattern {
  path: string;
  stream?: "stdout" | "stderr";
}

export type SearchMessage =
  | { matches: number[]; progress: number; done: boolean; limited: boolean }
  | { error: ErrorInfo };

const maxMatches = 100_000;
/** Of a longer line, bytes, each such part is searched by itself: it must be in memory whole. A window shows less. */
const maxLine = 16 * 1024 * 1024;
/** Progress is told this often, in ms: often enough to look live. */
const tellEvery = 50;
const chunk = Buffer.allocUnsafe(1 << 20);

function search(request: SearchRequest, tell: (message: SearchMessage) => void): void {
  const test = compilePattern(request);
  const wanted = { stdout, stderr, any: undefined }[request.stream ?? "any"];
  const fd = openSync(request.path, "r");
  try {
    const { size } = fstatSync(fd);
    const joiner = new LineJoiner(logStart, maxLine, "break");
    let matches: number[] = [];
    let found = 0;
    /** By stream, whose lines come one after the other: the last that matched, of which there may be more. */
    const last = [-1, -1];
    const visit = (line: RawLine): void => {
      if (wanted !== undefined && line.stream !== wanted) return;
      if (last[line.stream] === line.line) return;
      if (!test(plainText(line.bytes.toString("utf8")))) return;
      last[line.stream] = line.line;
      found += 1;
      if (found <= maxMatches) matches.push(line.line);
    };
    const report = (progress: number, done: boolean): void => {
      matches.sort((a, b) => a - b);
      tell({ matches, progress, done, limited: found > maxMatches });
      matches = [];
    };
    let at = 0;
    let told = Date.now();
    while (at < size && found <= maxMatches) {
      const read = readSync(fd, chunk, 0, Math.min(chunk.length, size - at), at);
      if (read === 0) break;
      at += read;
      joiner.push(chunk.subarray(0, read), visit);
      if (Date.now() - told >= tellEvery) {
        told = Date.now();
        report(at / size, false);
      }
    }
    for (const line of joiner.open()) visit(line);
    report(1, true);
  } finally {
    closeSync(fd);
  }
}

parentPort?.once("message", (request: SearchRequest) => {
  const tell = (message: SearchMessage): void => parentPort?.postMessage(message);
  try {
    search(request, tell);
  } catch (thrown) {
    const error = AppError.from(thrown);
    // A container that never ran has no log: nothing matches.
    if (error.code === "NOT_FOUND") tell({ matches: [], progress: 1, done: true, limited: false });
    else tell({ error: error.toInfo() });
  }
});
