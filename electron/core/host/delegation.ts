import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "#shared/errors";
import { parseCgroupMounts } from "./cgroup.ts";

/** A part of the cgroup v2 tree that an ordinary user may make cgroups in (cgroup-v2.rst, Delegation). */
export interface Delegation {
  /** The OCI runtime asks the user's systemd for a scope, instead of making the cgroup itself. */
  systemd: boolean;
  /** Those that its cgroups can have. */
  controllers: string[];
  /** A container's cgroup as spec `linux.cgroupsPath` has it. `name` is unique on this machine. */
  cgroupsPath(name: string): string;
}

export interface DelegationRequest {
  /** Where the machine's files are: `/`. */
  root: string;
  uid: number;
  env: NodeJS.ProcessEnv;
}

/**
 * What is delegated to this user. FAILED_PRECONDITION, with the reason as its message, when nothing is. Where systemd
 * runs for the user it is asked, as podman does: it alone makes cgroups in its tree, and can move a process into it
 * from a login session. Else the cgroup that this process is in must be this user's own; its processes are then moved
 * into one below it, as a cgroup that hands on controllers may hold none.
 */
export async function findDelegation(request: DelegationRequest): Promise<Delegation> {
  const { root, uid, env } = request;
  const { mode, mounts } = parseCgroupMounts(await read(join(root, "proc/self/mountinfo")));
  if (mode !== "v2" || mounts.unified === undefined) {
    throw none("On cgroup v1 only root can set limits on containers");
  }
  const mount = join(root, mounts.unified);
  const manager = `/user.slice/user-${uid}.slice/user@${uid}.service`;
  const runtimeDir = env.XDG_RUNTIME_DIR;
  if (runtimeDir && (await isThere(join(root, runtimeDir, "systemd/private")))) {
    const controllers = await words(join(mount, manager, "cgroup.controllers"));
    if (controllers.length > 0) {
      return { systemd: true, controllers, cgroupsPath: (name) => `user.slice:shimyard:${name}` };
    }
  }
  const own = /^0::(.*)$/m.exec(await read(join(root, "proc/self/cgroup")))?.[1];
  const top = own === undefined ? undefined : await highestOwned(mount, own, uid);
  if (own === undefined || top === undefined) {
    throw none(
      "This user has no cgroups of their own: no systemd runs for them, and nobody delegated any",
    );
  }
  await handOn(join(mount, top));
  const controllers = await words(join(mount, top, "cgroup.subtree_control"));
  return { systemd: false, controllers, cgroupsPath: (name) => join(top, name) };
}

/** From a cgroup upwards, the last that this user may change; undefined when it is not even that one. */
async function highestOwned(mount: string, path: string, uid: number): Promise<string | undefined> {
  const files = ["", "cgroup.procs", "cgroup.subtree_control"];
  const owners = await Promise.all(
    files.map((name) =>
      stat(join(mount, path, name)).then(
        (stats) => stats.uid,
        () => undefined,
      ),
    ),
  );
  if (owners.some((owner) => owner !== uid)) return undefined;
  if (path === "/") return path;
  return (await highestOwned(mount, dirname(path), uid)) ?? path;
}

/** Lets a cgroup's children have its controllers, as far as it has them itself. */
async function handOn(directory: string): Promise<void> {
  const pids = await words(join(directory, "cgroup.procs"));
  if (pids.length > 0) {
    const leaf = join(directory, "shimyard-manager");
    await mkdir(leaf, { recursive: true });
    // One that has ended, or that is not ours to move, stays where it is.
    for (const pid of pids) await write(join(leaf, "cgroup.procs"), pid);
  }
  for (const name of await words(join(directory, "cgroup.controllers"))) {
    await write(join(directory, "cgroup.subtree_control"), `+${name}`);
  }
}

let once: Promise<Delegation | AppError> | undefined;

/** As `findDelegation` of this machine and user, or why there is none. Looked for once: processes are moved by it. */
export function ownDelegation(): Promise<Delegation | AppError> {
  const uid = process.getuid?.() ?? 0;
  once ??= findDelegation({ root: "/", uid, env: process.env }).catch((error: unknown) =>
    AppError.from(error),
  );
  return once;
}

const none = (reason: string): AppError => new AppError("FAILED_PRECONDITION", reason);

const write = (path: string, text: string): Promise<void> =>
  writeFile(path, text).catch(() => undefined);

const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

const words = async (path: string): Promise<string[]> =>
  (await read(path)).split(/\s+/).filter(Boolean);

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
