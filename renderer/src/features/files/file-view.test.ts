import { expect, it } from "vitest";
import type { FileEntry } from "#shared/contract/files";
import { crumbs, modeText, ownerText, sortEntries } from "./file-view.ts";

const entry = (more: Partial<FileEntry>): FileEntry => ({
  ...{ name: "a", type: "file", size: 1, mode: 0o644, uid: 0, gid: 0, mtime: 0 },
  ...more,
});

it.each([
  ["file", 0o644, "-rw-r--r--"],
  ["directory", 0o1777, "drwxrwxrwt"],
  ["file", 0o4755, "-rwsr-xr-x"],
  ["file", 0o6640, "-rwSr-S---"],
  ["symlink", 0o777, "lrwxrwxrwx"],
] as const)("writes the mode of a %s, %o, as ls does", (type, mode, text) => {
  expect(modeText({ type, mode })).toBe(text);
});

it("names owners, and numbers those without a name", () => {
  expect(ownerText(entry({ user: "root", group: "root" }))).toBe("root");
  expect(ownerText(entry({ user: "root", gid: 42 }))).toBe("root:42");
});

it("puts directories first, links to them among them, and numbers in their order", () => {
  const entries = [
    entry({ name: "file10" }),
    entry({ name: "file9", size: 5 }),
    entry({ name: "zoo", type: "directory" }),
    entry({ name: "link", type: "symlink", targetType: "directory" }),
  ];
  const names = (key: "name" | "size", descending = false) =>
    sortEntries(entries, { key, descending }).map(({ name }) => name);
  expect(names("name")).toEqual(["link", "zoo", "file9", "file10"]);
  expect(names("size", true)).toEqual(["link", "zoo", "file9", "file10"]);
  expect(names("size")).toEqual(["link", "zoo", "file10", "file9"]);
});

it("splits a path into steps", () => {
  expect(crumbs("/")).toEqual([{ name: "/", path: "/" }]);
  expect(crumbs("/etc/apt").map(({ path }) => path)).toEqual(["/", "/etc", "/etc/apt"]);
});
