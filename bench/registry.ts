import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { end, run } from "./command.ts";
import type { Rootfs } from "./rootfs.ts";

export interface BigImage {
  /** `127.0.0.1:PORT/bench:1`. */
  reference: string;
  layers: number;
  files: number;
  /** Bytes of the files. */
  size: number;
  /** Bytes of the blobs. */
  compressed: number;
  close(): Promise<void>;
}

const layers = 6;
/** At least so many files and bytes; what a distribution with a compiler and a desktop's libraries has. */
const wanted = { files: 30_000, bytes: 600 * 1024 * 1024 };
/** Files that are bigger would be most of their layer. */
const longest = "8M";

/**
 * A registry of our own with one image: the files of this host's /usr, in the order of their names, dealt out to six
 * layers with fixed owners and times, gzip as docker makes it, over a static busybox. The same on every run on one host.
 */
export async function startRegistry(root: string, rootfs: Rootfs): Promise<BigImage> {
  const directory = join(root, "registry");
  await mkdir(directory, { recursive: true });
  const { lists, files, size } = await dealFiles(directory);
  const tars = await Promise.all(lists.map((list, at) => makeLayer(directory, rootfs, list, at)));
  const layout = join(directory, "layout");
  await run(["umoci", "init", "--layout", layout]);
  await run(["umoci", "new", "--image", `${layout}:1`]);
  for (const tar of tars) await run(["umoci", "raw", "add-layer", "--image", `${layout}:1`, tar]);
  const config = {
    version: "0.1",
    log: { level: "info", formatter: "json" },
    storage: { filesystem: { rootdirectory: join(directory, "storage") } },
    http: { addr: "127.0.0.1:0" },
  };
  // JSON is YAML.
  await writeFile(join(directory, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(directory, "config.yml")], {
    ...{ stdio: ["ignore", "ignore", "pipe"], detached: true },
  });
  const ended = once(child, "exit").then(() => Promise.reject(new Error("docker-registry ended")));
  const port = new Promise<string>((resolve) => {
    createInterface(child.stderr).on("line", (line) => {
      const found = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (found) resolve(found);
    });
  });
  try {
    const reference = `127.0.0.1:${await Promise.race([port, ended])}/bench:1`;
    ended.catch(() => undefined);
    await run([
      ...["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false"],
      ...[`oci:${layout}:1`, `docker://${reference}`],
    ]);
    const text = await run([
      "skopeo",
      "inspect",
      "--raw",
      "--tls-verify=false",
      `docker://${reference}`,
    ]);
    const manifest = JSON.parse(text) as { layers: { size: number }[] };
    const compressed = manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
    return { reference, layers, files, size, compressed, close: () => end(child) };
  } catch (error) {
    await end(child);
    throw error;
  }
}

/** Lists of files, one for each layer, NUL between them. A host with too few has them in several places. */
async function dealFiles(
  directory: string,
): Promise<{ lists: string[]; files: number; size: number }> {
  const text = await run([
    ...["find", "/usr", "-xdev", "-type", "f", "-size", `-${longest}`, "-readable"],
    ...["-printf", "%s %P\\n"],
  ]);
  const found = text
    .split("\n")
    .filter(Boolean)
    .map((line) => ({ size: Number(line.split(" ")[0]), path: line.slice(line.indexOf(" ") + 1) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const chosen: typeof found = [];
  let size = 0;
  for (const file of found) {
    if (chosen.length >= wanted.files && size >= wanted.bytes) break;
    chosen.push(file);
    size += file.size;
  }
  if (chosen.length < wanted.files || size < wanted.bytes / 2) {
    throw new Error(
      `/usr has ${chosen.length} files of ${size} bytes: too few for this measurement`,
    );
  }
  const each = Math.ceil(chosen.length / layers);
  const lists = await Promise.all(
    Array.from({ length: layers }, async (_, at) => {
      const list = join(directory, `files-${at}`);
      const part = chosen.slice(at * each, (at + 1) * each);
      await writeFile(list, part.map(({ path }) => `${path}\0`).join(""));
      return list;
    }),
  );
  return { lists, files: chosen.length, size };
}

async function makeLayer(
  directory: string,
  rootfs: Rootfs,
  list: string,
  at: number,
): Promise<string> {
  const tar = join(directory, `layer-${at}.tar`);
  const fixed = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--format=gnu"];
  await run([
    ...["tar", "--create", "--file", tar, ...fixed, "--transform=s,^,usr/,", "--directory=/usr"],
    ...["--no-recursion", "--null", `--files-from=${list}`],
  ]);
  // The first has what runs, under names of its own.
  if (at === 0) {
    await run(["tar", "--append", "--file", tar, ...fixed, "--directory", rootfs.directory, "."]);
  }
  await stat(tar);
  return tar;
}
