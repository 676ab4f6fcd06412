import { expect, test } from "vitest";
import type { LayerInfo } from "../snapshots/layer.ts";
import { DiskShare } from "./disk-share.ts";
import { emptyConfig } from "./image-config.ts";
import type { ImageRecord } from "./image-store.ts";

const digest = (name: string): string => `sha256:${name.padEnd(64, "0")}`;
const image = (id: string, layers: string[]): ImageRecord => ({
  ...{ id: id.padEnd(64, "0"), digest: digest(id), mediaType: "", documents: 10 },
  ...{ createdAt: 0, addedAt: 0, platform: "", source: "pull", origin: "", config: emptyConfig },
  layers: layers.map((name) => {
    return { diffId: digest(name), digest: digest(`b${name}`), mediaType: "", size: 100 };
  }),
});
const layer = (name: string): [string, LayerInfo] => [
  digest(name),
  {
    ...{ diffId: digest(name), kind: "erofs", size: 1000, files: 1 },
    ...{ uncompressed: 0, skippedDevices: 0 },
  },
];
const a = image("a", ["1", "2"]);
const b = image("b", ["1", "3", "3"]);
const share = new DiskShare([a, b], new Map([layer("1"), layer("2"), layer("3")]));

test("each image's size is all that it has, its own what no other has", () => {
  expect(share.of(a.id)).toEqual({ size: 2210, own: 1110 });
  // A layer that it has twice is on disk once.
  expect(share.of(b.id)).toEqual({ size: 2210, own: 1110 });
});

test("removing both frees what they share, once", () => {
  expect(share.frees([a.id])).toBe(1110);
  expect(share.frees([a.id, b.id])).toBe(3320);
  expect(share.frees([a.id, a.id])).toBe(1110);
});

test("knows who shares", () => {
  expect(share.sharing(digest("1"), a.id)).toEqual([b.id]);
  expect(share.sharing(digest("2"), a.id)).toEqual([]);
  expect(share.neighbours(a.id)).toEqual([b.id]);
});
