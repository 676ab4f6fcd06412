import { closeSync, constants, openSync } from "node:fs";
import { access, chmod, mkdir, opendir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { AppError } from "#shared/errors";
import { explainFullDisk } from "../base/disk.ts";
import { O_PATH } from "../files/openat.ts";
import { RootDirectory } from "../files/root-directory.ts";
import { mustRun } from "../host/command.ts";
import type { Privileges } from "../host/privileges.ts";
import { removeTree } from "../host/remove-tree.ts";

/** A day, in milliseconds: what is copied may be as big as a disk. */
const longest = 24 * 3600 * 1000;

/** What begins a command that ends with whoever started it: of a script every one that takes a while. */
const mortal = "setpriv --pdeathsig KILL --";

/** Copies the directory that is standard input. */
const copySource = `mkdir -m 700 filling &&
  ${mortal} cp --archive /proc/self/fd/0/. filling && mv -T filling filled`;

/** Moves every name, of which none replaces what is there, and at last says whose the directory is. */
const finishFill = `{ ${mortal} find filled -mindepth 1 -maxdepth 1 \\
    -exec ${mortal} mv --no-clobber --target-directory=files -- {} + || true; } &&
  find filled -mindepth 1 -maxdepth 1 -exec ${mortal} sh -c '
    for left; do
      to=files/\${left##*/}
      [ -e "$to" ] || [ -L "$to" ] || { echo "$left was not moved" >&2; exit 1; }
    done
    rm -rf -- "$@"' sh {} + &&
  cp --archive -T filled files && rmdir filled`;

/**
 * The directories of volumes. In that of each lies `files`, which containers see, and what is on its way there:
 * `filling` and `restoring` until they are whole, then `filled` and `restored` until they are in place. So what a killed
 * manager left is either undone or finished (`recover`).
 */
export class VolumeDisk {
  readonly #directory: string;
  readonly #privileges: Privileges;

  /** `directory` is that of all volumes. */
  constructor(directory: string, privileges: Privileges) {
    this.#directory = directory;
    this.#privileges = privileges;
  }

  files(name: string): string {
    return join(this.#directory, name, "files");
  }

  /** An empty one. Nobody but us gets through to the files, of whatever owner and mode they are. */
  async make(name: string): Promise<void> {
    const hidden = this.#hidden();
    try {
      await mkdir(join(hidden, "files"), { recursive: true });
      await chmod(join(hidden, "files"), 0o755);
      await chmod(hidden, 0o700);
      await rename(hidden, join(this.#directory, name));
    } catch (error) {
      await removeTree(hidden, this.#privileges);
      throw AppError.wrap(error, `The directory of volume "${name}" can't be made`);
    }
  }

  /** The names of those that have files. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => !name.startsWith("."))
        .map(async (name) => {
          const there = await Promise.all([this.#has(name, "files"), this.#has(name, "restored")]);
          return there.some(Boolean) ? [name] : [];
        }),
    );
    return found.flat();
  }

  /** What an ordinary user can't look into has got an owner from a container: it is not empty. */
  async isEmpty(name: string): Promise<boolean> {
    try {
      const directory = await opendir(this.files(name));
      try {
        return (await directory.read()) === null;
      } finally {
        await directory.close();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EACCES") return false;
      throw AppError.wrap(error, `The files of volume "${name}" can't be read`);
    }
  }

  /** Takes it from its name at once; what is answered removes all that was in it. Idempotent. */
  async remove(name: string): Promise<() => Promise<void>> {
    const hidden = this.#hidden();
    try {
      await rename(join(this.#directory, name), hidden);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return () => Promise.resolve();
      throw AppError.wrap(error, `The volume "${name}" can't be removed`);
    }
    return () => removeTree(hidden, this.#privileges);
  }

  /** Removes what removals that were cut off have left. */
  async tidy(): Promise<void> {
    for (const name of await readdir(this.#directory).catch(() => [])) {
      if (name.startsWith(".")) await removeTree(join(this.#directory, name), this.#privileges);
    }
  }

  /**
   * Gives it what is at `target` under `root`, an image's files: content, owners, modes, times, extended attributes, and
   * the directory's own. Links in the image are followed inside it only. Nothing where the image has no directory there.
   * A container may be using it: nothing that is there meanwhile is replaced.
   */
  async fill(
    name: string,
    root: string,
    target: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    const source = openInside(root, target);
    if (source === undefined) return;
    try {
      await this.#run(name, `${copySource} && ${finishFill}`, { ...options, stdin: source });
    } catch (error) {
      const explained = await explainFullDisk(error, this.#directory);
      await removeTree(join(this.#directory, name, "filling"), this.#privileges);
      throw AppError.wrap(explained, `The volume "${name}" can't be filled from the image`);
    } finally {
      closeSync(source);
    }
  }

  /**
   * Puts what `write` makes, in an empty directory that it is given, in place of all files. When it fails nothing has
   * changed. Nothing uses the files meanwhile.
   */
  async replace(name: string, write: (directory: string) => Promise<void>): Promise<void> {
    const own = (path: string): string => join(this.#directory, name, path);
    await mkdir(own("restoring"), { mode: 0o755 });
    try {
      await write(own("restoring"));
      // All of it, before its name says that it is whole.
      await mustRun(["sync", "--file-system", own(".")], { timeout: longest });
      await rename(own("restoring"), own("restored"));
    } catch (error) {
      await removeTree(own("restoring"), this.#privileges);
      throw await explainFullDisk(error, this.#directory);
    }
    await this.#putRestored(name);
  }

  /** Undoes or finishes what was being done to its files when a manager was killed. */
  async recover(name: string): Promise<void> {
    const names = new Set(await readdir(join(this.#directory, name)));
    const remove = (path: string): Promise<void> =>
      removeTree(join(this.#directory, name, path), this.#privileges);
    if (names.has("filling")) await remove("filling");
    if (names.has("restoring")) await remove("restoring");
    if (names.has("filled")) await this.#run(name, finishFill);
    if (names.has("restored")) await this.#putRestored(name);
    if (names.has("old")) await remove("old");
  }

  async #putRestored(name: string): Promise<void> {
    const own = (path: string): string => join(this.#directory, name, path);
    if (await this.#has(name, "files")) {
      await removeTree(own("old"), this.#privileges);
      await rename(own("files"), own("old"));
    }
    await rename(own("restored"), own("files"));
    await removeTree(own("old"), this.#privileges);
  }

  /** A name that no volume has, and `tidy` removes. */
  #hidden(): string {
    return join(this.#directory, `.${randomBytes(8).toString("hex")}`);
  }

  async #has(name: string, path: string): Promise<boolean> {
    return access(join(this.#directory, name, path)).then(
      () => true,
      () => false,
    );
  }

  /** Runs a script in the volume's directory, as root of its files; it ends with us. */
  async #run(
    name: string,
    script: string,
    options: { signal?: AbortSignal; stdin?: number } = {},
  ): Promise<void> {
    const argv = [...mortal.split(" "), "sh", "-c", script];
    const cwd = join(this.#directory, name);
    await mustRun(this.#privileges.asRoot(argv), { ...options, cwd, timeout: longest });
  }
}

/** A directory beneath a root whose links lead no further than that; the caller closes it. Undefined: there is none. */
function openInside(root: string, path: string): number | undefined {
  const held = new RootDirectory(openSync(root, O_PATH | constants.O_DIRECTORY));
  try {
    return held.open(path, { directory: true });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // EACCES: an ordinary user's manager does not get through where only another user of the image does.
    if (["ENOENT", "ENOTDIR", "ELOOP", "EACCES"].includes(code)) return undefined;
    throw error;
  } finally {
    held.close();
  }
}
