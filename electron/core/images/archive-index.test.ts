import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppError } from "#shared/errors";
import { ArchiveIndex } from "./archive-index.ts";
import { tarEntry } from "./testing.ts";

const run = promisify(execFile);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-index-"));
});
afterAll(() => rm(dir, { recursive: true }));

const textOf = async (index: ArchiveIndex, name: string): Promise<string | undefined> => {
  const part = index.find(name);
  if (!part) return undefined;
  const bytes = await readFile(index.path);
  return bytes.subarray(part.offset, part.offset + part.length).toString("utf8");
};

test.each(["ustar", "gnu", "posix"])("finds what GNU tar has written as %s", async (format) => {
  const tree = join(dir, `tree-${format}`);
  const long = "d".repeat(format === "ustar" ? 60 : 150);
  await mkdir(join(tree, long), { recursive: true });
  await writeFile(join(tree, "first"), "1");
  await writeFile(join(tree, long, "second"), "2".repeat(2000));
  await symlink(`${long}/second`, join(tree, "link"));
  const path = join(dir, `${format}.tar`);
  await run("tar", ["-C", tree, `--format=${format}`, "-cf", path, "."]);
  const index = await ArchiveIndex.read(path);
  expect(await textOf(index, "first")).toBe("1");
  expect(await textOf(index, `./${long}/second`)).toBe("2".repeat(2000));
  expect(await textOf(index, "link")).toBe("2".repeat(2000));
  expect(index.find("third")).toBeUndefined();
});

test("no name and no link leads out, and links without end lead nowhere", async () => {
  const path = join(dir, "hostile.tar");
  const entries = [
    tarEntry({ name: "../../etc/passwd", content: "x" }),
    tarEntry({ name: "out", type: "2", link: "../../../etc/passwd" }),
    tarEntry({ name: "absolute", type: "2", link: "/etc/passwd" }),
    tarEntry({ name: "a", type: "2", link: "b" }),
    tarEntry({ name: "b", type: "2", link: "a" }),
  ];
  await writeFile(path, Buffer.concat([...entries, Buffer.alloc(1024)]));
  const index = await ArchiveIndex.read(path);
  expect(index.names()).toEqual([]);
  for (const name of ["out", "absolute", "a", "../../etc/passwd", "/etc/passwd"]) {
    expect(index.find(name)).toBeUndefined();
  }
});

test("whatever is changed in an archive, it is read to an end or refused with a reason", async () => {
  const path = join(dir, "changed.tar");
  const whole = Buffer.concat([
    ...["a", "b/c"].map((name) => tarEntry({ name, content: name.repeat(300) })),
    Buffer.alloc(1024),
  ]);
  const change = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(change, fc.nat(whole.length), async (changes, length) => {
      const bytes = Buffer.from(whole.subarray(0, length));
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      await writeFile(path, bytes);
      const outcome = await ArchiveIndex.read(path).catch((error: unknown) => error);
      if (outcome instanceof ArchiveIndex) {
        for (const name of outcome.names()) {
          const part = outcome.find(name);
          expect((part?.offset ?? 0) + (part?.length ?? 0)).toBeLessThanOrEqual(length);
        }
        return;
      }
      expect(outcome).toBeInstanceOf(AppError);
      expect(["INVALID_ARGUMENT", "DATA_LOSS"]).toContain((outcome as AppError).code);
    }),
    { numRuns: 200 },
  );
});
