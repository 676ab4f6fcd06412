import { access, lstat, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "#shared/errors";
import { mustRun } from "../host/command.ts";
import { containerDir, imageDir, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { RootfsMount } from "../runtime/runtime.ts";

/**
 * The writable side of containers: per container an overlay's upper and work directory, over its
 * image's files. Nothing is mounted here; the shim does that in a mount namespace of its own.
 */
export class Snapshotter {
  readonly #paths: Paths;
  readonly #privileges: Privileges;

  constructor(paths: Paths, privileges: Privileges) {
    this.#paths = paths;
    this.#privileges = privileges;
  }

  /** Makes the directories of a new container; leaves nothing when that fails. */
  async prepare(namespace: string, id: string): Promise<void> {
    const directory = containerDir(this.#paths, namespace, id);
    try {
      await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
      await mkdir(directory, { mode: 0o700 });
      // overlayfs shows upper's mode as the root directory's.
      await Promise.all([
        mkdir(join(directory, "upper"), { mode: 0o755 }),
        mkdir(join(directory, "work"), { mode: 0o700 }),
      ]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") await this.remove(namespace, id);
      throw AppError.wrap(error, "The container's directory can't be made");
    }
  }

  /** How the root file system is put together. NOT_FOUND when the image's files have gone. */
  async mounts(namespace: string, id: string, imageId: string): Promise<RootfsMount> {
    const directory = containerDir(this.#paths, namespace, id);
    const lower = join(imageDir(this.#paths, imageId), "rootfs");
    try {
      await access(lower);
    } catch (error) {
      throw new AppError(
        "NOT_FOUND",
        "The files of the container's image are gone",
        { hint: "Import the image again, and create the container anew." },
        error,
      );
    }
    return {
      type: "overlay",
      lower: [lower],
      upper: join(directory, "upper"),
      work: join(directory, "work"),
    };
  }

  /**
   * The directory to look users up in, while nothing is mounted: what was written in the container goes
   * before its image. NOT_FOUND when the image's files have gone.
   */
  async userFiles(namespace: string, id: string, imageId: string): Promise<string> {
    const { lower } = await this.mounts(namespace, id, imageId);
    const upper = this.upper(namespace, id);
    const own = await lstat(join(upper, "etc/passwd")).catch(() => undefined);
    return own?.isFile() ? upper : (lower[0] as string);
  }

  upper(namespace: string, id: string): string {
    return join(containerDir(this.#paths, namespace, id), "upper");
  }

  /** Everything of a container that outlives its task, its log too. Idempotent. */
  async remove(namespace: string, id: string): Promise<void> {
    await removeTree(containerDir(this.#paths, namespace, id), this.#privileges);
  }

  /** The ids that have directories, whether or not a record knows them. */
  async list(namespace: string): Promise<string[]> {
    return readdir(dirname(containerDir(this.#paths, namespace, "id"))).catch(() => []);
  }
}

/** A day, in milliseconds: a container may have written millions of files. */
const longest = 24 * 3600 * 1000;

/**
 * Removes a directory whose files may belong to any user of a container: an ordinary user can't
 * without entering a user namespace. Idempotent; never follows symbolic links.
 */
export async function removeTree(path: string, privileges: Privileges): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!privileges.rootless) throw AppError.wrap(error, `${path} can't be removed`);
    await mustRun(privileges.asRoot(["rm", "-rf", "--", path]), { timeout: longest });
  }
}
