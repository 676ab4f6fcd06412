import type { BindMount, TmpfsMount } from "#shared/contract/container-options";
import { placeOf } from "../../base/mount-place.ts";
import type { OciSpec } from "../../runtime/runtime.ts";

/** A mount as the host knows it: volumes are directories of it. */
export type HostMount = BindMount | TmpfsMount;

type OciMount = OciSpec["mounts"][number];

/**
 * What a container is given to mount, among what every one has: its own wins where both have a place, and what lies
 * within another comes after it. `rootfsPropagation` is what the runtime needs for mounts that come later to arrive.
 */
export function withOwnMounts(
  always: readonly OciMount[],
  mounts: readonly HostMount[],
  warnings: string[],
): { mounts: OciMount[]; rootfsPropagation?: "rslave" } {
  const own = mounts.map((mount) => toOci(mount, warnings));
  const places = new Set(own.map(({ destination }) => destination));
  const depth = ({ destination }: OciMount): number => destination.split("/").length;
  const late = mounts.some(
    (mount) => mount.type === "bind" && /slave|shared/.test(mount.propagation ?? ""),
  );
  return {
    mounts: [
      ...always.filter(({ destination }) => !places.has(destination)),
      ...own.sort((a, b) => depth(a) - depth(b)),
    ],
    ...(late ? { rootfsPropagation: "rslave" } : {}),
  };
}

function toOci(mount: HostMount, warnings: string[]): OciMount {
  const destination = placeOf(mount.target);
  const access = mount.readOnly ? "ro" : "rw";
  if (mount.type === "tmpfs") {
    const { size, mode, exec } = mount;
    return {
      ...{ destination, type: "tmpfs", source: "tmpfs" },
      options: [
        ...["nosuid", "nodev", exec ? "exec" : "noexec", access],
        ...(size === undefined ? [] : [`size=${size}`]),
        ...(mode === undefined ? [] : [`mode=${mode}`]),
      ],
    };
  }
  let propagation = mount.propagation ?? "rprivate";
  if (propagation.endsWith("shared")) {
    // The shim's mount namespace is this machine's slave: nothing goes back.
    warnings.push(`What it mounts under ${destination} is not seen on this machine`);
    propagation = "rslave";
  }
  return {
    destination,
    type: "bind",
    source: mount.source,
    options: ["rbind", propagation, access],
  };
}
