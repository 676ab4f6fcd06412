import { mkdir, open, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, isCode } from "#shared/errors";
import { explainFullDisk } from "../base/disk.ts";
import { mustRun } from "../host/command.ts";
import {
  hiddenName,
  impliedFile,
  layerDir,
  layerFile,
  type LayerInfo,
  type LayerPlan,
  type LayerRecord,
  makeLayersDirectory,
  type MakeLayerOptions,
  planPrivileges,
  readRecord,
  recordFile,
  userFiles,
} from "./layer.ts";
import { removeTree } from "../host/remove-tree.ts";
import type { TarScanner } from "./tar/tar-scanner.ts";
import { unpackTar } from "./unpack-tar.ts";

/** A day: of the biggest layer all files have to reach the disk. Milliseconds. */
const longest = 24 * 3600 * 1000;

/**
 * Makes a layer of a tar, in one pass: it is uncompressed, hashed, checked (tar-scanner.ts) and written at once. Runs in
 * the manager or in a worker. Resolves when the layer is on disk under its final name; the same one made twice at once
 * is harmless. On failure, and when this process is killed and `LayerStore.tidy` was called, nothing is left.
 * INVALID_ARGUMENT for a tar that must not be unpacked, RESOURCE_EXHAUSTED for one beyond the limits and on a full
 * disk, DATA_LOSS when it is damaged or not what `diffId` says, CANCELLED.
 */
export async function makeLayer(
  plan: LayerPlan,
  tar: AsyncIterable<Uint8Array>,
  options: MakeLayerOptions,
): Promise<LayerInfo> {
  if (options.signal?.aborted) throw cancelled();
  await makeLayersDirectory(plan);
  const making = join(plan.directory, await hiddenName());
  const target = join(making, layerFile(plan.kind));
  try {
    await mkdir(plan.kind === "directory" ? target : making, { recursive: true, mode: 0o700 });
    const { scanner, diffId, uncompressed } = await unpackTar(plan, target, tar, {
      ...options,
      ...{ capture: userFiles, skipDevices: plan.rootless, whiteouts: true },
    });
    if (options.diffId !== undefined && diffId !== options.diffId) {
      throw new AppError("DATA_LOSS", `A layer is not what its image says it is`, {
        subject: `layer ${options.diffId}`,
        hint: "It was changed or damaged on its way. Get the image again.",
        output: `expected ${options.diffId}, got ${diffId}`,
      });
    }
    const { files, skippedDevices } = scanner;
    const size = await measure(plan, target);
    const info: LayerInfo = {
      ...{ diffId, kind: plan.kind, size, files, uncompressed, skippedDevices },
    };
    const implied = scanner.impliedDirectories();
    const record: LayerRecord = {
      ...{ version: 1, ...info, implied: implied.length, captured: capturedBy(scanner) },
    };
    if (implied.length > 0) {
      const names = implied.map((path) => `${path}\0`).join("");
      await writeFile(join(making, impliedFile), names, { encoding: "latin1", mode: 0o600 });
      await syncFile(join(making, impliedFile));
    }
    await writeFile(join(making, recordFile), JSON.stringify(record), { mode: 0o600 });
    await flush(plan, making);
    if (options.signal?.aborted) throw cancelled();
    await install(plan, making, diffId);
    return info;
  } catch (error) {
    const explained = await explainFullDisk(error, plan.directory);
    await removeTree(making, planPrivileges(plan));
    throw explained;
  }
}

function capturedBy(scanner: TarScanner): LayerRecord["captured"] {
  const captured: LayerRecord["captured"] = {};
  for (const path of userFiles) {
    const found = scanner.captured(path);
    if (found === undefined) continue;
    captured[path] = typeof found === "string" ? found : { content: found.toString("base64") };
  }
  return captured;
}

/** Bytes on disk. */
async function measure(plan: LayerPlan, target: string): Promise<number> {
  if (plan.kind === "erofs") return (await stat(target)).blocks * 512;
  const argv = ["du", "--summarize", "--block-size=1", "--", target];
  const said = await mustRun(planPrivileges(plan).asRoot(argv), { timeout: longest });
  return Number.parseInt(said, 10);
}

/** All of it, before its name says that it is whole. A directory's files are flushed with all of their file system. */
async function flush(plan: LayerPlan, making: string): Promise<void> {
  if (plan.kind === "directory") {
    await mustRun(["sync", "--file-system", making], { timeout: longest });
    return;
  }
  for (const path of [join(making, layerFile(plan.kind)), join(making, recordFile), making]) {
    await syncFile(path);
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function install(plan: LayerPlan, making: string, diffId: string): Promise<void> {
  const final = layerDir(plan.directory, diffId);
  for (;;) {
    try {
      await rename(making, final);
      await syncFile(plan.directory);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw AppError.from(error);
    }
    if (await readRecord(plan, diffId)) {
      // Made by somebody else meanwhile, and the same.
      await removeTree(making, planPrivileges(plan));
      return;
    }
    // What is there is damaged.
    const hidden = join(plan.directory, await hiddenName());
    await rename(final, hidden).catch((error: unknown) => {
      if (!isCode(AppError.from(error), "NOT_FOUND")) throw AppError.from(error);
    });
    await removeTree(hidden, planPrivileges(plan));
  }
}

const cancelled = (): AppError => new AppError("CANCELLED", "The operation was cancelled");
