import { access, chmod, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ContainerConfig } from "#shared/contract/containers";
import type { IdMap } from "#shared/contract/isolation";
import type { RuntimeInfo } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { canMapMounts, perl } from "../../runtime/idmapped-mount.ts";
import type { OciProcess, RootfsMount } from "../../runtime/runtime.ts";

export interface IdMaps {
  uids: readonly IdMap[];
  gids: readonly IdMap[];
}

/**
 * Ids that nobody is given otherwise: beyond those of ordinary users' containers (login.defs: SUB_UID_MAX) and of
 * systemd's (systemd: UIDS-GIDS.md), and below what some programs take for negative.
 */
const [first, end] = [0x7000_0000, 0x7fff_0000];

/** The first of `size` ids that none of these have. RESOURCE_EXHAUSTED when there are none left. */
export function freeIds(size: number, taken: readonly { first: number; size: number }[]): number {
  let at: number = first;
  for (const range of taken.toSorted((a, b) => a.first - b.first)) {
    if (at + size <= range.first) break;
    at = Math.max(at, range.first + range.size);
  }
  if (at + size <= end) return at;
  throw new AppError("RESOURCE_EXHAUSTED", `There are no ${size} ids left for another container`, {
    ...{ field: "userns", hint: "Choose fewer, or delete containers that have some." },
  });
}

/** Undefined for a container without a user namespace of its own. `firstId` is what freeIds gave. */
export function idMapsOf(
  { userns }: Pick<ContainerConfig, "userns">,
  firstId: number | undefined,
): IdMaps | undefined {
  if (userns === undefined) return undefined;
  if ("auto" in userns) {
    const all = [{ inside: 0, outside: firstId ?? first, size: userns.auto }];
    return { uids: all, gids: all };
  }
  const { uids = userns.gids ?? [], gids = uids } = userns;
  return { uids, gids };
}

/** INVALID_ARGUMENT (field `userns`) for maps that leave out whom the container needs. */
export function requireMapped({ uids, gids }: IdMaps, user: OciProcess["user"]): void {
  const has = (maps: readonly IdMap[], id: number): boolean =>
    maps.some(({ inside, size }) => id >= inside && id < inside + size);
  const more = [user.gid, ...(user.additionalGids ?? [])];
  const missing = has(uids, 0) ? [user.uid].find((id) => !has(uids, id)) : 0;
  const group = has(gids, 0) ? more.find((id) => !has(gids, id)) : 0;
  const [kind, id] = missing !== undefined ? ["user", missing] : ["group", group];
  if (id === undefined) return;
  throw new AppError("INVALID_ARGUMENT", `Its user namespace has no ${kind} ${id}`, {
    ...{ field: "userns", hint: `Map ${id} too: its files and its processes need it.` },
  });
}

/** FAILED_PRECONDITION where such a container can't be made. */
export async function requireIdMapping(
  { userns }: Pick<ContainerConfig, "userns">,
  rootless: boolean,
): Promise<void> {
  if (userns === undefined) return;
  const fault = (message: string, hint: string): AppError =>
    new AppError("FAILED_PRECONDITION", message, { field: "userns", hint });
  if (rootless) {
    throw fault(
      "An ordinary user's containers have that user's namespace",
      "Their root is nobody else already: leave it out.",
    );
  }
  if (!canMapMounts) {
    throw fault("Ids of files can't be mapped on this kind of machine", "Leave it out.");
  }
  await access(perl).catch(() => {
    throw fault(`Ids of files can't be mapped without ${perl}`, "Install perl.");
  });
}

/** FAILED_PRECONDITION for a runtime that mounts root file systems by itself, or has a kernel of its own. */
export function requireOwnMounts({ name, plainLayers }: RuntimeInfo): void {
  if (!plainLayers && name !== "runsc") return;
  throw new AppError("FAILED_PRECONDITION", `${name} can't give it a user namespace of its own`, {
    ...{ field: "userns", hint: "Choose another runtime, or leave it out." },
  });
}

/**
 * Lets those who are nobody here walk down to a root file system, which only a path leads the runtime to; what lies
 * beside it they may not open. FAILED_PRECONDITION when a directory above is closed to them.
 */
export async function openWay(data: string): Promise<void> {
  await chmod(data, 0o711);
  for (let above = dirname(data); above !== "/"; above = dirname(above)) {
    if ((await stat(above)).mode & 0o001) continue;
    throw new AppError(
      "FAILED_PRECONDITION",
      `The users of its own can't get to its files: ${above}`,
      {
        ...{ field: "userns", hint: `Let others pass: chmod o+x ${above}` },
      },
    );
  }
}

/** As the mount takes them. */
export function mountMaps({ uids, gids }: IdMaps): NonNullable<RootfsMount["idmap"]> {
  const words = (maps: readonly IdMap[]): string =>
    maps.map(({ inside, outside, size }) => `${inside} ${outside} ${size}`).join(",");
  return { uids: words(uids), gids: words(gids) };
}

/** As the specification has them (config-linux.md#user-namespace-mappings). */
export function specMaps({ uids, gids }: IdMaps): { uidMappings: object[]; gidMappings: object[] } {
  const entry = ({ inside, outside, size }: IdMap): object => ({
    ...{ containerID: inside, hostID: outside, size },
  });
  return { uidMappings: uids.map(entry), gidMappings: gids.map(entry) };
}
