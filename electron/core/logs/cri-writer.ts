import { type FileHandle, open } from "node:fs/promises";
import { Serial } from "../runtime/serial.ts";
import { type StreamNumber, stdout } from "./cri-parser.ts";

/** Bytes of text in a record, as conmon's: its reads are of this length. */
const maxText = 8192;
const lineFeed = 0x0a;

/**
 * A process's log in the format that cri-parser.ts reads, for where no conmon writes it. Writes are appended in the
 * order in which they are asked for.
 */
export class CriWriter {
  readonly #path: string;
  readonly #serial = new Serial();
  #file: FileHandle | undefined;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Made where there is none; its directory exists. */
  static async open(path: string): Promise<CriWriter> {
    return new CriWriter(path, await append(path));
  }

  /** Resolves when it is in the file. What comes after `close` is dropped. */
  write(stream: StreamNumber, bytes: Uint8Array): Promise<void> {
    const records = encodeRecords(new Date(), stream, bytes);
    return this.#serial.run(async () => {
      await this.#file?.appendFile(records);
    });
  }

  /** Goes on in a file of the same name, after this one was renamed. */
  reopen(): Promise<void> {
    return this.#serial.run(async () => {
      if (!this.#file) return;
      const next = await append(this.#path);
      await this.#file.close();
      this.#file = next;
    });
  }

  close(): Promise<void> {
    return this.#serial.run(async () => {
      const file = this.#file;
      this.#file = undefined;
      await file?.close();
    });
  }
}

/** One record for each line, and for a last piece without its line feed a partial one. */
export function encodeRecords(time: Date, stream: StreamNumber, bytes: Uint8Array): Buffer {
  const head = `${time.toISOString()} ${stream === stdout ? "stdout" : "stderr"}`;
  const full = Buffer.from(`${head} F `);
  const partial = Buffer.from(`${head} P `);
  const end = Buffer.from("\n");
  const parts: Uint8Array[] = [];
  for (let from = 0; from < bytes.length;) {
    const feed = bytes.indexOf(lineFeed, from);
    const lineEnd = feed < 0 ? bytes.length : feed;
    const to = Math.min(lineEnd, from + maxText);
    const whole = to === feed;
    parts.push(whole ? full : partial, bytes.subarray(from, to), end);
    from = whole ? to + 1 : to;
  }
  return Buffer.concat(parts);
}

function append(path: string): Promise<FileHandle> {
  return open(path, "a", 0o600);
}
