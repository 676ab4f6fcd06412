import { MountTarget } from "#shared/contract/container-options";
import type { BindMount, ContainerMount, TmpfsMount } from "#shared/contract/container-options";
import type { ContainerConfig } from "#shared/contract/containers";
import { newId } from "../base/ids.ts";
import { placeOf } from "../base/mount-place.ts";

/** What of a container says which volumes it has. */
export interface VolumeHolder {
  config: Pick<ContainerConfig, "mounts" | "userns">;
  /** Names of those that nobody named, by where they are seen. */
  ownVolumes: Record<string, string>;
}

/** A volume as one container sees it. */
export interface VolumeUse {
  name: string;
  target: string;
  readOnly: boolean;
  /** An empty one is filled from the image. */
  fill: boolean;
  anonymous: boolean;
}

/**
 * Names for the volumes of a container that have none: what it mounts without one, and what its image declares where it
 * mounts nothing (docker's VOLUME). What an image declares at a place that can't be one is no volume. `before`: names
 * that are taken over where they are seen at the same place.
 */
export function nameOwnVolumes(
  mounts: readonly ContainerMount[],
  declared: readonly string[],
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const taken = new Set(mounts.map(({ target }) => placeOf(target)));
  const unnamed = mounts.filter((mount) => mount.type === "volume" && mount.source === undefined);
  const places = [
    ...unnamed.map(({ target }) => placeOf(target)),
    ...declared
      .filter((target) => MountTarget.safeParse(target).success)
      .map(placeOf)
      .filter((place) => !taken.has(place)),
  ];
  return Object.fromEntries(places.map((place) => [place, before[place] ?? newId()]));
}

/** All volumes of a container. */
export function volumesOf({ config: { mounts = [] }, ownVolumes }: VolumeHolder): VolumeUse[] {
  const named = mounts.flatMap((mount): VolumeUse[] => {
    if (mount.type !== "volume") return [];
    const target = placeOf(mount.target);
    const name = mount.source ?? ownVolumes[target];
    if (name === undefined) return [];
    const { readOnly, noCopy } = mount;
    return [{ name, target, readOnly, fill: !noCopy, anonymous: mount.source === undefined }];
  });
  const places = new Set(named.map(({ target }) => target));
  const declared = Object.entries(ownVolumes)
    .filter(([target]) => !places.has(target))
    .map(([target, name]) => ({ name, target, readOnly: false, fill: true, anonymous: true }));
  return [...named, ...declared];
}

/**
 * A container's mounts with its volumes as the directories that they are: on disk owned as if there was no user
 * namespace, so that one has the same files with it and without.
 */
export function placeVolumes(
  holder: VolumeHolder,
  directory: (name: string) => string,
): (BindMount | TmpfsMount)[] {
  const volumes = volumesOf(holder).map(({ name, target, readOnly }) => ({
    ...{ type: "bind" as const, source: directory(name), target, readOnly },
    ...(holder.config.userns ? { idmap: true } : {}),
  }));
  return [...(holder.config.mounts ?? []).filter((mount) => mount.type !== "volume"), ...volumes];
}
