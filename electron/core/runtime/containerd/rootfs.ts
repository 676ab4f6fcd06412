import { stat } from "node:fs/promises";
import { AppError } from "#shared/errors";
import { overlayOptions } from "../oci/conmon.ts";
import type { RootfsMount } from "../runtime.ts";
import type { TaskRequest } from "./task-service.ts";

/** As containerd's shim mounts it, on top of its bundle's rootfs, and unmounts it when the task is deleted. */
export function rootfsMounts(rootfs: RootfsMount): TaskRequest["rootfs"] {
  if (rootfs.type === "bind") {
    return [{ type: "bind", source: rootfs.lower[0] ?? "", options: ["rbind", "rw"] }];
  }
  return [
    { type: "overlay", source: "overlay", options: overlayOptions(rootfs, false).split(",") },
  ];
}

/**
 * FAILED_PRECONDITION for layers that are files: they are mounted one by one first, which is done in the mount namespace
 * of a shim of ours and can't be in containerd's without leaving mounts on the host.
 */
export async function requireDirectories({ lower }: RootfsMount): Promise<void> {
  for (const path of lower) {
    // One that is missing the mount itself complains of.
    const found = await stat(path).catch(() => undefined);
    if (!found || found.isDirectory()) continue;
    throw new AppError(
      "FAILED_PRECONDITION",
      "containerd can't mount an image whose layers are kept as single files",
      {
        subject: path,
        hint: "Choose another runtime for it, one of Shimyard's own.",
      },
    );
  }
}
