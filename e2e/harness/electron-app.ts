import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { _electron, type ElectronApplication, type Page } from "@playwright/test";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** The real Electron, with the root given in `env`. */
export class ElectronApp {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly #process: ChildProcess;

  private constructor(app: ElectronApplication, page: Page) {
    this.app = app;
    this.page = page;
    this.#process = app.process();
  }

  static async start(env: NodeJS.ProcessEnv, executable?: string): Promise<ElectronApp> {
    const dist = env.ELECTRON_OVERRIDE_DIST_PATH;
    if (!dist) throw new Error("ELECTRON_OVERRIDE_DIST_PATH must say which Electron to test");
    const app = await _electron.launch({
      executablePath: executable ?? join(dist, "electron"),
      // A profile of its own: the app is one instance a profile, and the window's layout lives there.
      args: [
        ...(executable ? [] : [project]),
        `--user-data-dir=${join(env.SHIMYARD_ROOT!, "profile")}`,
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      ],
      env: env as Record<string, string>,
    });
    return new ElectronApp(app, await app.firstWindow());
  }

  /** As a crash: no handler of the app runs. */
  async kill9(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async stop(): Promise<void> {
    await this.app.close();
  }
}
