import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { AppError } from "#shared/errors";
import { archive, extended, flagged, hostile, member } from "./testing.ts";
import { defaultLimits, type TarLimits } from "./limits.ts";
import { Hole } from "./sparse.ts";
import type { TarEntry } from "./tar-entry.ts";
import { TarReader } from "./tar-reader.ts";
import { TarScanner } from "./tar-scanner.ts";

/** All that a scanner writes, given the archive in pieces of a size. */
function scan(
  tar: Buffer,
  piece = 700,
  limits: Partial<TarLimits> = {},
  keepHoles = false,
): Scanned {
  const scanner = new TarScanner({
    keepHoles,
    limits: { ...defaultLimits, ...limits },
    opaque: "trusted.overlay.opaque",
    skipDevices: false,
    whiteouts: true,
    capture: ["etc/passwd"],
  });
  const written: Buffer[] = [];
  for (let at = 0; at < tar.length; at += piece) {
    const chunk = Buffer.from(tar.subarray(at, at + piece));
    for (const part of scanner.scan(chunk)) written.push(Buffer.from(part));
    // It may be freed, or hold what comes next.
    chunk.fill(0xff);
  }
  for (const part of scanner.end()) written.push(Buffer.from(part));
  return { scanner, tar: Buffer.concat(written) };
}

interface Scanned {
  scanner: TarScanner;
  tar: Buffer;
}

/** What an archive holds, each member with its bytes. */
function read(tar: Buffer): (TarEntry & { content: string })[] {
  const found: (TarEntry & { content: string })[] = [];
  const reader = new TarReader(defaultLimits);
  for (const part of reader.read(tar)) {
    const last = found.at(-1);
    if ("path" in part) found.push({ ...part, content: "" });
    else if (last && part instanceof Hole) last.content += "\0".repeat(part.length);
    else if (last) last.content += Buffer.from(part as Uint8Array).toString("latin1");
  }
  reader.end();
  return found;
}

const brief = (tar: Buffer): string[] =>
  read(scan(tar).tar).map(({ type, path, target, content }) =>
    [type, path, target, content].filter(Boolean).join(" "),
  );

describe("refuses", () => {
  test.each(hostile)("$what", ({ tar, code, limits }) => {
    for (const piece of [1, 512, 1_000_000]) {
      if (piece === 1 && tar.length > 100_000) continue;
      let error: unknown;
      try {
        scan(tar, piece, limits);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(AppError);
      expect(error).toMatchObject({ code, message: expect.any(String) });
    }
  });
});

test("an error names the entry, on one line", () => {
  expect(() => scan(archive(member({ path: "a\n\u001b[31mb" })))).toThrow(
    expect.objectContaining({
      message: 'The archive\'s entry "a\\n\\u001b[31mb" has a line break in its name',
      details: expect.objectContaining({ subject: 'entry "a\\n\\u001b[31mb"' }),
    }),
  );
});

test("absolute and dotted paths are taken from the root, directories are told last and once", () => {
  const tar = archive(
    member({ type: "directory", path: "./" }),
    member({ type: "directory", path: "/usr/" }),
    member({ path: "/usr//./bin/tool", content: "x" }),
    member({ type: "link", path: "usr/again", target: "/usr/bin/tool" }),
    member({ type: "directory", path: "usr", mode: 0o700 }),
    member({ type: "symlink", path: "etc", target: "../../anywhere" }),
  );
  expect(brief(tar)).toEqual([
    "file usr/bin/tool x",
    "link usr/again usr/bin/tool",
    "symlink etc ../../anywhere",
    "directory ./",
    "directory usr/",
    "directory usr/bin/",
  ]);
  expect(read(scan(tar).tar).find(({ path }) => path === "usr/")?.mode).toBe(0o700);
});

test("whiteouts become overlayfs's, whatever their order", () => {
  const tar = archive(
    member({ path: "a/.wh.gone" }),
    member({ path: "b/x" }),
    member({ path: ".wh.b" }),
    member({ path: ".wh.c" }),
    member({ path: "c/y" }),
    member({ path: "d/.wh..wh..opq" }),
    member({ path: ".wh..wh.plnk/1.2" }),
    member({ path: ".wh.e" }),
    member({ path: "e" }),
  );
  const entries = read(scan(tar).tar);
  expect(entries.filter(({ type }) => type === "character").map(({ path }) => path)).toEqual([
    "a/gone",
  ]);
  const opaque = entries.filter(({ xattrs }) => xattrs.has("trusted.overlay.opaque"));
  expect(opaque.map(({ path }) => path).sort()).toEqual(["b/", "c/", "d/"]);
  expect(entries.map(({ path }) => path)).toContain("e");
});

test("a directory may take the place of a file, and a file that of an empty directory", () => {
  const tar = archive(
    member({ path: "a" }),
    member({ type: "directory", path: "a" }),
    member({ path: "a/b" }),
    member({ type: "directory", path: "c" }),
    member({ path: "c" }),
  );
  expect(brief(tar)).toEqual([
    "file a",
    "directory a/",
    "file a/b",
    "file c",
    "directory ./",
    "directory a/",
  ]);
});

test("attributes: overlayfs's own and unknown ones are dropped, libarchive's are understood", () => {
  const tar = archive(
    extended({
      "SCHILY.xattr.trusted.overlay.redirect": "/etc",
      "SCHILY.xattr.user.overlay.opaque": "y",
      "SCHILY.xattr.com.apple.quarantine": "x",
      "SCHILY.xattr.user.empty": "",
      "LIBARCHIVE.xattr.user.a%20b": "aGk=",
    }),
  );
  expect([...(read(scan(tar).tar)[0]?.xattrs ?? [])]).toEqual([
    ["user.empty", Buffer.alloc(0)],
    ["user.a b", Buffer.from("hi")],
  ]);
});

test("numbers beyond ustar's fields, and times", () => {
  const [entry] = read(
    scan(
      archive(
        member({
          ...{ uid: 4_000_000_000, gid: 3_000_000, mode: 0o7777 },
          mtime: { seconds: 1_700_000_000, nanoseconds: 789 },
        }),
      ),
    ).tar,
  );
  expect(entry).toMatchObject({
    ...{ uid: 4_000_000_000, gid: 3_000_000, mode: 0o7777 },
    mtime: { seconds: 1_700_000_000, nanoseconds: 789 },
  });
  const times: [string, number, number][] = [
    ["1.5", 1, 500_000_000],
    ["1.", 1, 0],
    ["-1.25", -2, 750_000_000],
    ["1.1234567899", 1, 123_456_789],
  ];
  for (const [mtime, seconds, nanoseconds] of times) {
    expect(read(archive(extended({ mtime })))[0]?.mtime).toEqual({ seconds, nanoseconds });
  }
});

test("kinds whose headers say a size have no bytes, as in Go", () => {
  const odd = flagged(member({ path: "l" }), "2");
  odd.write("target", 157);
  const summed = flagged(odd, "2");
  expect(brief(archive(summed, member({ path: "next" }))).slice(0, 2)).toEqual([
    "symlink l target",
    "file next",
  ]);
});

test("what the files that users are looked up in say", () => {
  const captured = (...members: Buffer[]): unknown =>
    scan(archive(...members)).scanner.captured("etc/passwd");
  expect(captured(member({ path: "etc/passwd", content: "root" }))).toEqual(Buffer.from("root"));
  expect(captured(member({ path: "etc/group" }))).toBeUndefined();
  expect(captured(member({ path: "etc/.wh.passwd" }))).toBe("hidden");
  expect(captured(member({ path: ".wh.etc" }))).toBe("hidden");
  expect(captured(member({ path: "etc/.wh..wh..opq" }))).toBe("hidden");
  expect(captured(member({ type: "symlink", path: "etc", target: "x" }))).toBe("other");
  expect(captured(member({ type: "symlink", path: "etc/passwd", target: "x" }))).toBe("other");
  expect(
    captured(member({ path: "a" }), member({ type: "link", path: "etc/passwd", target: "a" })),
  ).toBe("other");
});

/** A real archive of this folder, in each of GNU tar's formats. */
const real = ["gnu", "pax", "ustar", "oldgnu", "v7"].map((format) =>
  execFileSync("tar", ["--create", `--format=${format}`, "-C", import.meta.dirname, "."]),
);

test("real archives come out with the same files", () => {
  for (const tar of real) {
    const files = (bytes: Buffer): string[] =>
      read(bytes)
        .filter(({ type }) => type === "file")
        .map(({ path, content }) => `${path.replace(/^\.\//, "")} ${content}`);
    expect(files(scan(tar).tar)).toEqual(files(tar));
  }
});

test("a sparse file is written with its holes, or with zeros for them", () => {
  const directory = mkdtempSync(join(tmpdir(), "shimyard-sparse-"));
  try {
    // Holes at its ends and more pieces than the first block of GNU's old format has room for; then one of holes alone.
    const script = `truncate -s 900K pieces; truncate -s 300K none; mkdir etc; truncate -s 100K etc/passwd
      for at in $(seq 1 40); do printf "piece $at" | dd of=pieces bs=1 seek=$((at * 20000)) conv=notrunc status=none; done`;
    execFileSync("sh", ["-ec", script], { cwd: directory });
    const content = (tar: Buffer): string =>
      read(tar)
        .filter(({ type }) => type === "file")
        .map(({ path, content }) => `${path} ${content}`)
        .join();
    const wanted = ["etc/passwd", "none", "pieces"]
      .map((path) => `${path} ${readFileSync(join(directory, path), "latin1")}`)
      .join();
    const pax = ["0.0", "0.1", "1.0"].map((version) => [
      "--format=pax",
      `--sparse-version=${version}`,
    ]);
    for (const format of [["--format=gnu"], ...pax]) {
      const tar = execFileSync(
        "tar",
        ["--create", "--sparse", "--sort=name", ...format, "etc/passwd", "none", "pieces"],
        { cwd: directory },
      );
      const kept = scan(tar, 700, {}, true);
      expect(kept.scanner.sparse).toBe(true);
      expect(content(kept.tar) === wanted).toBe(true);
      // The one file that is wanted whole, and blocks of 4 KiB for the pieces.
      expect(kept.tar.length).toBeLessThan(300 * 1024);
      expect(kept.scanner.captured("etc/passwd")).toHaveLength(100 * 1024);
      const filled = scan(tar);
      expect(content(filled.tar) === wanted).toBe(true);
      expect(filled.tar.length).toBeGreaterThan(1300 * 1024);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("no damage to an archive makes it crash, hang, or write what it would itself refuse", () => {
  const material = [
    ...real.map((tar) => tar.subarray(0, 40_000)),
    ...hostile.map(({ tar }) => tar.subarray(0, 5000)),
  ];
  const change = fc.record({
    at: fc.nat(40_000),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
  });
  fc.assert(
    fc.property(
      fc.nat(material.length - 1),
      fc.array(change, { maxLength: 8 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.boolean(),
      fc.boolean(),
      (which, changes, piece, fixSums, keepHoles) => {
        const tar = Buffer.from(material[which] as Buffer);
        for (const { at, bytes } of changes)
          Buffer.from(bytes).copy(tar, at % Math.max(1, tar.length));
        // Else hardly any change would get beyond a checksum.
        if (fixSums)
          for (let at = 0; at + 512 <= tar.length; at += 512) fixSum(tar.subarray(at, at + 512));
        let scanned: Scanned;
        try {
          const limits = { file: 1_000_000, content: 1_000_000, entries: 5000 };
          scanned = scan(tar, piece, limits, keepHoles);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          return;
        }
        const again = scan(scanned.tar, 700, {}, keepHoles);
        expect(again.tar.equals(scanned.tar) || again.scanner.files === scanned.scanner.files).toBe(
          true,
        );
      },
    ),
    { numRuns: 2000 },
  );
}, 60_000);

function fixSum(block: Buffer): void {
  if (block.toString("latin1", 257, 262) !== "ustar") return;
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
