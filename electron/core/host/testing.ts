import { cp, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { workerUrl } from "../base/worker.ts";
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
      // What has just been ended may be on its way still. What stays userdel names.
      for (const end = Date.now() + 10_000; Date.now() < end; await delay(50)) {
        if ((await runCommand(["pgrep", "-u", name])).code !== 0) break;
      }
      await mustRun(["userdel", "-r", name]);
    },
  };
}

/** Copies what a worker needs to where that user may look, as the checkout may lie elsewhere. Answers the worker's path. */
export async function copyProduct({ home }: TestUser, worker: string): Promise<string> {
  const app = join(home, "app");
  const program = fileURLToPath(workerUrl(worker, import.meta.url));
  await cp(dirname(dirname(program)), join(app, "dist/test"), { recursive: true });
  for (const name of await productModules()) {
    await cp(join(project, name), join(app, name), { recursive: true });
  }
  return join(app, `dist/test/workers/${worker}.mjs`);
}

const project = join(import.meta.dirname, "../../..");

/** What of node_modules a manager needs. */
async function productModules(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(project, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  const there = await Promise.all(
    Object.entries(lock.packages).map(async ([path, { dev }]) => {
      if (dev || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path)) return [];
      return (await stat(join(project, path)).catch(() => undefined)) ? [path] : [];
    }),
  );
  return there.flat();
}
