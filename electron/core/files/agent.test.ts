import { expect, test } from "vitest";
import { isRootOf } from "./agent.ts";

const line = (point: string, options: string): string =>
  `97 96 0:58 / ${point} rw,relatime - overlay overlay ${options}`;

test("a process's root is told by the overlay that is mounted there", () => {
  const upper = "/var/lib/shimyard/containers/default/a/upper";
  const options = `rw,lowerdir=/i,upperdir=${upper},workdir=/w`;
  expect(isRootOf(line("/", options), upper)).toBe(true);
  expect(isRootOf(line("/", options), `${upper}/x`)).toBe(false);
  // Somewhere else than at its root, or under what was mounted there later.
  expect(isRootOf(line("/mnt", options), upper)).toBe(false);
  expect(isRootOf(`${line("/", options)}\n${line("/", "rw,lowerdir=/o")}`, upper)).toBe(false);
  expect(isRootOf("", upper)).toBe(false);
});

test("paths are written with octal escapes there", () => {
  const options = String.raw`rw,lowerdir=/i,upperdir=/a\040b/\303\244/upper,workdir=/w`;
  expect(isRootOf(line("/", options), "/a b/ä/upper")).toBe(true);
});
