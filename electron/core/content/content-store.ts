import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { explainFullDisk } from "../base/disk.ts";
import { type Digest, digestOf, splitDigest } from "./digest.ts";
import { Ingest, partialName, syncDirectory } from "./ingest.ts";

export interface BlobInfo {
  digest: Digest;
  /** Bytes. */
  size: number;
  /** When it was stored. Milliseconds since the epoch: garbage collection spares what is new. */
  storedAt: number;
}

/** Bytes of a manifest or config that are read into memory; registries refuse manifests above 4 MiB. */
export const documentLimit = 4 * 1024 * 1024;
/** How long an unfinished download waits to be resumed: a week, in milliseconds. */
const partialLife = 7 * 24 * 3600 * 1000;
/** OCI image-layout.md. */
const layoutVersion = "1.0.0";

/**
 * Blobs by their digests, laid out as OCI's image layout says:
 *
 *     oci-layout             its version
 *     blobs/sha256/HEX       whole and verified, never written to again
 *     ingest/HEX.partial     the first bytes of a download that was broken off
 *     ingest/HEX.ID.active   one that is being written
 *
 * There is no index.json: which blobs make an image is in the image records. The directory is all the
 * state there is, so that threads and the main process work on it at the same time.
 */
export class ContentStore {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Opens or makes it. FAILED_PRECONDITION when its layout is of a version we don't know. */
  static async open(directory: string): Promise<ContentStore> {
    await mkdir(join(directory, "blobs/sha256"), { recursive: true, mode: 0o700 });
    await mkdir(join(directory, "ingest"), { recursive: true, mode: 0o700 });
    const marker = join(directory, "oci-layout");
    const text = await readFile(marker, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw AppError.wrap(error, `The content store ${directory} can't be opened`);
    });
    if (text === undefined) {
      const written = join(directory, "ingest", `${randomUUID()}.active`);
      await writeDurably(
        written,
        Buffer.from(JSON.stringify({ imageLayoutVersion: layoutVersion })),
      );
      await rename(written, marker);
    } else if (!text.includes(`"${layoutVersion}"`)) {
      throw new AppError(
        "FAILED_PRECONDITION",
        `The content store ${directory} has a layout that this version does not know`,
        { hint: `Move ${directory} away to begin anew.`, output: text.slice(0, 1024) },
      );
    }
    return new ContentStore(directory);
  }

  /** Where a blob lies, or would. */
  path(digest: Digest): string {
    const { algorithm, hex } = splitDigest(digest);
    return join(this.directory, "blobs", algorithm, hex);
  }

  /** Its size in bytes, or undefined when it is not here. */
  async stat(digest: Digest): Promise<number | undefined> {
    return (await this.#stat(digest))?.size;
  }

  /**
   * A manifest or config, verified. NOT_FOUND when it is not here, RESOURCE_EXHAUSTED when it is longer than
   * `limit` bytes, DATA_LOSS when it is not what its digest says.
   */
  async read(digest: Digest, { limit = documentLimit } = {}): Promise<Buffer> {
    const subject = `blob ${digest}`;
    const size = await this.stat(digest);
    if (size === undefined) {
      throw new AppError("NOT_FOUND", `The content ${digest} is not on this machine`, { subject });
    }
    if (size > limit) {
      const message = `The content ${digest} has ${size} bytes, more than the ${limit} that it may have`;
      throw new AppError("RESOURCE_EXHAUSTED", message, { subject });
    }
    const bytes = await readFile(this.path(digest));
    const found = digestOf(bytes, digest);
    if (found !== digest) {
      throw new AppError("DATA_LOSS", `The content ${digest} is damaged: on disk is ${found}`, {
        subject,
        hint: "Remove the image and pull it again.",
      });
    }
    return bytes;
  }

  /**
   * Begins to write a blob, where an earlier try was broken off if there was one. Without a `digest` it is
   * stored under what its bytes turn out to be. The caller commits or aborts it.
   */
  async ingest(expected: { digest?: Digest; size?: number } = {}): Promise<Ingest> {
    if (expected.digest !== undefined) {
      const { algorithm } = splitDigest(expected.digest);
      if (algorithm !== "sha256") {
        await mkdir(join(this.directory, "blobs", algorithm), { recursive: true, mode: 0o700 });
      }
    }
    return Ingest.begin(this, expected);
  }

  /** Stores these bytes, if they are not here yet. */
  async put(bytes: Uint8Array): Promise<{ digest: Digest; size: number }> {
    const digest = digestOf(bytes);
    const size = bytes.length;
    const writer = await this.ingest({ digest, size });
    try {
      // What is left of an earlier try is the beginning of the same bytes.
      await writer.write(bytes.subarray(writer.offset));
      await writer.commit();
    } catch (error) {
      await writer.abort({ keep: false });
      throw error;
    }
    return { digest, size };
  }

  /** Idempotent. */
  async remove(digest: Digest): Promise<void> {
    try {
      await rm(this.path(digest), { force: true });
    } catch (error) {
      throw AppError.wrap(error, `The content ${digest} can't be removed`);
    }
  }

  /** Says that a blob is wanted again, so that its `storedAt` is now. False when it is not here. */
  async touch(digest: Digest): Promise<boolean> {
    const now = new Date();
    return utimes(this.path(digest), now, now).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return false;
        throw AppError.wrap(error, `The content ${digest} can't be kept`);
      },
    );
  }

  /** Every whole blob. What is named otherwise than by a digest is nobody's and not listed. */
  async list(): Promise<BlobInfo[]> {
    const found: BlobInfo[] = [];
    for (const algorithm of await readdir(join(this.directory, "blobs"))) {
      for (const hex of await readdir(join(this.directory, "blobs", algorithm)).catch(() => [])) {
        const digest = `${algorithm}:${hex}`;
        const info = await this.#stat(digest).catch(() => undefined);
        if (info) found.push({ digest, ...info });
      }
    }
    return found;
  }

  /**
   * For the start, when nobody writes: what a crash has broken off can be resumed, and what nobody came back
   * for within a week is removed.
   */
  async tidy(): Promise<void> {
    const directory = join(this.directory, "ingest");
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const found = await stat(path).catch(() => undefined);
      if (!found) continue;
      const resumable = partialName.exec(name);
      if (!resumable || found.size === 0 || Date.now() - found.mtimeMs > partialLife) {
        await rm(path, { recursive: true, force: true });
      } else if (resumable[2] !== undefined) {
        await rename(path, join(directory, `${resumable[1]}.partial`));
      }
    }
  }

  async #stat(digest: Digest): Promise<Omit<BlobInfo, "digest"> | undefined> {
    try {
      const { size, mtimeMs } = await stat(this.path(digest));
      return { size, storedAt: mtimeMs };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw AppError.from(error);
    }
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } catch (error) {
    throw await explainFullDisk(error, path);
  } finally {
    await file.close();
  }
  await syncDirectory(join(path, ".."));
}
