import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../errors.ts";
import { decodeFrame, encodeFrame } from "./codec.ts";
import type { Frame } from "./define.ts";
import { checkFrame, MAX_FRAME_BYTES } from "./wire.ts";

/** Plain data with bytes anywhere in it, as the contract's values are. */
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constant("__proto__")), tie("value"), { maxKeys: 4 }),
  ),
})).value;
const id = fc.integer({ min: 1 });
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    t: fc.constant("open" as const),
    id,
    method: fc.string({ maxLength: 100 }),
    input: value,
    credits: fc.nat(1000),
  }),
  fc.record({ t: fc.constant("item" as const), id, value }),
  fc.record({ t: fc.constant("end" as const), id, value }),
  fc.record({ t: fc.constant("cancel" as const), id }),
  fc.record({ t: fc.constant("credit" as const), id, n: fc.integer({ min: 1, max: 1000 }) }),
);

describe("the codec", () => {
  test("gives back every frame", () => {
    fc.assert(
      fc.property(frame, (frame) => {
        expect(checkFrame(decodeFrame(encodeFrame(frame)))).toEqual(frame);
      }),
    );
  });

  test("carries bytes as bytes", () => {
    const bytes = new Uint8Array(100_000).fill(200);
    const encoded = encodeFrame({ t: "item", id: 1, value: { type: "data", bytes, offset: 3 } });
    expect(encoded.length).toBeLessThan(bytes.length + 200);
    // A view into something larger carries only itself.
    const view = new Uint8Array(bytes.buffer, 10, 5);
    expect(encodeFrame({ t: "item", id: 1, value: view }).length).toBeLessThan(200);
  });

  test("does not change what it encodes", () => {
    const value = { list: [new Uint8Array([1]), { deep: new Uint8Array([2]) }] };
    encodeFrame({ t: "item", id: 1, value });
    expect(value).toEqual({ list: [new Uint8Array([1]), { deep: new Uint8Array([2]) }] });
  });

  test("refuses what is too large", () => {
    const item = (size: number): Frame => ({ t: "item", id: 1, value: new Uint8Array(size) });
    expect(() => encodeFrame(item(MAX_FRAME_BYTES))).toThrow(/more than the 16777216/);
    expect(decodeFrame(encodeFrame(item(MAX_FRAME_BYTES - 100)))).toMatchObject({ t: "item" });
    expect(() => decodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(AppError);
  });

  test("answers garbage with INVALID_ARGUMENT and nothing else", () => {
    const refusedOrDecoded = (bytes: Uint8Array): void => {
      try {
        checkFrame(decodeFrame(bytes));
      } catch (error) {
        expect(error).toMatchObject({ name: "AppError", code: "INVALID_ARGUMENT" });
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), refusedOrDecoded));
    // Nearly right: a good frame with one byte changed, or cut, or with more behind it.
    fc.assert(
      fc.property(frame, fc.nat(), fc.nat(255), (frame, at, byte) => {
        const bytes = encodeFrame(frame);
        bytes[at % bytes.length] = byte;
        refusedOrDecoded(bytes);
      }),
    );
    fc.assert(
      fc.property(frame, fc.nat(), (frame, at) => {
        const bytes = encodeFrame(frame);
        expect(() => decodeFrame(bytes.subarray(0, at % bytes.length))).toThrow(AppError);
        expect(() => decodeFrame(new Uint8Array([...bytes, 0]))).toThrow(AppError);
      }),
    );
  });

  test.each([
    ["outside the frame", { f: {}, b: [[["a", "b"], 0]] }],
    ["on a prototype", { f: {}, b: [[["__proto__", "x"], 0]] }],
    ["where there is a value", { f: { a: 1 }, b: [[["a"], 0]] }],
    ["in place of the frame", { f: null, b: [[[], 0]] }],
    ["with a negative length", { f: { a: null }, b: [[["a"], -1]] }],
    ["beyond the end", { f: { a: null }, b: [[["a"], 1]] }],
    ["in no list", { f: { a: null }, b: "a" }],
  ])("refuses an attachment %s", (_, header) => {
    const json = new TextEncoder().encode(JSON.stringify(header));
    const bytes = new Uint8Array(4 + json.length);
    new DataView(bytes.buffer).setUint32(0, json.length);
    bytes.set(json, 4);
    expect(() => decodeFrame(bytes)).toThrow(AppError);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});
