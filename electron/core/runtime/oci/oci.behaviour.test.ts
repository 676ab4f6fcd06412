import { describe, it } from "vitest";
import { choosePrivileges } from "#core/host/privileges";
import { taskManagerArgv } from "../child-manager.ts";
import { plainVersion } from "../suite-desk.ts";
import { describeTasks } from "../suite.ts";
import { makeTestRoot } from "../testing.ts";
import { createOciRuntimes } from "./plugin.ts";

// Probed for real, once, before the suites are laid out: what can't be done here is skipped by its name.
const privileges = choosePrivileges();
const probeRoot = await makeTestRoot();
const { infos } = await createOciRuntimes({ paths: probeRoot.paths, privileges });
await probeRoot.close();

const sandboxLacks = {
  pids: "what runs in a sandbox has no pid of this host",
};

for (const info of infos) {
  if (!info.usable.ok) {
    describe.skip(`${info.id}: ${info.usable.reason}`, () => it("is not usable here"));
    continue;
  }
  describeTasks({
    info,
    lacks: {
      ...(info.name === "runsc" && sandboxLacks),
      ...(privileges.rootless && { oom: "an ordinary user's containers have no limits" }),
    },
    title: `conmon + ${info.name} ${plainVersion(info.version)}`,
    manager: (root) => [...taskManagerArgv(), root],
    runtimes: async (root) => (await createOciRuntimes({ paths: root.paths, privileges })).runtimes,
  });
}
