import { AppError } from "#shared/errors";
import type { TarLimits } from "./limits.ts";
import { refuse, shownName, type TarEntry } from "./tar-entry.ts";

/** What is at a path and is no directory. `skipped` is what this host can't make. */
export type Leaf = "file" | "symlink" | "special" | "whiteout" | "skipped";

export class Directory {
  readonly children = new Map<string, Directory | Leaf>();
  /** What the archive says of it; undefined while only names of what is in it did. */
  entry: TarEntry | undefined;
  /** What lower layers have in it is not seen. */
  opaque = false;
  /** Nor is what they have in its place. */
  replaces = false;
}

/** Bytes that a remembered name takes, beside its own. */
const nodeBytes = 64;

/**
 * All that an archive has made so far. No path in it leads through anything but directories, so that whoever unpacks
 * the archive in its order can be led nowhere else. Paths are lists of components without `.` and `..`.
 */
export class FileTree {
  readonly root = new Directory();
  readonly #limits: TarLimits;
  #count = 1;
  #metadata = 0;

  constructor(limits: TarLimits) {
    this.#limits = limits;
  }

  /** How many names it has, the root's included. */
  get count(): number {
    return this.#count;
  }

  /** Puts something in the place of whatever is there, if that is no directory with something in it. */
  put(path: string[], leaf: Leaf, name: string): void {
    const last = path.at(-1);
    if (last === undefined) throw refuse(name, "would take the place of the root directory");
    const parent = this.#parent(path, name);
    const before = parent.children.get(last);
    if (before === undefined) this.#grow(last.length);
    else if (before instanceof Directory && before.children.size > 0) {
      throw refuse(name, "takes the place of a directory that is not empty");
    }
    parent.children.set(last, leaf);
  }

  /** Makes a directory, or says more of one; answers what was there. */
  putDirectory(path: string[], entry: TarEntry, name: string): Directory | Leaf | undefined {
    this.#remember(
      [...entry.xattrs].reduce((sum, [key, value]) => sum + key.length + value.length, 0),
    );
    const last = path.at(-1);
    if (last === undefined) {
      this.root.entry = entry;
      return this.root;
    }
    const parent = this.#parent(path, name);
    const before = parent.children.get(last);
    if (before instanceof Directory) {
      before.entry = entry;
      return before;
    }
    if (before === undefined) this.#grow(last.length);
    const made = new Directory();
    made.entry = entry;
    made.opaque = made.replaces = before === "whiteout";
    parent.children.set(last, made);
    return before;
  }

  /** What of lower layers is not seen: something (`path`), or all that is in a directory. */
  hide(path: string[], name: string): void {
    const last = path.at(-1);
    if (last === undefined) throw refuse(name, "would hide the root directory");
    const parent = this.#parent(path, name);
    const before = parent.children.get(last);
    // A layer's whiteouts are of what is below it, whatever their order (image-spec, layer.md).
    if (before instanceof Directory) before.opaque = before.replaces = true;
    else if (before === undefined) this.put(path, "whiteout", name);
  }

  hideAll(path: string[], name: string): void {
    this.#parent([...path, ""], name).opaque = true;
  }

  /** What is there; undefined when nothing is, or when the way leads through something that is no directory. */
  find(path: string[]): Directory | Leaf | undefined {
    let node: Directory | Leaf | undefined = this.root;
    for (const part of path) {
      if (!(node instanceof Directory)) return undefined;
      node = node.children.get(part);
    }
    return node;
  }

  /**
   * Paths of directories of which the archive says nothing, and which lower layers may have; outer ones first. Without
   * the root: an overlay's is its topmost layer's, a container's own.
   */
  implied(): string[] {
    const found: string[] = [];
    const todo: [string, Directory][] = [["", this.root]];
    for (let next = todo.pop(); next; next = todo.pop()) {
      const [path, directory] = next;
      if (path !== "" && !directory.entry && !directory.replaces) found.push(path);
      if (directory.opaque) continue;
      for (const [name, child] of directory.children) {
        if (child instanceof Directory) todo.push([path === "" ? name : `${path}/${name}`, child]);
      }
    }
    return found;
  }

  /** The directory that holds the last component, made where it is missing. */
  #parent(path: string[], name: string): Directory {
    let node = this.root;
    for (const part of path.slice(0, -1)) {
      const next = node.children.get(part);
      if (next instanceof Directory) {
        node = next;
        continue;
      }
      if (next === "symlink")
        throw refuse(name, `lies behind the symbolic link "${shownName(part)}"`);
      if (next !== undefined && next !== "whiteout") {
        throw refuse(name, `lies in "${shownName(part)}", which is no directory`);
      }
      if (next === undefined) this.#grow(part.length);
      const made = new Directory();
      made.opaque = made.replaces = next === "whiteout";
      node.children.set(part, made);
      node = made;
    }
    return node;
  }

  #grow(nameBytes: number): void {
    this.#count += 1;
    if (this.#count > this.#limits.entries) {
      throw tooMuch(`It has more than ${this.#limits.entries} files`);
    }
    this.#remember(nameBytes + nodeBytes);
  }

  #remember(bytes: number): void {
    this.#metadata += bytes;
    if (this.#metadata > this.#limits.metadata) {
      throw tooMuch(`Names and attributes take more than ${this.#limits.metadata} bytes`);
    }
  }
}

/** RESOURCE_EXHAUSTED: more than any image that is meant to be used. */
export function tooMuch(what: string): AppError {
  return new AppError("RESOURCE_EXHAUSTED", `The archive is refused. ${what}`, {
    hint: "It looks made to fill a disk or memory. Nothing of it was kept.",
  });
}
