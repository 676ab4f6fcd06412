import { mustRun } from "../host/command.ts";
import type { Privileges } from "../host/privileges.ts";
import { mountArgs } from "../runtime/rootfs-mount.ts";
import type { RootfsMount } from "../runtime/runtime.ts";

/** What became of a path, as `docker diff` tells it. */
export interface Change {
  /** Absolute, as in the container. */
  path: string;
  kind: "added" | "modified" | "deleted";
}

interface Compared {
  /** What was written. */
  upper: string;
  /** The file system before, and as it is now. */
  lower: RootfsMount;
  merged: RootfsMount;
  /** An existing directory to mount them at, in namespaces of their own. */
  place: string;
  privileges: Privileges;
  signal?: AbortSignal;
}

/** An hour: a disk may be slow, and a tree of millions of files be listed. Milliseconds. */
const timeout = 3600_000;

/**
 * Told from the lists of three trees: overlayfs's own marks, which differ with its version and with who mounted it, need
 * not be read. Of a directory that was deleted only itself is told.
 */
export async function listChanges(compared: Compared): Promise<Change[]> {
  const { upper, lower, merged } = compared;
  const [written, before, after] = await Promise.all([
    list(compared.privileges.asRoot(find(upper)), compared.signal),
    listMounted(lower, compared),
    listMounted(merged, compared),
  ]);
  const changes: Change[] = [];
  const tell = (path: string, kind: Change["kind"]): void => {
    changes.push({ path: `/${Buffer.from(path, "latin1").toString("utf8")}`, kind });
  };
  for (const path of written) {
    // What is not seen is the mark of something deleted.
    if (after.has(path)) tell(path, before.has(path) ? "modified" : "added");
  }
  for (const path of before) {
    if (after.has(path)) continue;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (parent === "" || after.has(parent)) tell(path, "deleted");
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function listMounted(mount: RootfsMount, compared: Compared): Promise<Set<string>> {
  const { place, privileges, signal } = compared;
  const { rootless } = privileges;
  const argv = mountArgs(mount, place, { busybox: undefined, rootless }, find(place));
  return list(privileges.isolate(argv), signal);
}

const find = (path: string): string[] => ["find", path, "-mindepth", "1", "-printf", "%P\\0"];

/** Paths as bytes: a character for each. */
async function list(argv: string[], signal: AbortSignal | undefined): Promise<Set<string>> {
  const chunks: Buffer[] = [];
  await mustRun(argv, {
    timeout,
    onStdout: (chunk) => void chunks.push(chunk),
    ...(signal && { signal }),
  });
  const paths = Buffer.concat(chunks).toString("latin1").split("\0");
  return new Set(paths.filter((path) => path !== ""));
}
