import { AppError } from "#shared/errors";
import { overlayOptions } from "../rootfs-mount.ts";
import type { RootfsMount } from "../runtime.ts";
import type { TaskRequest } from "./task-service.ts";

/** As containerd's shim mounts it, on top of its bundle's rootfs, and unmounts it when the task is deleted. */
export function rootfsMounts(rootfs: RootfsMount): TaskRequest["rootfs"] {
  const lower = rootfs.lower.map(({ path }) => path);
  if (rootfs.type === "bind") {
    return [{ type: "bind", source: lower[0] ?? "", options: ["rbind", "rw"] }];
  }
  const options = overlayOptions(rootfs, lower, false).split(",");
  return [{ type: "overlay", source: "overlay", options }];
}

/**
 * FAILED_PRECONDITION for layers that are files: they are mounted one by one first, which is done in the mount namespace
 * of a shim of ours and can't be in containerd's without leaving mounts on the host.
 */
export function requireDirectories({ lower }: RootfsMount): void {
  const file = lower.find(({ type }) => type !== "directory");
  if (!file) return;
  throw new AppError(
    "FAILED_PRECONDITION",
    "containerd can't mount an image whose layers are kept as single files",
    {
      subject: file.path,
      hint: "Choose another runtime for it, one of Shimyard's own.",
    },
  );
}
