import { expect, test } from "vitest";
import { resolvePaths } from "./paths.ts";

const owners: Record<string, number> = { "/run/user/1000": 1000, "/run/user/0": 0, "/x/run": 1000 };
const of = (env: NodeJS.ProcessEnv, uid = 1000, root?: string) =>
  resolvePaths(env, uid, "/home/mara", root, (directory) => owners[directory]);

test("root's lie where the system's do", () => {
  expect(of({ XDG_DATA_HOME: "/x" }, 0)).toEqual({
    ...{ data: "/var/lib/shimyard", state: "/run/shimyard" },
  });
});

test("an ordinary user's follow XDG's base directories", () => {
  const env = { XDG_DATA_HOME: "/x/data", XDG_RUNTIME_DIR: "/x/run" };
  expect(of(env)).toEqual({ data: "/x/data/shimyard", state: "/x/run/shimyard" });
  expect(of({}).data).toBe("/home/mara/.local/share/shimyard");
  expect(of({ XDG_DATA_HOME: "data" }).data).toBe("/home/mara/.local/share/shimyard");
});

test("the runtime directory is the user's own, whoever's the environment names", () => {
  expect(of({}).state).toBe("/run/user/1000/shimyard");
  expect(of({ XDG_RUNTIME_DIR: "/run/user/0" }).state).toBe("/run/user/1000/shimyard");
  expect(of({ XDG_RUNTIME_DIR: "run" }).state).toBe("/run/user/1000/shimyard");
  // Where nobody makes one, what is there lies with the rest.
  const data = "/home/mara/.local/share/shimyard";
  expect(resolvePaths({}, 1001, "/home/mara", undefined, () => undefined)).toEqual({
    ...{ data, state: `${data}/state` },
  });
});

test("a root that is given holds everything", () => {
  expect(of({ XDG_RUNTIME_DIR: "/x/run" }, 1000, "/r")).toEqual({
    ...{ data: "/r/data", state: "/r/state" },
  });
});
