import { expect, test } from "vitest";
import { LayerWriter } from "./layer-writer.ts";
import { defaultLimits } from "./limits.ts";
import type { TarEntry } from "./tar-entry.ts";
import { TarReader } from "./tar-reader.ts";
import { archive, member } from "./testing.ts";

function written(...members: Buffer[]): TarEntry[] {
  const writer = new LayerWriter();
  const tar = Buffer.concat([...writer.write(archive(...members)), ...writer.end()]);
  return [...new TarReader(defaultLimits).read(tar)].filter(
    (part): part is TarEntry => "path" in part,
  );
}

const xattrs = (name: string, value = "y"): Map<string, Buffer> =>
  new Map([
    [name, Buffer.from(value)],
    ["user.kept", Buffer.from("1")],
  ]);

test.each(["trusted", "user"])(
  "marks of an overlay with %s attributes become a layer's",
  (kind) => {
    const entries = written(
      member({ type: "directory", path: "./", mode: 0o755 }),
      member({ type: "character", path: "./dir/gone" }),
      member({ type: "directory", path: "./new", xattrs: xattrs(`${kind}.overlay.opaque`) }),
      member({ path: "./new/file", content: "x", xattrs: xattrs(`${kind}.overlay.origin`) }),
      member({ type: "link", path: "./new/again", target: "./new/file" }),
      member({ type: "character", path: "./null", major: 1, minor: 3 }),
    );
    expect(entries.map(({ type, path, target }) => [type, path, target].join(" ").trim())).toEqual([
      "directory ./",
      "file dir/.wh.gone",
      "directory new/",
      "file new/.wh..wh..opq",
      "file new/file",
      "link new/again new/file",
      "character null",
    ]);
    for (const path of ["new/", "new/file"]) {
      const entry = entries.find((each) => each.path === path);
      expect([...(entry?.xattrs.keys() ?? [])]).toEqual(["user.kept"]);
    }
  },
);

test.each(["redirect", "metacopy"])(
  "a file of which only a part is there (%s) is refused",
  (mark) => {
    const entry = member({ path: "./a", xattrs: xattrs(`trusted.overlay.${mark}`) });
    expect(() => written(entry)).toThrow(expect.objectContaining({ code: "UNIMPLEMENTED" }));
  },
);

test("a file whose name would mean a deleted one is refused", () => {
  expect(() => written(member({ path: "./.wh.a" }))).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});
