import { createReadStream } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { mustRun } from "../host/command.ts";
import type { LayerKind } from "./layer.ts";
import { describeTree, makeTestLayers, type TestLayers } from "./testing.ts";

const isRoot = process.getuid?.() === 0;
const kinds: LayerKind[] = isRoot ? ["erofs", "directory"] : ["directory"];

let layers: TestLayers;
afterEach(() => layers?.close());

/** A script that makes a tree in its current directory. */
async function makeTree(script: string): Promise<string> {
  const tree = join(layers.dir, `tree-${(await readdir(layers.dir)).length}`);
  await mkdir(tree, { mode: 0o755 });
  await mustRun(["sh", "-ec", script], { cwd: tree });
  return tree;
}

async function pack(tree: string, ...options: string[]): Promise<string> {
  const tar = `${tree}.tar`;
  await mustRun(["tar", "--create", `--file=${tar}`, `--directory=${tree}`, ...options, "."]);
  return tar;
}

/** How a container would see the layer of a tar. */
async function seen(tar: string): Promise<string[]> {
  const made = await layers.make(tar);
  await using view = await layers.snapshots.view([made.diffId]);
  return describeTree(view.root, layers.privileges);
}

/** Everything that a file can be, or have. */
const everything = `
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

describe.each(kinds)("layers as %s", (kind) => {
  test.runIf(isRoot)("a container sees what was packed", async () => {
    layers = await makeTestLayers(kind);
    const tree = await makeTree(everything);
    const wanted = await describeTree(tree, layers.privileges);
    const xattrs = ["--xattrs", "--xattrs-include=*"];
    expect(await seen(await pack(tree, "--format=pax", "--sparse", ...xattrs))).toEqual(wanted);
    // This has neither fractions of seconds nor attributes.
    const plain = wanted
      .filter((line) => line.startsWith(".") || /^[0-9a-f\\]{60}/.test(line))
      .map((line) => line.replace(/(time=-?\d+\.)\d+/, "$10000000000"));
    expect(await seen(await pack(tree, "--format=gnu", "--sparse"))).toEqual(plain);
  });
});
