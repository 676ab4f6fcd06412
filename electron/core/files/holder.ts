import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import { mountArgs } from "../runtime/rootfs-mount.ts";
import type { RootfsMount } from "../runtime/runtime.ts";

/**
 * Where a root file system is mounted to be looked at: in a mount namespace that only the agent is in, so that no mount
 * is ever seen on the host, and the kernel takes all away when the agent ends, however it ends. The directories are the
 * same for all, and stay empty.
 */
export interface HolderPlaces {
  root: string;
  image: string;
}

export interface Held {
  /** What the image has, as any container of it would. */
  image: RootfsMount["lower"];
  /** A container's files that nobody has mounted now; absent for an image alone. */
  rootfs?: RootfsMount;
  /** The init of a running container, whose files are reached through it. */
  pid?: number;
}

export async function makePlaces(paths: Paths): Promise<HolderPlaces & { empty: string }> {
  const [root, image, empty] = ["root", "image", "empty"].map((name) =>
    join(paths.state, "files", name),
  ) as [string, string, string];
  for (const path of [root, image, empty]) await mkdir(path, { recursive: true, mode: 0o700 });
  return { root, image, empty };
}

/** argv of `argv` where these are mounted. Throws INVALID_ARGUMENT for paths that can't be mounted from. */
export function holderArgv(
  held: Held,
  places: HolderPlaces & { empty: string },
  privileges: Privileges,
  argv: string[],
): string[] {
  const { rootless } = privileges;
  const options = { busybox: undefined, rootless };
  // Without an upper directory an overlay has two lower ones at least, and can't be written to (overlayfs.rst).
  const empty = { type: "directory" as const, path: places.empty };
  const view: RootfsMount = { type: "overlay", lower: [...held.image, empty] };
  const agent = endsWithUs(argv);
  const viewed = mountArgs(view, places.image, options, agent);
  const mounted = held.rootfs ? mountArgs(held.rootfs, places.root, options, viewed) : viewed;
  return held.pid === undefined
    ? privileges.isolate(mounted)
    : privileges.enter(held.pid, ["unshare", "--mount", "--propagation", "slave", ...mounted]);
}

/** argv of `argv` where nothing has to be mounted. */
export const plainArgv = (privileges: Privileges, argv: string[]): string[] =>
  privileges.isolate(endsWithUs(argv));

/** prctl(2), PR_SET_PDEATHSIG: also where it does not look at its standard input just then. */
const endsWithUs = (argv: string[]): string[] => ["setpriv", "--pdeathsig", "KILL", "--", ...argv];
