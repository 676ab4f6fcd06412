import { chmod, chown, stat } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { choosePrivileges } from "#core/host/privileges";
import type { RuntimeInfo } from "#shared/contract/system";
import { Desk } from "../suite-desk.ts";
import { makeTestRoot } from "../testing.ts";
import { sandboxName } from "./runsc.ts";
import { createOciRuntimes } from "./plugin.ts";

const privileges = choosePrivileges();

/** Which gVisor's sandbox gives to the user that it runs as, where one of its standard streams is that. */
const device = "/dev/null";

/** As it is on every machine: what an earlier try, or another program, has made of it is no finding of this one. */
async function restore(): Promise<void> {
  await chown(device, 0, 0);
  await chmod(device, 0o666);
}

/** Whose it is after that. */
async function after(what: () => Promise<unknown>): Promise<string> {
  await restore();
  await what();
  const { uid, gid, mode } = await stat(device);
  return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
}

const untouched = "0:0 666";

describe.skipIf(privileges.rootless)(
  "gVisor's sandbox leaves this machine's /dev/null alone",
  () => {
    let desk: Desk;
    let probed: string;
    let info: RuntimeInfo | undefined;

    beforeAll(async () => {
      const root = await makeTestRoot();
      probed = await after(async () => {
        const { infos } = await createOciRuntimes({ paths: root.paths, privileges });
        info = infos.find(({ name, usable }) => name === sandboxName && usable.ok);
      });
      await root.close();
      if (!info) return;
      desk = new Desk({
        info,
        runtimes: async ({ paths }) => (await createOciRuntimes({ paths, privileges })).runtimes,
      });
      await desk.open();
    });

    afterAll(async () => {
      await restore();
      await desk?.clear();
      await desk?.close();
    });

    it("when it is tried what it can do", () => expect(probed).toBe(untouched));

    it.for([
      { name: "one without input", change: {} },
      { name: "one with input", change: { stdin: true } },
      { name: "one with a terminal", change: { terminal: true, stdin: true } },
    ])(
      "$name: create, start, exec, state, stats, pause, kill and delete",
      async ({ name, change }, context) => {
        if (!info) context.skip(`${sandboxName} can't be used here`);
        const id = name.replaceAll(" ", "-");
        const task = (): ReturnType<Desk["get"]> => desk.get(id);
        const steps: [string, () => Promise<unknown>][] = [
          ["create", () => desk.create(id, "sleep 99", change)],
          ["start", () => task().start()],
          ["run", () => task().run({ args: ["id", "-u"], user: "1000:1000", maxOutput: 10 })],
          [
            "run with input",
            () => task().run({ args: ["cat"], stdin: new Uint8Array(1), maxOutput: 10 }),
          ],
          ...[false, true].map((terminal): [string, () => Promise<unknown>] => [
            `exec ${terminal}`,
            async () => {
              const args = ["sh", "-c", "exit 3"];
              const exec = await task().exec({ id: `of-${terminal}`, args, terminal });
              expect((await exec.wait()).code).toBe(3);
              await exec.remove();
            },
          ]),
          ["state", () => task().runtimeState()],
          ["stats", () => task().stats()],
          ["pause", () => task().pause()],
          ["resume", () => task().resume()],
          ["processes", () => task().pids()],
          ["kill", () => task().kill(9)],
          ["end", () => task().wait()],
          ["delete", () => task().delete()],
        ];
        const found: [string, string][] = [];
        for (const [step, work] of steps) found.push([step, await after(work)]);
        expect(found).toEqual(steps.map(([step]) => [step, untouched]));
      },
    );
  },
);
