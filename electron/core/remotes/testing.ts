import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A list as a watcher knows it, kept for as long as the test needs. */
export function follow<T extends { id: string }>(
  open: (signal: AbortSignal) => AsyncIterable<{ reset: boolean; put: T[]; removed: string[] }>,
): { items: Map<string, T>; stop: () => Promise<void> } {
  const abort = new AbortController();
  const items = new Map<string, T>();
  const ended = (async () => {
    for await (const { reset, put, removed } of open(abort.signal)) {
      if (reset) items.clear();
      for (const id of removed) items.delete(id);
      for (const item of put) items.set(item.id, item);
    }
  })();
  return {
    items,
    stop: async () => {
      abort.abort();
      await ended;
    },
  };
}

/** A docker archive of a busybox, as `ctr images import` takes it. */
export async function busyboxArchive(
  directory: string,
): Promise<{ archive: string; layer: string }> {
  const rootfs = join(directory, "rootfs");
  await mkdir(join(rootfs, "bin"), { recursive: true });
  await copyFile("/bin/busybox", join(rootfs, "bin/busybox"));
  for (const name of ["sh", "sleep", "echo", "id"])
    await symlink("busybox", join(rootfs, "bin", name));
  const image = join(directory, "image");
  await mkdir(image);
  const layer = join(image, "layer.tar");
  await run("tar", ["-C", rootfs, "-cf", layer, "."]);
  const digest = createHash("sha256")
    .update(await readFile(layer))
    .digest("hex");
  const config = {
    ...{ architecture: process.arch === "x64" ? "amd64" : process.arch, os: "linux", config: {} },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
  };
  await writeFile(join(image, "config.json"), JSON.stringify(config));
  const manifest = [{ Config: "config.json", RepoTags: ["test/box:1"], Layers: ["layer.tar"] }];
  await writeFile(join(image, "manifest.json"), JSON.stringify(manifest));
  const archive = join(directory, "image.tar");
  await run("tar", ["-C", image, "-cf", archive, "."]);
  return { archive, layer };
}
