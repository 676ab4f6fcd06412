import { expect, test } from "vitest";
import type { ContainerMount } from "#shared/contract/container-options";
import { nameOwnVolumes, placeVolumes, volumesOf } from "./volume-uses.ts";

const mounts: ContainerMount[] = [
  { type: "volume", source: "data", target: "/data/", readOnly: true },
  { type: "volume", target: "/own//", readOnly: false, noCopy: true },
  { type: "tmpfs", target: "/tmp", readOnly: false },
];

test("what nobody named gets a name of its own, where nothing else is mounted", () => {
  const declared = ["/data", "/tmp/", "/kept", "/", "relative", "/up/../out", ""];
  const names = nameOwnVolumes(mounts, declared);
  expect(Object.keys(names).sort()).toEqual(["/kept", "/own"]);
  expect(new Set(Object.values(names)).size).toBe(2);
});

test("a container has those that it names, those without a name, and its image's", () => {
  const holder = { config: { mounts }, ownVolumes: { "/own": "one", "/kept": "two" } };
  expect(volumesOf(holder)).toEqual([
    { name: "data", target: "/data", readOnly: true, fill: true, anonymous: false },
    { name: "one", target: "/own", readOnly: false, fill: false, anonymous: true },
    { name: "two", target: "/kept", readOnly: false, fill: true, anonymous: true },
  ]);
  const places = placeVolumes(holder, (name) => `/volumes/${name}`);
  expect(places.map((mount) => [mount.type, mount.target])).toEqual([
    ["tmpfs", "/tmp"],
    ["bind", "/data"],
    ["bind", "/own"],
    ["bind", "/kept"],
  ]);
});

test("a container of before there were volumes has none", () => {
  expect(volumesOf({ config: {}, ownVolumes: {} })).toEqual([]);
});
