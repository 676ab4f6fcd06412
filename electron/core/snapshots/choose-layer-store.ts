import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { runCommand } from "../host/command.ts";
import { layersDir, type Paths } from "../host/paths.ts";
import { hideLayerDevices } from "../host/loop-devices.ts";
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
 * How this host keeps layers: as EROFS files where a file of them can be mounted (root, Linux 6.12) and mkfs.erofs reads
 * archives (1.7), by loop devices where there are such; else as directories. One is really made and mounted, once a boot.
 */
export async function chooseLayerStore(options: ChooseOptions): Promise<LayerStore> {
  const { paths, privileges, kind } = options;
  const { rootless } = privileges;
  const mkfs = rootless || kind === "directory" ? undefined : await findMkfsErofs();
  if (kind === "erofs" && !mkfs) {
    throw new AppError("UNIMPLEMENTED", "Layers can't be kept as EROFS files here", {
      hint: "It needs root, and mkfs.erofs of erofs-utils 1.7 or newer.",
    });
  }
  if (!mkfs) return directoryLayers(paths, privileges);
  const plan: LayerPlan = { kind: "erofs", directory: layersDir(paths, "erofs"), rootless, mkfs };
  const way = await wayToMount(plan, paths, privileges, options.signal);
  if (way === "none" && kind !== "erofs") return directoryLayers(paths, privileges);
  if (way === "loop") await hideLayerDevices();
  return new DiskLayerStore({ ...plan, ...(way === "loop" && { loop: true }) });
}

/** Layers as directories, whatever else the host could have. */
export function directoryLayers(paths: Paths, { rootless }: Privileges): LayerStore {
  return new DiskLayerStore({
    ...{ kind: "directory", directory: layersDir(paths, "directory"), rootless },
  });
}

/** How an EROFS file is mounted here. */
type Way = "loop" | "file" | "none";

/** What was found out is kept in `data` for as long as neither kernel nor tool change. */
async function wayToMount(
  plan: LayerPlan,
  paths: Paths,
  privileges: Privileges,
  signal: AbortSignal | undefined,
): Promise<Way> {
  const memory = join(paths.data, "erofs.json");
  const key = `${await bootId()} ${release()} ${await toolVersion(plan.mkfs as string)}`;
  const known = await readFile(memory, "utf8").then(
    (text) => JSON.parse(text) as { key: string; way?: Way },
    () => undefined,
  );
  if (known?.key === key && known.way !== undefined) return known.way;
  const mounts = (loop: boolean): Promise<boolean> =>
    tryToMount({ ...plan, loop }, privileges, signal);
  const way = (await mounts(false)) ? ((await mounts(true)) ? "loop" : "file") : "none";
  signal?.throwIfAborted();
  // What can't be kept is found out again.
  await writeAtomically(memory, JSON.stringify({ key, way })).catch(() => undefined);
  return way;
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
    const [target, upper, work] = ["target", "upper", "work"].map((name) => join(dir, name)) as [
      ...[string, string, string],
    ];
    for (const directory of [target, upper, work]) await mkdir(directory);
    const mount = { type: "overlay" as const, lower, upper, work };
    const argv = mountArgs(mount, target, { busybox: undefined, rootless: plan.rootless }, [
      ...["cat", "/proc/self/mounts"],
    ]);
    const { code, stdout } = await runCommand(privileges.isolate(argv), signal ? { signal } : {});
    const mounts = stdout.toString("utf8").split("\n");
    const layer = mounts.find((line) => line.includes(`${target}/0 `));
    return code === 0 && layer?.startsWith("/dev/loop") === (plan.loop ?? false);
  } catch {
    signal?.throwIfAborted();
    return false;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
