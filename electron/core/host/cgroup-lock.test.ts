import { expect, test } from "vitest";
import { ownCgroup } from "./cgroup-lock.ts";

const hybrid = `9:name=systemd:/
8:pids:/user.slice
3:cpu,cpuacct:/a:b
0::/user.slice/session.scope
`;

test("our cgroup is found by hierarchy, a colon in its path included", () => {
  expect(ownCgroup(hybrid, "pids")).toBe("/user.slice");
  expect(ownCgroup(hybrid, "cpuacct")).toBe("/a:b");
  expect(ownCgroup(hybrid, "unified")).toBe("/user.slice/session.scope");
});

test("a hierarchy we are not told of has none", () => {
  expect(ownCgroup(hybrid, "memory")).toBeUndefined();
  expect(ownCgroup("", "unified")).toBeUndefined();
});
