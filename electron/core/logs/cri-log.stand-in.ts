import { appendFileSync } from "node:fs";

/** What conmon's writer does, without conmon: real records, for tests that need exact control. */
export function criRecord(
  text: string | Uint8Array,
  { partial = false, stream = "stdout", at = 0 }: CriRecordOptions = {},
): Buffer {
  const seconds = String(Math.floor(at / 1e9) % 60).padStart(2, "0");
  const nanoseconds = String(at % 1e9).padStart(9, "0");
  return Buffer.concat([
    Buffer.from(
      `2026-11-21T23:15:${seconds}.${nanoseconds}+00:00 ${stream} ${partial ? "P" : "F"} `,
    ),
    Buffer.from(text),
    Buffer.from("\n"),
  ]);
}

export interface CriRecordOptions {
  partial?: boolean;
  stream?: "stdout" | "stderr";
  /** Nanoseconds. */
  at?: number;
}

/** Bytes as conmon reads them from a pipe, `chunk` at a time: split at newlines, the last piece open. */
export function criRecords(bytes: Uint8Array, chunk = 8192, stream?: "stdout" | "stderr"): Buffer {
  const records: Buffer[] = [];
  const all = Buffer.from(bytes);
  for (let from = 0; from < all.length; from += chunk) {
    let rest = all.subarray(from, from + chunk);
    while (rest.length > 0) {
      const newline = rest.indexOf(10);
      const end = newline < 0 ? rest.length : newline;
      records.push(criRecord(rest.subarray(0, end), { partial: newline < 0, stream, at: from }));
      rest = rest.subarray(newline < 0 ? end : end + 1);
    }
  }
  return Buffer.concat(records);
}

/** Appends what a container would have written, as conmon would have logged it. */
export function appendOutput(path: string, text: string, stream?: "stdout" | "stderr"): void {
  appendFileSync(path, criRecords(Buffer.from(text), 8192, stream));
}
