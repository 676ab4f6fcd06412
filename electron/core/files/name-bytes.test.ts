import fc from "fast-check";
import { expect, test } from "vitest";
import { shownName } from "#shared/base/file-names";
import { bytesOf, nameOf } from "./name-bytes.ts";

test("every byte of a name comes back, through JSON too", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const name = JSON.parse(JSON.stringify(nameOf(Buffer.from(bytes)))) as string;
      expect(new Uint8Array(bytesOf(name))).toEqual(new Uint8Array(bytes));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(!/\p{Surrogate}/u.test(text));
      expect(nameOf(Buffer.from(text))).toBe(text);
    }),
  );
});

test("what is no UTF-8 is shown as that, and so is what would break a line", () => {
  expect(nameOf(Buffer.from([0x61, 0xff, 0x62]))).toBe("a\udcffb");
  expect(shownName(nameOf(Buffer.from([0x61, 0xff, 0x62])))).toBe("a\ufffdb");
  expect(shownName("a\nb\u007f")).toBe("a\u240ab\u2421");
  expect(nameOf(Buffer.from("\ufffd"))).toBe("\ufffd");
});
