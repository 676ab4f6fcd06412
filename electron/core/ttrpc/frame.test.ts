import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameDecoder, encodeFrame, maxData } from "./frame.ts";

/**
 * The life of one container as containerd 1.6.20's runc shim told it, both directions and its events: base64, one
 * frame each.
 */
const recorded = (
  JSON.parse(readFileSync(new URL("recorded-frames.json", import.meta.url), "utf8")) as string[]
).map((text) => Buffer.from(text, "base64"));

function cut(bytes: Buffer, sizes: number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function decode(chunks: Buffer[]) {
  const decoder = new FrameDecoder();
  const frames = chunks.flatMap((chunk) => decoder.push(chunk));
  return { frames, held: decoder.held };
}

const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 });

describe("FrameDecoder", () => {
  it("reads what a real shim said, however it is cut", () => {
    const all = Buffer.concat(recorded);
    fc.assert(
      fc.property(sizes, (sizes) => {
        const { frames, held } = decode(cut(all, sizes));
        expect(held).toBe(0);
        expect(
          frames.map(({ streamId, type, data }) =>
            encodeFrame(streamId, type, data ?? Buffer.of()),
          ),
        ).toEqual(recorded);
      }),
    );
  });

  it("gives back any frames", () => {
    const frame = fc.record({
      streamId: fc.integer({ min: 0, max: 0xffffffff }),
      type: fc.integer({ min: 0, max: 255 }),
      data: fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
    });
    fc.assert(
      fc.property(fc.array(frame), sizes, (frames, sizes) => {
        const bytes = frames.map(({ streamId, type, data }) => encodeFrame(streamId, type, data));
        const read = decode(cut(Buffer.concat(bytes), sizes));
        expect(read.frames).toEqual(frames.map((one) => ({ ...one, flags: 0 })));
      }),
    );
  });

  it("never throws, and holds no more than one frame, whatever comes", () => {
    const garbage = fc.uint8Array({ maxLength: 4000 }).map((bytes) => Buffer.from(bytes));
    // Recorded frames with bytes of them changed: closer to what a broken shim says than noise.
    const damaged = fc
      .tuple(
        fc.constantFrom(...recorded),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      )
      .map(([frame, changes]) => {
        const copy = Buffer.from(frame);
        for (const [at, value] of changes) copy[at % copy.length] = value;
        return copy;
      });
    fc.assert(
      fc.property(fc.array(fc.oneof(garbage, damaged), { maxLength: 20 }), (chunks) => {
        const decoder = new FrameDecoder();
        for (const chunk of chunks) {
          for (const frame of decoder.push(chunk)) {
            expect(frame.data?.length ?? 0).toBeLessThanOrEqual(maxData);
          }
          expect(decoder.held).toBeLessThanOrEqual(maxData + 10);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("skips an oversized frame as it comes, and goes on behind it", () => {
    const header = Buffer.alloc(10);
    header.writeUInt32BE(maxData + 1, 0);
    header.writeUInt32BE(7, 4);
    header.writeUInt8(2, 8);
    const decoder = new FrameDecoder();
    expect(decoder.push(header)).toEqual([{ streamId: 7, type: 2, flags: 0, data: undefined }]);
    for (let left = maxData + 1; left > 0; left -= 65536) {
      expect(decoder.push(Buffer.alloc(Math.min(left, 65536)))).toEqual([]);
      expect(decoder.held).toBe(0);
    }
    expect(decoder.push(encodeFrame(9, 2, Buffer.from("x")))).toMatchObject([{ streamId: 9 }]);
  });
});
