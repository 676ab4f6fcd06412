import { constants } from "node:fs";
import { type FileHandle, open, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Privileges } from "#core/host/privileges";
import { mustRun } from "#core/host/command";
import { AppError } from "#shared/errors";
import type { OciProcess } from "../runtime.ts";

type User = OciProcess["user"];

/** What users and groups are looked up in: the content of these files; empty where there is none. */
export interface UserFiles {
  passwd: string;
  group: string;
}

/**
 * Reads them under `root`: an image's directory, or /proc/PID/root of a container. Symbolic links are followed inside
 * `root` only.
 */
export async function readUserFiles(root: string, privileges: Privileges): Promise<UserFiles> {
  const [passwd, group] = await Promise.all(
    ["etc/passwd", "etc/group"].map((path) => readBeneath(root, path, privileges)),
  );
  return { passwd: passwd as string, group: group as string };
}

/** As `lookUpUser`, in the files under `root`. */
export async function resolveUser(
  root: string,
  user: string,
  privileges: Privileges,
): Promise<User> {
  return lookUpUser(await readUserFiles(root, privileges), user);
}

/**
 * A user as people write it (`root`, `1000`, `1000:100`, `app:staff`) to ids. A number that no entry has is taken as it
 * is, as docker does. Throws INVALID_ARGUMENT (field `user`) when a name is not there.
 */
export function lookUpUser(files: UserFiles, user: string): User {
  const [name = "", group] = user.split(":", 2);
  const passwd = entries(files.passwd);
  const groups = entries(files.group);
  const entry = passwd.find((fields) => fields[0] === name || (isId(name) && fields[2] === name));
  if (!entry && !isId(name)) throw unknown("user", name);
  const uid = Number(entry?.[2] ?? name);
  if (group === undefined || group === "") {
    const gid = Number(entry?.[3] ?? 0);
    const own = entry?.[0];
    const additionalGids = groups
      .filter((fields) => own !== undefined && (fields[3] ?? "").split(",").includes(own))
      .map((fields) => Number(fields[2]))
      .filter((id) => id !== gid && Number.isInteger(id));
    return additionalGids.length > 0 ? { uid, gid, additionalGids } : { uid, gid };
  }
  const groupEntry = groups.find((fields) => fields[0] === group);
  if (!groupEntry && !isId(group)) throw unknown("group", group);
  return { uid, gid: Number(groupEntry?.[2] ?? group) };
}

/** More groups for a user, by name or gid. Throws INVALID_ARGUMENT (field `groupAdd`) when a name is not there. */
export function withGroups(files: UserFiles, user: User, names: readonly string[]): User {
  if (names.length === 0) return user;
  const groups = entries(files.group);
  const gids = names.map((name) => {
    const entry = groups.find((fields) => fields[0] === name);
    if (!entry && !isId(name)) throw unknown("group", name, "groupAdd");
    return Number(entry?.[2] ?? name);
  });
  return { ...user, additionalGids: [...new Set([...(user.additionalGids ?? []), ...gids])] };
}

/** A 32 bit id; the highest means "unchanged" to chown(2) and is none. */
function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffffffff;
}

function unknown(kind: "user" | "group", name: string, field = "user"): AppError {
  return new AppError("INVALID_ARGUMENT", `There is no ${kind} "${name}" in the container`, {
    field,
    hint: `Choose one that its /etc/${kind === "user" ? "passwd" : "group"} has, or give a number.`,
  });
}

/** The fields of each line. */
function entries(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

/** Beyond this a passwd file is no passwd file. */
const maxFile = 4 * 1024 * 1024;

/** Empty when there is no such file. */
async function readBeneath(root: string, path: string, privileges: Privileges): Promise<string> {
  let file: FileHandle | undefined;
  try {
    file = await openBeneath(root, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENXIO: the device 0/0, with which an overlay's upper directory says that the file was deleted.
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(code ?? "")) return "";
    if (code !== "EACCES" || !privileges.rootless) throw AppError.from(error);
    // An image's directory that only its own root may enter.
    return mustRun(privileges.asRoot(["cat", "--", join(root, path)]));
  }
  try {
    const stats = await file.stat();
    return stats.isFile() && stats.size <= maxFile ? await file.readFile("utf8") : "";
  } finally {
    await file.close();
  }
}

/**
 * Opens a file as it is seen by a process whose root is `root`, which may be changing it meanwhile: every
 * component is opened by itself beneath the one before (through its descriptor, as openat(2) does) and links are
 * followed by hand, so that none leads out. ELOOP after 40 links, as in the kernel.
 */
async function openBeneath(root: string, path: string): Promise<FileHandle> {
  const opened = [await open(root, constants.O_RDONLY | constants.O_DIRECTORY)];
  try {
    let todo = parts(path);
    for (let links = 0; ;) {
      const [part = ".", ...rest] = todo;
      todo = rest;
      if (part === "..") {
        // The root's parent is the root.
        if (opened.length > 1) await opened.pop()?.close();
        continue;
      }
      const at = `/proc/self/fd/${opened.at(-1)?.fd}/${part}`;
      const kind = rest.length > 0 ? constants.O_DIRECTORY : constants.O_NONBLOCK;
      const next = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW | kind).catch(
        async (error: NodeJS.ErrnoException) => {
          // ENOTDIR: a link where a directory was asked for. What is no link fails here once more.
          if (error.code !== "ELOOP" && error.code !== "ENOTDIR") throw error;
          if (++links > 40) throw error;
          return readlink(at).catch(() => Promise.reject(error));
        },
      );
      if (typeof next !== "string") {
        if (rest.length === 0) return next;
        opened.push(next);
        continue;
      }
      if (next.startsWith("/")) for (const each of opened.splice(1)) await each.close();
      todo = [...parts(next), ...todo];
    }
  } finally {
    for (const each of opened) await each.close();
  }
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
