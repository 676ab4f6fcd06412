import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { allDone } from "#core/base/all-done";
import { writeAtomically } from "#core/base/write-atomically";
import { configFile, makeDirectories, stateFile } from "./bundle-files.ts";

/** Milliseconds between two looks whether somebody reads. */
const interval = 1;

/**
 * A bundle's directories, made before it is known what goes into them; a scan takes it for a bundle whose creation was cut
 * short. Its config.json is a fifo at first: a runtime may be started already, and waits there for the spec.
 */
export class BundlePlace {
  readonly #path: string;
  #spec = "";
  #filled: Promise<unknown> = Promise.resolve();

  private constructor(path: string) {
    this.#path = path;
  }

  /** `path` is the bundle's. The fifo is the caller's to make. */
  static async make(path: string): Promise<BundlePlace> {
    const place = new BundlePlace(path);
    await mkdir(dirname(path), { recursive: true, mode: 0o711 });
    await mkdir(path, { mode: 0o711 });
    try {
      await makeDirectories(path);
      return place;
    } catch (error) {
      await place.remove();
      throw error;
    }
  }

  /** Where that has to be. */
  get fifo(): string {
    return join(this.#path, configFile);
  }

  /** Begins to write what a bundle consists of, JSON texts; `filled` tells how that ends. The spec is not delivered yet. */
  fill(spec: string, state: string): void {
    this.#spec = spec;
    this.#filled = allDone([
      writeFile(whole(this.#path), spec, { mode: 0o600 }),
      writeAtomically(join(this.#path, stateFile), state),
    ]);
    this.#filled.catch(() => undefined);
  }

  async filled(): Promise<void> {
    await this.#filled;
  }

  /** Gives the spec to the one who waits for it, or will; config.json is a file then. Rejects when `signal` aborts. */
  async deliver(signal: AbortSignal): Promise<void> {
    const fifo = await openForReader(this.fifo, signal);
    try {
      for (let rest = Buffer.from(this.#spec); rest.length > 0;) {
        const written = await writeSome(fifo, rest);
        rest = rest.subarray(written);
        if (written === 0) await delay(interval, undefined, { signal });
      }
      // Before the fifo's end is read: crun reads the file once more.
      await this.settle();
    } finally {
      await fifo.close();
    }
  }

  /** Nobody waits for the spec: config.json is a file. */
  async settle(): Promise<void> {
    await this.#filled;
    await rename(whole(this.#path), this.fifo);
  }

  async remove(): Promise<void> {
    // A thread of what was just killed there may be about to make its last file.
    await rm(this.#path, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
  }
}

/** The spec of a bundle at any stage, as text; empty while it has none. */
export async function readConfig(bundle: string): Promise<string> {
  const path = join(bundle, configFile);
  // O_NONBLOCK: a fifo that nobody writes to reads as nothing, instead of making its reader wait.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const waits = (await file.stat()).isFIFO();
    return await readFile(waits ? whole(bundle) : file, "utf8");
  } finally {
    await file.close();
  }
}

const whole = (bundle: string): string => join(bundle, `${configFile}.whole`);

async function openForReader(path: string, signal: AbortSignal): Promise<FileHandle> {
  for (;;) {
    signal.throwIfAborted();
    try {
      // O_NONBLOCK: it fails while nobody reads, instead of waiting in one of the few threads there are.
      return await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
    }
    await delay(interval, undefined, { signal });
  }
}

/** The number of bytes that had room: 64 KiB as a rule, 0 when there is none. */
async function writeSome(fifo: FileHandle, bytes: Buffer): Promise<number> {
  try {
    return (await fifo.write(bytes)).bytesWritten;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  }
}
