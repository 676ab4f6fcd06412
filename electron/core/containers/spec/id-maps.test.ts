import { expect, test } from "vitest";
import { freeIds, idMapsOf, mountMaps, requireMapped, specMaps } from "./id-maps.ts";

test("ids are the first that nobody has", () => {
  const first = freeIds(10, []);
  expect(freeIds(10, [{ first, size: 10 }])).toBe(first + 10);
  const apart = [
    { first: first + 20, size: 10 },
    { first, size: 10 },
  ];
  expect(freeIds(10, apart)).toBe(first + 10);
  expect(freeIds(11, apart)).toBe(first + 30);
  expect(() => freeIds(0x1000_0000, [])).toThrow("no 268435456 ids left");
});

test("of users and groups the ones are as the others, where only these are given", () => {
  const maps = [{ inside: 0, outside: 1000, size: 5 }];
  expect(idMapsOf({}, undefined)).toBeUndefined();
  expect(idMapsOf({ userns: { uids: maps } }, undefined)).toEqual({ uids: maps, gids: maps });
  expect(idMapsOf({ userns: { gids: maps } }, undefined)).toEqual({ uids: maps, gids: maps });
  expect(idMapsOf({ userns: { auto: 5 } }, 1000)).toEqual({ uids: maps, gids: maps });
  const both = idMapsOf({ userns: { uids: maps } }, undefined);
  if (!both) throw new Error("there are none");
  expect(mountMaps(both)).toEqual({ uids: "0 1000 5", gids: "0 1000 5" });
  expect(specMaps(both).uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 5 }]);
});

test.each([
  [{ uid: 5, gid: 0 }, "user 5"],
  [{ uid: 0, gid: 9 }, "group 9"],
  [{ uid: 0, gid: 0, additionalGids: [4, 7] }, "group 7"],
])("whom they leave out can't be in it: %j", (user, who) => {
  const maps = [{ inside: 0, outside: 1000, size: 5 }];
  requireMapped({ uids: maps, gids: maps }, { uid: 4, gid: 4 });
  expect(() => requireMapped({ uids: maps, gids: maps }, user)).toThrow(`has no ${who}`);
});
