import { closeSync, constants, fstatSync, readlinkSync } from "node:fs";
import { AppError } from "#shared/errors";
import { bytesOf, nameOf } from "./name-bytes.ts";
import {
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "./openat.ts";

/** A directory that is held, and a name in it: what is done, is done to this, whatever paths become meanwhile. */
export interface Place {
  fd: number;
  name: Buffer;
}

/**
 * A root that paths are looked up in as by a process whose root it is: the kernel takes absolute links and `..` as
 * inside it (openat2(2), RESOLVE_IN_ROOT), and refuses links of /proc that lead out. What was found is a descriptor,
 * and worked on through that, so that nothing swapped in meanwhile leads anywhere else. Everything throws as Node does.
 */
export class RootDirectory {
  readonly fd: number;
  readonly #resolve: number;
  readonly #own: string;

  /** Takes over `fd`. `links: "refused"`: not one is followed; for a layer of an overlay, whose links are not its own. */
  constructor(fd: number, links: "inside" | "refused" = "inside") {
    this.fd = fd;
    const kept = links === "inside" ? RESOLVE_IN_ROOT : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    this.#resolve = kept | RESOLVE_NO_MAGICLINKS;
    this.#own = pathOf(fd).replace(/\/$/, "");
  }

  /**
   * What is at `path`, opened without reading it (O_PATH), so that nothing happens to a device or a pipe. The caller
   * closes it. With `directory` ENOTDIR when it is none.
   */
  open(path: string, options: { directory?: boolean } = {}): number {
    const flags = O_PATH | (options.directory ? constants.O_DIRECTORY : 0);
    // RESOLVE_BENEATH takes relative paths only; in a root they are the same.
    const relative = Buffer.concat([Buffer.from("./"), bytesOf(path)]);
    return openat2(this.fd, relative, { flags, resolve: this.#resolve });
  }

  /** `open` for as long as `body` takes. */
  at<T>(path: string, body: (fd: number) => T): T {
    return closing(this.open(path), body);
  }

  /** As `at`, of a directory. */
  directory<T>(path: string, body: (fd: number) => T): T {
    return closing(this.open(path, { directory: true }), body);
  }

  /** Where `path` is: its directory and its name there, whether or not there is something of that name. */
  place<T>(path: string, body: (place: Place) => T): T {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    const name = parts.pop();
    if (name === undefined || name === "..") {
      throw new AppError("FAILED_PRECONDITION", "The root directory itself stays as it is");
    }
    return this.directory(`/${parts.join("/")}`, (fd) => body({ fd, name: bytesOf(name) }));
  }

  /** The path of something found in here, without links. */
  pathOf(fd: number): string {
    const path = pathOf(fd);
    return path.startsWith(`${this.#own}/`) ? path.slice(this.#own.length) : "/";
  }

  /** Whether a directory is in this file system itself, not in one that is mounted in it. */
  has(fd: number): boolean {
    return fstatSync(fd).dev === fstatSync(this.fd).dev;
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Runs `body`, and closes the descriptor when it has ended, also when that takes a while. */
export function closing<T>(fd: number, body: (fd: number) => T): T {
  let result: T;
  try {
    result = body(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  if (result instanceof Promise) return result.finally(() => closeSync(fd)) as T;
  closeSync(fd);
  return result;
}

/** A path that means what the descriptor has open. */
export function self(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** A path to a name in a directory that is held; links in front of the name there are none. */
export function inside({ fd, name }: Place): Buffer {
  return Buffer.concat([Buffer.from(`${self(fd)}/`), name]);
}

function pathOf(fd: number): string {
  return nameOf(readlinkSync(self(fd), { encoding: "buffer" }));
}
