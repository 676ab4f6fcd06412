import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/errors";

/** In this order; the directories are those of the usual PATH. */
const shells = ["bash", "ash", "sh"];
const directories = ["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"];
/** As the kernel: more is a loop (path_resolution(7)). */
const maxLinks = 40;

/**
 * The first shell that a running container has, an absolute path inside it. `pid` is its init.
 * FAILED_PRECONDITION when it has none.
 */
export async function findShell(pid: number): Promise<string> {
  for (const shell of shells) {
    for (const directory of directories) {
      const path = `${directory}/${shell}`;
      if (await isFileIn(`/proc/${pid}/root`, path)) return path;
    }
  }
  throw new AppError("FAILED_PRECONDITION", "This container has no shell", {
    hint: "Type the command to run instead, as it is named in the image.",
  });
}

/**
 * Whether `path` is a file under `root`, links followed as someone inside would: the kernel would
 * take an absolute link in there for one of ours.
 */
async function isFileIn(root: string, path: string): Promise<boolean> {
  let links = 0;
  const todo = path.split("/").filter(Boolean).reverse();
  const done: string[] = [];
  while (todo.length > 0) {
    const name = todo.pop() ?? "";
    if (name === ".") continue;
    if (name === "..") {
      done.pop();
      continue;
    }
    const here = join(root, ...done, name);
    let target: string | undefined;
    try {
      const stats = await lstat(here);
      if (stats.isSymbolicLink()) target = await readlink(here);
      else if (todo.length === 0) return stats.isFile();
    } catch {
      return false;
    }
    if (target === undefined) {
      done.push(name);
      continue;
    }
    links += 1;
    if (links > maxLinks) return false;
    if (target.startsWith("/")) done.length = 0;
    todo.push(...target.split("/").filter(Boolean).reverse());
  }
  return false;
}
