import { expect, test } from "vitest";
import { choosePreferred } from "./plugin.ts";

type Info = Parameters<typeof choosePreferred>[0][number];

const info = (id: string, startMs: number | undefined, abilities: string, usable = true): Info => ({
  id,
  usable: { ok: usable },
  abilities: {
    pause: { ok: abilities.includes("p") },
    checkpoint: { ok: abilities.includes("c") },
    limits: { ok: abilities.includes("l") },
    exec: { ok: abilities.includes("e") },
    shareShim: { ok: false },
  },
  ...(startMs === undefined ? {} : { startMs }),
});

test.each<[string, Info[], string | undefined]>([
  ["what can do most", [info("runc", 44, "pcle"), info("crun", 21, "ple")], "runc"],
  ["the much faster of equals", [info("runc", 44, "ple"), info("crun", 21, "ple")], "crun"],
  ["the first of nearly equals", [info("runc", 24, "ple"), info("crun", 21, "ple")], "runc"],
  ["a usable one", [info("runc", 10, "ple", false), info("crun", 21, "e")], "crun"],
  ["one whose time is not known, if there is no other", [info("runc", undefined, "e")], "runc"],
  ["a known time before an unknown", [info("a", undefined, "e"), info("b", 50, "e")], "b"],
  ["none", [info("runc", 10, "ple", false)], undefined],
])("the probe prefers %s", (_what, infos, id) => {
  expect(choosePreferred(infos)?.id).toBe(id);
});
