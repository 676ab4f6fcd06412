import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CriParser, stderr, stdout } from "./cri-parser.ts";
import { CriWriter, encodeRecords } from "./cri-writer.ts";

/** The bytes of each stream, as the parser has them. */
function read(log: Uint8Array): Buffer[] {
  const texts: Uint8Array[][] = [[], []];
  new CriParser().push(log, ({ bytes, stream, partial, textStart, textEnd, timeLength }) => {
    expect(timeLength).toBeGreaterThan(0);
    texts[stream]?.push(Buffer.from(bytes.subarray(textStart, textEnd)));
    if (!partial) texts[stream]?.push(Buffer.from("\n"));
  });
  return texts.map((parts) => Buffer.concat(parts));
}

describe("records", () => {
  it("carry any bytes, in any pieces", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.uint8Array({ minLength: 8190, maxLength: 8195 }),
      fc.constantFrom(Buffer.from("\n"), Buffer.from("a\n\nb"), Buffer.from("grün\r\n")),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
        const log = Buffer.concat(pieces.map((one) => encodeRecords(new Date(), stdout, one)));
        expect(read(log)[stdout]).toEqual(Buffer.concat(pieces));
      }),
    );
  });

  it("are no longer than conmon's", () => {
    const records = encodeRecords(new Date(), stderr, Buffer.alloc(20_000, "x")).toString();
    expect(records.split("\n").map((line) => line.split(" ")[3]?.length)).toEqual([
      ...[8192, 8192, 20_000 - 2 * 8192],
      undefined,
    ]);
  });
});

describe("a log's writer", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "cri-writer-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("keeps the order, appends to what is there, and goes on in a new file when it is told to", async () => {
    const path = join(dir, "log");
    for (const word of ["one", "two"]) {
      const writer = await CriWriter.open(path);
      void writer.write(stdout, Buffer.from(`${word} out\n`));
      void writer.write(stderr, Buffer.from(`${word} err\n`));
      await writer.close();
    }
    expect(read(await readFile(path)).map(String)).toEqual([
      "one out\ntwo out\n",
      "one err\ntwo err\n",
    ]);
    const writer = await CriWriter.open(path);
    await rename(path, `${path}.1`);
    void writer.write(stdout, Buffer.from("before\n"));
    await writer.reopen();
    await writer.write(stdout, Buffer.from("after\n"));
    await writer.close();
    await writer.write(stdout, Buffer.from("dropped\n"));
    expect(String(read(await readFile(`${path}.1`))[stdout])).toContain("before\n");
    expect(String(read(await readFile(path))[stdout])).toBe("after\n");
  });
});
