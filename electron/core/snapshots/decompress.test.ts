import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { decompress } from "./decompress.ts";

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function gunzip(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Buffer[] = [];
  for await (const chunk of decompress(source, { compression: "gzip", ratio: 1000 })) {
    found.push(Buffer.from(chunk));
  }
  return Buffer.concat(found);
}

/** Bytes that don't become much smaller, and some that do. */
const plain = Buffer.concat([randomBytes(3_000_000), Buffer.alloc(5_000_000), randomBytes(100)]);
const packed = gzipSync(plain, { level: 1 });

test.each([1000, 65_536, 262_144, 300_000, 10_000_000])("gzip in pieces of %i", async (size) => {
  expect((await gunzip(inPieces(packed, size))).equals(plain)).toBe(true);
});

test("several members are one archive, and zeros may follow", async () => {
  const several = Buffer.concat([packed, gzipSync("end"), Buffer.alloc(600_000)]);
  const whole = Buffer.concat([plain, Buffer.from("end")]);
  for (const size of [65_536, 1_000_000]) {
    expect((await gunzip(inPieces(several, size))).equals(whole)).toBe(true);
  }
});

test("what is damaged, cut off or followed by something else says so", async () => {
  const changed = Buffer.from(packed).fill(0xff, packed.length - 8, packed.length - 4);
  const followed = Buffer.concat([packed, Buffer.from("something else")]);
  for (const bad of [changed, packed.subarray(0, -1), packed.subarray(0, 1_000_000), followed]) {
    await expect(gunzip(inPieces(bad, 65_536))).rejects.toMatchObject({ code: "DATA_LOSS" });
  }
});

test("a source's failure is the reader's", async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield* inPieces(packed.subarray(0, 2_000_000), 65_536);
    throw new Error("the network is gone");
  }
  await expect(gunzip(failing())).rejects.toThrow("the network is gone");
});

test("who stops early ends it, with most of the source not asked for", async () => {
  let asked = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      asked += 1;
      yield packed;
    }
  }
  for await (const chunk of decompress(endless(), { compression: "gzip", ratio: 1000 })) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect(asked).toBeLessThan(10);
});
