import { createReadStream } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "../host/command.ts";
import { type Paths, resolvePaths } from "../host/paths.ts";
import { choosePrivileges, type Privileges } from "../host/privileges.ts";
import { removeTree } from "../host/remove-tree.ts";
import { chooseLayerStore } from "./choose-layer-store.ts";
import type { LayerStore } from "./layer-store.ts";
import type { LayerInfo, LayerKind, MakeLayerOptions } from "./layer.ts";
import { makeLayer } from "./make-layer.ts";
import { Snapshotter } from "./snapshotter.ts";

/** A root of its own with a layer store of a kind, for tests. */
export interface TestLayers {
  dir: string;
  paths: Paths;
  privileges: Privileges;
  store: LayerStore;
  snapshots: Snapshotter;
  /** Makes a layer of bytes, or of the tar at a path. */
  make(tar: Uint8Array | string, options?: Partial<MakeLayerOptions>): Promise<LayerInfo>;
  close(): Promise<void>;
}

export async function makeTestLayers(kind: LayerKind): Promise<TestLayers> {
  const dir = await mkdtemp(join(tmpdir(), "shimyard-layers-"));
  const paths = resolvePaths({}, 0, "/", dir);
  const privileges = choosePrivileges();
  const store = await chooseLayerStore({ paths, privileges, kind });
  return {
    ...{ dir, paths, privileges, store },
    snapshots: new Snapshotter(paths, privileges, store),
    make: (tar, options = {}) =>
      makeLayer(store.plan(), typeof tar === "string" ? createReadStream(tar) : bytes(tar), {
        compression: "none",
        ...options,
      }),
    close: () => removeTree(dir, privileges),
  };
}

/** A directory as a tar with all that its files have. Answers its path. */
export async function packTree(
  tree: string,
  tar = `${tree}.tar`,
  ...options: string[]
): Promise<string> {
  const how = options.length > 0 ? options : ["--format=pax", "--xattrs", "--xattrs-include=*"];
  await mustRun(["tar", "--create", `--file=${tar}`, `--directory=${tree}`, ...how, "."]);
  return tar;
}

/** In pieces of a size that fits nothing, so that everything is cut somewhere. */
export async function* bytes(data: Uint8Array, piece = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += piece) yield data.subarray(at, at + piece);
}

/** Where a tree is, one line a path: all that a program in a container could tell by. */
export async function describeTree(root: string, privileges: Privileges): Promise<string[]> {
  const script = `
    cd "$1"
    find . -printf '%p type=%y mode=%m owner=%U:%G time=%T@ links=%n to=%l size=%s\\n' |
      sed -e '/type=d/s/ size=.*//' -e '/type=d/s/ links=[0-9]*//' | LC_ALL=C sort
    find . -type f -links +1 -printf '%i %p\\n' | LC_ALL=C sort -k2 |
      awk '{ if (!($1 in first)) first[$1] = $2; print $2 " same-as=" first[$1] }'
    find . \\( -type b -o -type c \\) -exec stat -c '%n device=%t:%T' {} + | LC_ALL=C sort
    find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2
    find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr --no-dereference --dump --match=- 2>/dev/null || true
  `;
  const text = await mustRun(privileges.asRoot(["sh", "-c", script, "sh", root]), {
    ...{ timeout: 300_000, maxOutput: 256 * 1024 * 1024 },
    env: { ...process.env, LC_ALL: "C" },
  });
  return text.split("\n").filter(Boolean);
}
