import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { runCommand } from "../host/command.ts";
import { layersDir, type Paths } from "../host/paths.ts";
import { findMkfsErofs } from "../host/mkfs-erofs.ts";
import type { Privileges } from "../host/privileges.ts";
import { bootId } from "../host/proc.ts";
import { writeAtomically } from "../base/write-atomically.ts";
import { mountArgs } from "../runtime/rootfs-mount.ts";
import { DiskLayerStore, type LayerStore } from "./layer-store.ts";
import { hiddenName, type LayerKind, type LayerPlan, makeLayersDirectory } from "./layer.ts";
import { makeLayer } from "./make-layer.ts";
import { archiveEnd } from "./tar/tar-writer.ts";

export interface ChooseOptions {
  paths: Paths;
  privileges: Privileges;
  /** Not to be found out: tests try both. */
  kind?: LayerKind;
  signal?: AbortSignal;
}

/**
 * How this host keeps layers: as EROFS files where a file of them can be mounted without a loop device (root, Linux 6.12)
 * and mkfs.erofs reads archives (1.7); else as directories. One is really made and mounted, once a boot.
 */
export async function chooseLayerStore(options: ChooseOptions): Promise<LayerStore> {
  const { paths, privileges, kind } = options;
  const { rootless } = privileges;
  const mkfs = rootless || kind === "directory" ? undefined : await findMkfsErofs();
  const files: LayerPlan | undefined = mkfs
    ? { kind: "erofs", directory: layersDir(paths, "erofs"), rootless, mkfs }
    : undefined;
  if (kind === "erofs" && !files) {
    throw new AppError("UNIMPLEMENTED", "Layers can't be kept as EROFS files here", {
      hint: "It needs root, and mkfs.erofs of erofs-utils 1.7 or newer.",
    });
  }
  const usable =
    files && (kind === "erofs" || (await canMount(files, paths, privileges, options.signal)));
  return files && usable ? new DiskLayerStore(files) : directoryLayers(paths, privileges);
}

/** Layers as directories, whatever else the host could have. */
export function directoryLayers(paths: Paths, { rootless }: Privileges): LayerStore {
  return new DiskLayerStore({
    ...{ kind: "directory", directory: layersDir(paths, "directory"), rootless },
  });
}

/** What was found out is kept in `data` for as long as neither kernel nor tool change. */
async function canMount(
  plan: LayerPlan,
  paths: Paths,
  privileges: Privileges,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const memory = join(paths.data, "erofs.json");
  const key = `${await bootId()} ${release()} ${await toolVersion(plan.mkfs as string)}`;
  const known = await readFile(memory, "utf8").then(
    (text) => JSON.parse(text) as { key: string; usable: boolean },
    () => undefined,
  );
  if (known?.key === key) return known.usable;
  const usable = await tryToMount(plan, privileges, signal);
  signal?.throwIfAborted();
  // What can't be kept is found out again.
  await writeAtomically(memory, JSON.stringify({ key, usable })).catch(() => undefined);
  return usable;
}

async function toolVersion(mkfs: string): Promise<string> {
  const stats = await stat(mkfs).catch(() => undefined);
  return `${mkfs} ${stats?.mtimeMs} ${stats?.size}`;
}

async function tryToMount(
  plan: LayerPlan,
  privileges: Privileges,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const dir = join(plan.directory, await hiddenName());
  try {
    await makeLayersDirectory(plan);
    await mkdir(dir, { mode: 0o700 });
    const own = { ...plan, directory: dir };
    async function* empty(): AsyncGenerator<Uint8Array> {
      yield archiveEnd;
    }
    const made = await makeLayer(own, empty(), { compression: "none", ...(signal && { signal }) });
    const lower = await new DiskLayerStore(own).lowers([made.diffId]);
    const target = join(dir, "target");
    await mkdir(target);
    // Twice, as overlayfs takes no single one; a loop device would show in what is mounted.
    const mount = { type: "overlay" as const, lower: [...lower, ...lower] };
    const argv = mountArgs(mount, target, { busybox: undefined, rootless: plan.rootless }, [
      ...["cat", "/proc/self/mounts"],
    ]);
    const { code, stdout } = await runCommand(privileges.isolate(argv), signal ? { signal } : {});
    const lines = stdout
      .toString("utf8")
      .split("\n")
      .filter((line) => line.includes(`${target}/`));
    return code === 0 && lines.length === 2 && lines.every((line) => !line.startsWith("/dev/"));
  } catch {
    signal?.throwIfAborted();
    return false;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
