import { lstat, mkdir, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ContainerConfig } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import { runCommand } from "../../host/command.ts";
import { idmapTrial } from "../../runtime/idmapped-mount.ts";
import type { IdmappedFiles } from "../../runtime/runtime.ts";
import type { HostMount } from "./mounts.ts";

type Binds = NonNullable<IdmappedFiles["binds"]>;

/** Whether file systems can map ids, by the device that they are on. */
const able = new Map<number, boolean>();

/**
 * INVALID_ARGUMENT (field `mounts`) for ids that are to be mapped without a user namespace, FAILED_PRECONDITION for
 * those of a file system that can't.
 */
export async function requireMappable({
  mounts = [],
  userns,
}: Pick<ContainerConfig, "mounts" | "userns">): Promise<void> {
  for (const mount of mounts) {
    if (mount.type !== "bind" || !mount.idmap) continue;
    const { source } = mount;
    if (!userns) {
      throw new AppError("INVALID_ARGUMENT", `The ids of ${source} are mapped to none`, {
        ...{ field: "mounts", hint: "Give it a user namespace of its own, or leave idmap out." },
      });
    }
    // That it is not there is told elsewhere.
    const device = await stat(source).then(
      ({ dev }) => dev,
      () => undefined,
    );
    if (device === undefined) continue;
    if (!able.has(device)) able.set(device, (await runCommand(idmapTrial(source))).code === 0);
    if (able.get(device)) continue;
    throw new AppError("FAILED_PRECONDITION", `The file system of ${source} can't map ids`, {
      ...{ field: "mounts", hint: "Leave idmap out, or mount a directory of another one." },
    });
  }
}

/** Those of its mounts that are mapped have places in `directory`, from where the runtime takes them. */
export function placeMapped(
  mounts: readonly HostMount[],
  directory: string,
): { mounts: HostMount[]; binds: Binds } {
  const binds: Binds = [];
  const placed = mounts.map((mount): HostMount => {
    if (mount.type !== "bind" || !mount.idmap) return mount;
    const place = join(directory, String(binds.length));
    binds.push({ source: mount.source, place });
    return { ...mount, source: place };
  });
  return { mounts: placed, binds };
}

/** A directory for each directory, a file for each other thing. */
export async function makePlaces(binds: Binds): Promise<void> {
  for (const { source, place } of binds) {
    await mkdir(dirname(place), { recursive: true, mode: 0o711 });
    const isDirectory = (await stat(source)).isDirectory();
    const before = await lstat(place).catch(() => undefined);
    if (before?.isDirectory() === isDirectory) continue;
    if (before) await (before.isDirectory() ? rmdir(place) : unlink(place));
    await (isDirectory ? mkdir(place, { mode: 0o711 }) : writeFile(place, ""));
  }
}
