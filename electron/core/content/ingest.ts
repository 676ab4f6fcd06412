import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "#shared/errors";
import { explainFullDisk } from "../base/disk.ts";
import { type Digest, Hasher, splitDigest } from "./digest.ts";

/** `HEX.partial` or `HEX.ID.active`: those of a known digest, which can be resumed. */
export const partialName = /^([0-9a-f]{64,128})\.(?:partial|([0-9a-f-]+)\.active)$/;

/** Bytes that are read or written at once: a TLS record's 16 KiB each would cost more than they hold. */
const batchSize = 1024 * 1024;
/** writev(2) takes no more (IOV_MAX). */
const mostPieces = 1024;

/** Where blobs come to lie, and are written until then, in `ingest` below `directory`. */
interface BlobPlaces {
  readonly directory: string;
  path(digest: Digest): string;
}

/**
 * A blob that is being written. Its file has a name of its own, so that two who write the same blob at once
 * don't meet; a part left by an earlier try belongs to the one who could rename it. Use `through` to have the
 * whole blob pass by in the same go, or `write`; then `commit` or `abort`.
 */
export class Ingest {
  readonly #store: BlobPlaces;
  readonly #expected: { digest?: Digest; size?: number };
  readonly #path: string;
  readonly #hasher: Hasher;
  readonly #file: FileHandle;
  /** Bytes already there when it began: the source is asked for what comes after. */
  readonly offset: number;
  #size: number;
  #hashed = 0;
  /** What is not on its way to the file yet, and the write that is. */
  #pending: Uint8Array[] = [];
  #pendingSize = 0;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    store: BlobPlaces,
    expected: { digest?: Digest; size?: number },
    path: string,
    file: FileHandle,
    offset: number,
  ) {
    this.#store = store;
    this.#expected = expected;
    this.#path = path;
    this.#file = file;
    this.offset = offset;
    this.#size = offset;
    this.#hasher = new Hasher(expected.digest);
  }

  /** Only for ContentStore. */
  static async begin(
    store: BlobPlaces,
    expected: { digest?: Digest; size?: number },
  ): Promise<Ingest> {
    const { digest, size } = expected;
    const directory = join(store.directory, "ingest");
    const hex = digest === undefined ? undefined : splitDigest(digest).hex;
    const path = join(directory, `${hex === undefined ? "" : `${hex}.`}${randomUUID()}.active`);
    try {
      if (hex !== undefined) {
        await rename(join(directory, `${hex}.partial`), path).catch(ignoreMissing);
      }
      const file = await open(path, "a+", 0o600);
      try {
        let offset = (await file.stat()).size;
        // Longer than the whole: then its bytes are of no use.
        if (offset > (size ?? Infinity)) {
          await file.truncate(0);
          offset = 0;
        }
        return new Ingest(store, expected, path, file, offset);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      throw await notStored(error, path, digest);
    }
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * The whole blob from its first byte: what an earlier try left, then `rest`, which begins at `offset`. Whoever
   * stops early has not stored the rest.
   */
  async *through(rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    yield* this.#kept();
    for await (const chunk of rest) {
      await this.write(chunk);
      yield chunk;
    }
  }

  /**
   * Takes the next bytes, which nobody may change afterwards; they are hashed while those before are written. Rejects
   * DATA_LOSS once there are more than expected, RESOURCE_EXHAUSTED when the disk is full, maybe for bytes before.
   */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#hashKept();
    const { size, digest } = this.#expected;
    if (size !== undefined && this.#size + chunk.length > size) {
      throw mismatch(digest, `${size} bytes were expected, and more came`);
    }
    this.#pending.push(chunk);
    this.#pendingSize += chunk.length;
    if (this.#pendingSize >= batchSize) await this.#flush();
    this.#hasher.update(chunk);
    this.#size += chunk.length;
    this.#hashed = this.#size;
  }

  /**
   * Verifies, and puts it where the store has it: durable when this resolves. DATA_LOSS when its size or digest
   * is not the expected one; then nothing of it is kept.
   */
  async commit(): Promise<{ digest: Digest; size: number }> {
    const { digest: expected, size } = this.#expected;
    try {
      await this.#hashKept();
      await this.#flush();
      await this.#writing;
      if (size !== undefined && this.#size !== size) {
        throw mismatch(expected, `${size} bytes were expected, ${this.#size} came`);
      }
      const digest = this.#hasher.digest();
      if (expected !== undefined && digest !== expected) {
        throw mismatch(expected, `what came is ${digest}`);
      }
      const final = this.#store.path(digest);
      await this.#file.datasync();
      await this.#close();
      await rename(this.#path, final);
      await syncDirectory(dirname(final));
      return { digest, size: this.#size };
    } catch (error) {
      const told = error instanceof AppError ? error : await notStored(error, this.#path, expected);
      await this.abort({ keep: false });
      throw told;
    }
  }

  /** Ends it without a result. `keep`: another try begins where this one ended. Idempotent, also after a commit. */
  async abort({ keep }: { keep: boolean }): Promise<void> {
    if (this.#closed) return;
    // A full disk keeps what it could take.
    if (keep) await this.#flush().catch(() => undefined);
    await this.#writing.catch(() => undefined);
    await this.#close();
    const { digest } = this.#expected;
    if (keep && digest !== undefined && this.#size > 0) {
      const { hex } = splitDigest(digest);
      await rename(this.#path, join(dirname(this.#path), `${hex}.partial`)).catch(ignoreMissing);
    } else {
      await rm(this.#path, { force: true });
    }
  }

  /** What an earlier try left, on its way into the hash; nothing the second time. */
  async *#kept(): AsyncGenerator<Uint8Array, void, void> {
    while (this.#hashed < this.offset) {
      const length = Math.min(batchSize, this.offset - this.#hashed);
      const { buffer, bytesRead } = await this.#file.read(
        Buffer.allocUnsafe(length),
        0,
        length,
        this.#hashed,
      );
      if (bytesRead === 0) throw mismatch(this.#expected.digest, "its file was cut short");
      const chunk = buffer.subarray(0, bytesRead);
      this.#hasher.update(chunk);
      this.#hashed += bytesRead;
      yield chunk;
    }
  }

  async #hashKept(): Promise<void> {
    const kept = this.#kept();
    while (!(await kept.next()).done);
  }

  /** Begins to write what is pending, as soon as the write before has ended well. */
  async #flush(): Promise<void> {
    await this.#writing;
    const pieces = this.#pending;
    this.#pending = [];
    this.#pendingSize = 0;
    this.#writing = this.#writeAll(pieces);
    // Told to whoever flushes or commits next.
    this.#writing.catch(() => undefined);
  }

  async #writeAll(pieces: Uint8Array[]): Promise<void> {
    try {
      let rest = pieces;
      while (rest.length > 0) {
        let { bytesWritten: written } = await this.#file.writev(rest.slice(0, mostPieces));
        // A full disk may take a part.
        rest = rest.flatMap((piece) => {
          const skipped = Math.min(written, piece.length);
          written -= skipped;
          return skipped < piece.length ? [piece.subarray(skipped)] : [];
        });
      }
    } catch (error) {
      throw await notStored(error, this.#path, this.#expected.digest);
    }
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}

async function notStored(error: unknown, path: string, digest?: Digest): Promise<AppError> {
  const subject = `blob ${digest ?? "without a digest"}`;
  const context = `${digest ?? "Content"} can't be stored`;
  return AppError.wrap(await explainFullDisk(error, dirname(path)), context, { subject });
}

function mismatch(digest: Digest | undefined, what: string): AppError {
  const name = digest ?? "content";
  return new AppError("DATA_LOSS", `${name} is not what it should be: ${what}`, {
    subject: `blob ${name}`,
    hint: "Try again; if it stays so, the registry or the file it comes from is damaged.",
  });
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** Makes names in a directory durable, after a rename. Windows opens no directories, and writes names through. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
