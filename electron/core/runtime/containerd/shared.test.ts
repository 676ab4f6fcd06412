import { expect, test } from "vitest";
import { rootfsMounts } from "./rootfs.ts";
import { containerdNamespace, ownNamespace } from "./shared.ts";

test("our namespaces have names of their own in containerd, and are known by them", () => {
  for (const [ours, theirs] of [
    ["default", "shimyard"],
    ["extensions", "shimyard-extensions"],
  ] as const) {
    expect(containerdNamespace(ours)).toBe(theirs);
    expect(ownNamespace(theirs)).toBe(ours);
  }
  for (const other of ["moby", "k8s.io", "shimyards"]) expect(ownNamespace(other)).toBeUndefined();
});

test("a root file system becomes the mount that containerd's shim makes", () => {
  const directory = (path: string) => ({ type: "directory" as const, path });
  const lower = [directory("/b"), directory("/a")];
  const overlay = { type: "overlay" as const, lower, upper: "/u", work: "/w" };
  expect(rootfsMounts(overlay)).toEqual([
    {
      ...{ type: "overlay", source: "overlay" },
      options: ["lowerdir=/b:/a", "upperdir=/u", "workdir=/w"],
    },
  ]);
  expect(rootfsMounts({ type: "bind", lower: [directory("/")] })).toEqual([
    { type: "bind", source: "/", options: ["rbind", "rw"] },
  ]);
  // A comma would be taken for the end of an option.
  expect(() => rootfsMounts({ ...overlay, upper: "/u,v" })).toThrow(/can't be mounted from/);
});
