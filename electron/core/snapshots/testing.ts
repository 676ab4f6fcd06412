import { createReadStream } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "../host/command.ts";
import { type Paths, resolvePaths } from "../host/paths.ts";
import { choosePrivileges, type Privileges } from "../host/privileges.ts";
import { removeTree } from "../host/remove-tree.ts";
import { mountArgs } from "../runtime/rootfs-mount.ts";
import type { RootfsMount } from "../runtime/runtime.ts";
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
  makeOf(tar: AsyncIterable<Uint8Array>, options?: Partial<MakeLayerOptions>): Promise<LayerInfo>;
  /** Runs a command where a file system is mounted at `target`. */
  inside(mount: RootfsMount, target: string, argv: string[]): Promise<string>;
  close(): Promise<void>;
}

export async function makeTestLayers(kind: LayerKind): Promise<TestLayers> {
  const dir = await mkdtemp(join(tmpdir(), "shimyard-layers-"));
  const paths = resolvePaths({}, 0, "/", dir);
  const privileges = choosePrivileges();
  const store = await chooseLayerStore({ paths, privileges, kind });
  const makeOf: TestLayers["makeOf"] = (tar, options = {}) =>
    makeLayer(store.plan(), tar, { compression: "none", ...options });
  return {
    ...{ dir, paths, privileges, store, makeOf },
    snapshots: new Snapshotter(paths, privileges, store),
    make: (tar, options) =>
      makeOf(typeof tar === "string" ? createReadStream(tar) : bytes(tar), options),
    inside: (mount, target, argv) => {
      const { rootless } = privileges;
      return mustRun(
        privileges.isolate(mountArgs(mount, target, { busybox: undefined, rootless }, argv)),
      );
    },
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

/** What a tree is, one line a path: all that a program in a container could tell by. `inside`: a process in whose user namespace to look. */
export async function describeTree(
  root: string,
  privileges: Privileges,
  inside?: number,
): Promise<string[]> {
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
  const argv = ["sh", "-c", script, "sh", root];
  // A user namespace's own root is who may look everywhere in it.
  const enter = inside === undefined ? privileges.asRoot(argv) : privileges.enter(inside, argv);
  const text = await mustRun(enter, {
    ...{ timeout: 300_000, maxOutput: 256 * 1024 * 1024 },
    env: { ...process.env, LC_ALL: "C" },
  });
  return text.split("\n").filter(Boolean);
}

/** Everything that a file can be, or have. */
export const everything = `
  mkdir -p etc bin a/b/c empty
  echo root:x:0:0::/root:/bin/sh > etc/passwd
  echo root:x:0: > etc/group
  echo hello > a/file; chmod 640 a/file; chown 1000:1001 a/file
  ln a/file a/b/linked; ln a/file a/b/c/again
  ln -s ../a/file bin/soft; ln -s /etc/passwd bin/absolute; ln -s nowhere bin/dangling
  cp /bin/true bin/setuid; chmod 4755 bin/setuid
  cp /bin/true bin/setgid; chmod 2755 bin/setgid
  cp /bin/true bin/capable; setcap cap_net_raw+ep bin/capable
  mkdir sticky; chmod 1777 sticky; chown 33:33 empty; chmod 700 empty
  mknod disk b 8 0; mknod null c 1 3; chmod 666 null; mkfifo pipe
  truncate -s 5M sparse; echo end >> sparse; printf middle | dd of=sparse bs=1 seek=2000000 conv=notrunc 2>/dev/null
  setfattr -n user.one -v 1 a/file; setfattr -n user.two -v "$(printf 'a=b c')" a; setfattr -n trusted.three -v x a/b
  long=$(printf 'n%.0s' $(seq 200)); mkdir -p $long/$long; echo long > $long/$long/$long; ln -s $long/$long/$long link-to-long
  echo utf > "$(printf 'na\\303\\257ve \\377 name')"; echo space > 'with  spaces'; echo dash > ./-dash; echo back > 'back\\slash'
  head -c 3000000 /dev/urandom > big; : > zero
  touch -d '2001-02-03 04:05:06.789012345' a/file; touch -d '1969-12-31 23:59:58' zero; touch -h -d 2002-01-01 bin/soft
  touch -d '2010-10-10 10:10:10.1' a/b/c; touch -d '2011-11-11 11:11:11' a
`;
