import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { commandOutput } from "../host/command-output.ts";
import { removeTree } from "../host/remove-tree.ts";
import { writeAtomically } from "../base/write-atomically.ts";
import { mountArgs } from "../runtime/rootfs-mount.ts";
import type { Lower } from "../runtime/runtime.ts";
import { hiddenName, impliedFile, layerDir, type LayerPlan, planPrivileges } from "./layer.ts";
import { makeLayer } from "./make-layer.ts";

/** In a layer's directory: what is laid over it, one layer for each kind of layers below it. They go with it. */
export const overDir = (directory: string, diffId: string): string =>
  join(layerDir(directory, diffId), "over");

/**
 * Directories that a layer only implies, as `a/b` does `a`, are those of the layers below it, with their mode, owner and
 * attributes; but an overlay shows the topmost layer's, which has none to show. So a small layer with those from below
 * is laid over it. It is made when it is first needed, as it depends on what is below; this answers its diff id in
 * `overDir`, or undefined when nothing of it is there.
 */
export async function layerOver(
  plan: LayerPlan,
  diffId: string,
  below: { diffIds: readonly string[]; lower: Lower[] },
): Promise<string | undefined> {
  const directory = overDir(plan.directory, diffId);
  const chain = createHash("sha256").update(below.diffIds.join(" ")).digest("hex");
  const memory = join(directory, `for-${chain}`);
  const known = await readFile(memory, "utf8").catch(() => undefined);
  if (known !== undefined) return known || undefined;
  const own = { ...plan, directory };
  const work = join(plan.directory, await hiddenName());
  const privileges = planPrivileges(plan);
  try {
    const target = join(work, "target");
    await mkdir(target, { recursive: true, mode: 0o700 });
    const names = join(layerDir(plan.directory, diffId), impliedFile);
    const argv = mountArgs(
      { type: "overlay", lower: below.lower },
      target,
      { busybox: undefined, rootless: plan.rootless },
      ["sh", "-c", packThose, "sh", target, names, join(work, "found"), isThere],
    );
    const { signal } = new AbortController();
    const tar = commandOutput(privileges.isolate(argv), signal);
    const made = await makeLayer(own, tar, { compression: "none" });
    // The root alone.
    const isNothing = made.files === 1;
    await writeAtomically(memory, isNothing ? "" : made.diffId);
    return isNothing ? undefined : made.diffId;
  } finally {
    await removeTree(work, privileges);
  }
}

/** Of the names in file $2, those that are directories beneath $1, as a tar. No link is followed. */
const packThose = `
  cd "$1" && xargs --null --arg-file="$2" sh -c "$4" sh >"$3" &&
  exec tar --create --file=- --format=pax --pax-option=delete=atime,delete=ctime --numeric-owner \\
    --xattrs --xattrs-include=* --no-recursion . --null --verbatim-files-from --files-from="$3"`;

const isThere = `
  isDirectory() {
    case $1 in */*) isDirectory "\${1%/*}" || return 1;; esac
    [ -d "$1" ] && [ ! -L "$1" ]
  }
  for name do
    if isDirectory "./$name"; then printf '%s\\0' "./$name"; fi
  done`;
