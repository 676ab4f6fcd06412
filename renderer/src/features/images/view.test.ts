import { expect, it } from "vitest";
import type { Image } from "#shared/contract/images";
import { fakeId } from "../../testing/fake-data.ts";
import { fakeImage } from "../../testing/fake-images.ts";
import { imageComparator, imageSegmentCounts, parseImageFilter } from "./view.ts";

const image = (n: number, names: string[], rest: Partial<Image> = {}): Image =>
  fakeImage(fakeId(n), names, rest);

const images = [
  image(1, ["web:10"], { size: 30, own: 30, createdAt: 3000, usedBy: ["a", "b"] }),
  image(2, [], { size: 20, own: 20, createdAt: 2000 }),
  image(3, ["web:9"], { size: 10, own: 0, createdAt: 1000, source: "build" }),
];

const order = (key: Parameters<typeof imageComparator>[0]["key"], descending = false): string[] =>
  images.toSorted(imageComparator({ key, descending })).map(({ names }) => names[0] ?? "-");

it("sorts names as people count, those without one last", () => {
  expect(order("name")).toEqual(["web:9", "web:10", "-"]);
});

it("sorts by sizes and ages, the youngest first", () => {
  expect(order("size", true)).toEqual(["web:10", "-", "web:9"]);
  expect(order("age")).toEqual(["web:10", "-", "web:9"]);
  expect(order("used", true)[0]).toBe("web:10");
});

it("finds every word, in a name, an id, a digest or how it came", () => {
  const found = (text: string): number => images.filter(parseImageFilter(text)).length;
  expect(found("")).toBe(3);
  expect(found("WEB 9")).toBe(1);
  expect(found("built")).toBe(1);
  expect(found(fakeId(2).slice(0, 12))).toBe(1);
  expect(found((images[0]?.digest ?? "").slice(0, 20))).toBe(1);
  expect(found("web nothing")).toBe(0);
});

it("counts an image in every segment it is in", () => {
  expect(imageSegmentCounts(images)).toEqual({ all: 3, used: 1, unused: 2, unnamed: 1 });
});
