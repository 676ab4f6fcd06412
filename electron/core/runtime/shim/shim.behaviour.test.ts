import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { choosePrivileges } from "#core/host/privileges";
import { taskManagerArgv } from "../child-manager.ts";
import { plainVersion } from "../suite-desk.ts";
import { describeTasks } from "../suite.ts";
import { makeTestRoot } from "../testing.ts";
import { createShimRuntimes } from "./plugin.ts";

/** The distribution's shim, and the newer one that set-up fetched where it could (scripts/lib/shim.mjs). */
const newer = process.env.SHIMYARD_TEST_SHIM;
const shims = newer ? [undefined, newer] : [undefined];
if (!newer) describe.skip("a shim of containerd 2", () => it("could not be fetched"));

for (const shim of shims) {
  // Probed for real, once, before the suites are laid out: what can't be done here is skipped by its name.
  const probeRoot = await makeTestRoot();
  afterAll(() => probeRoot.close());
  const open = (paths: typeof probeRoot.paths) =>
    createShimRuntimes({ paths, privileges: choosePrivileges(), shim });
  const infos = await (await open(probeRoot.paths)).probe();
  if (infos.length === 0)
    describe.skip("containerd's shim", () => it("is not installed, or needs root"));
  for (const info of infos) {
    if (!info.usable.ok) {
      describe.skip(`${info.id}: ${info.usable.reason}`, () => it("is not usable here"));
      continue;
    }
    describeTasks({
      info,
      title: `shim ${plainVersion(info.version)} + ${info.id.split("+")[1] ?? "runc"}`,
      manager: (root) => [...taskManagerArgv(), root, ...(shim ? [shim] : [])],
      runtimes: async ({ paths }) => {
        // As if probed by an earlier start.
        await mkdir(paths.data, { recursive: true });
        await copyFile(join(probeRoot.paths.data, "shims.json"), join(paths.data, "shims.json"));
        return (await open(paths)).runtimes;
      },
    });
  }
}
