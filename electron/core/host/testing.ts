import { mustRun, runCommand } from "./command.ts";

/** A user of this machine that is not root, for tests that root runs. */
export interface TestUser {
  home: string;
  env: NodeJS.ProcessEnv;
  /** argv that runs `argv` as that user. */
  as(argv: string[]): string[];
  remove(): Promise<void>;
}

/** `firstId` is the first of the 65536 ids that the user's containers get: no two tests share any. */
export async function makeTestUser(name: string, firstId: number): Promise<TestUser> {
  const ids = `${firstId}-${firstId + 65535}`;
  const home = `/home/${name}`;
  // What a test that was killed has left.
  await runCommand(["userdel", "-r", name]);
  await mustRun(["useradd", "--create-home", "--shell", "/bin/sh", name]);
  await mustRun(["usermod", "--add-subuids", ids, "--add-subgids", ids, name]);
  return {
    home,
    env: { PATH: process.env.PATH, HOME: home },
    as: (argv) => ["setpriv", `--reuid=${name}`, `--regid=${name}`, "--init-groups", ...argv],
    remove: async () => {
      await mustRun(["userdel", "-r", name]);
    },
  };
}
