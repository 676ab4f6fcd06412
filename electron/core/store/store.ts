import { mkdir, open as openFile, realpath, statfs } from "node:fs/promises";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import type { z } from "zod";
import { AppError, type ErrorInfo } from "#shared/errors";
import { closeOnExec } from "../host/close-on-exec.ts";

/** Raised when a record's form changes so that older code can't read it. */
const schemaVersion = 1;

const hint = (path: string): string =>
  `Nothing was changed. Restore ${path} from a backup, or move it away to begin anew: running containers go on, but their records are in it.`;

/**
 * The metadata database. Values are stored as structures, not as raw buffers: Electron's memory
 * cage forbids buffers outside its heap. A write is seen by everyone, a later process too, once its
 * promise resolves; the disk has it a moment later (lmdb's overlapping sync).
 */
export class Store {
  readonly #root: RootDatabase;
  readonly #path: string;

  private constructor(root: RootDatabase, path: string) {
    this.#root = root;
    this.#path = path;
  }

  /**
   * Opens or makes the database in this directory. DATA_LOSS when its file is damaged, and
   * FAILED_PRECONDITION when a newer version wrote it; neither touches the file.
   */
  static async open(path: string): Promise<Store> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const file = join(path, "data.mdb");
    await checkFile(file);
    let root: RootDatabase;
    try {
      root = open({ path, noSubdir: false, maxDbs: 32 });
      closeOnExec(await realpath(path));
    } catch (error) {
      throw new AppError(
        "DATA_LOSS",
        `The metadata database ${file} can't be opened: ${AppError.from(error).message}`,
        { hint: hint(file) },
        error,
      );
    }
    const found: unknown = root.get("schema");
    if (typeof found === "number" && found > schemaVersion) {
      await root.close();
      throw new AppError(
        "FAILED_PRECONDITION",
        `The metadata in ${path} was written by a newer version of Shimyard`,
        { hint: "Install that version again." },
      );
    }
    if (found !== schemaVersion) {
      await root.put("schema", schemaVersion);
      await reserve(root);
    }
    return new Store(root, path);
  }

  collection<S extends z.ZodType>(name: string, schema: S): Collection<S> {
    return new Collection(this.#root.openDB<unknown, string>({ name }), this.#path, name, schema);
  }

  /** Waits until the disk has everything. */
  async close(): Promise<void> {
    await this.#root.flushed;
    await this.#root.close();
  }
}

export interface DamagedRecord {
  id: string;
  error: ErrorInfo;
}

/** Records of one kind by id, parsed on the way in and out. */
export class Collection<S extends z.ZodType> {
  readonly #db: Database<unknown, string>;
  readonly #directory: string;
  readonly #name: string;
  readonly #schema: S;

  constructor(db: Database<unknown, string>, directory: string, name: string, schema: S) {
    this.#db = db;
    this.#directory = directory;
    this.#name = name;
    this.#schema = schema;
  }

  /** Everything that can be read, and what can't: a damaged record is reported and stays where it is. */
  all(): { records: z.output<S>[]; damaged: DamagedRecord[] } {
    const records: z.output<S>[] = [];
    const damaged: DamagedRecord[] = [];
    for (const id of this.#db.getKeys()) {
      try {
        records.push(this.#schema.parse(this.#db.get(id)));
      } catch (error) {
        damaged.push({
          id,
          error: new AppError(
            "DATA_LOSS",
            `The record ${id.slice(0, 12)} in "${this.#name}" can't be read`,
            { output: error instanceof Error ? error.message : String(error) },
          ).toInfo(),
        });
      }
    }
    return { records, damaged };
  }

  /** Undefined when there is none, or none that can be read. */
  get(id: string): z.output<S> | undefined {
    const value = this.#schema.safeParse(this.#db.get(id));
    return value.success ? value.data : undefined;
  }

  /**
   * Resolves when it is committed. RESOURCE_EXHAUSTED for a new record when the disk is full; one that is
   * there can still be changed or removed, in pages that the file keeps free for it.
   */
  async put(id: string, value: z.input<S>): Promise<void> {
    const parsed = this.#schema.parse(value);
    if (!this.#db.doesExist(id)) await this.#requireRoom();
    await committed(this.#db.put(id, parsed), `The record in "${this.#name}" was not saved`);
  }

  async remove(id: string): Promise<void> {
    await committed(this.#db.remove(id), `The record in "${this.#name}" was not removed`);
  }

  /** A commit that runs out of disk half-way would be lmdb's to undo; it is not let come to that. */
  async #requireRoom(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#directory);
    if (bavail * bsize >= leastRoom) return;
    throw new AppError("RESOURCE_EXHAUSTED", `The disk that holds ${this.#directory} is full`, {
      hint: "Free some space, and try again.",
    });
  }
}

async function committed(write: Promise<boolean>, context: string): Promise<void> {
  try {
    await write;
  } catch (thrown) {
    // lmdb-js rejects at once and tells the cause in a second promise, which nobody else may leave unheard.
    const cause: unknown = (thrown as { commitError?: unknown }).commitError ?? thrown;
    throw AppError.wrap(await Promise.resolve(cause).catch((error: unknown) => error), context);
  }
}

/** Bytes that must be free for a new record: lmdb copies every page it changes, and the journal writes too. */
const leastRoom = 2 * 1024 * 1024;
/** Bytes kept free inside the file. A change needs some ten pages of 4 KiB. */
const reserved = 1024 * 1024;

/** Makes the file longer than it need be: what was freed in it is what later changes are written to. */
async function reserve(root: RootDatabase): Promise<void> {
  await root.put("reserve", " ".repeat(reserved));
  await root.remove("reserve");
}

/** lmdb.h and mdb.c of lmdb-js: a page's header is 24 bytes, the meta record follows in the first two pages. */
const meta = { magic: 24, version: 28, pageSize: 48, lastPage: 144, transaction: 152 };
const magic = 0xbeefc0de;

/**
 * lmdb maps its file, and a file shorter than its own accounts kills the process with SIGBUS at the
 * first read. So what can be seen from its first two pages is looked at before.
 */
async function checkFile(file: string): Promise<void> {
  const handle = await openFile(file, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw AppError.wrap(error, "The metadata database can't be opened");
  });
  if (!handle) return;
  try {
    const { size } = await handle.stat();
    if (size === 0) return;
    const damaged = (what: string): AppError =>
      new AppError("DATA_LOSS", `The metadata database ${file} is damaged: ${what}`, {
        hint: hint(file),
      });
    const read = async (position: number): Promise<Buffer> => {
      const buffer = Buffer.alloc(160);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead < buffer.length) throw damaged("it was cut off");
      if (buffer.readUInt32LE(meta.magic) !== magic) throw damaged("it is not a database");
      return buffer;
    };
    const first = await read(0);
    const pageSize = first.readUInt32LE(meta.pageSize);
    if (pageSize < 512 || pageSize > 65536) throw damaged("its page size is impossible");
    const second = await read(pageSize);
    const newest =
      first.readBigUInt64LE(meta.transaction) > second.readBigUInt64LE(meta.transaction)
        ? first
        : second;
    const needed = (newest.readBigUInt64LE(meta.lastPage) + 1n) * BigInt(pageSize);
    if (BigInt(size) < needed) throw damaged(`it has ${size} of ${needed} bytes`);
  } finally {
    await handle.close();
  }
}
