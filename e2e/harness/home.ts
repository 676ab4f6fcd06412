import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolvePaths } from "#core/host/paths";
import { rememberHost } from "#core/runtime/testing";
import { ElectronApp } from "./electron-app.ts";
import { HeadlessApp } from "./headless-app.ts";
import type { OrdinaryUser } from "../../scripts/lib/ordinary-user.mjs";

/** A root of a test's own: nothing of this user's real containers is seen or touched. */
export class Home {
  readonly root: string;
  readonly #apps: { kill9(): Promise<void> }[] = [];

  readonly #user: OrdinaryUser | undefined;

  /** Where the windows look for the machine's manager: by default where nobody is. */
  serviceSocket: string;

  private constructor(root: string, user?: OrdinaryUser) {
    this.root = root;
    this.serviceSocket = join(root, "no-service");
    this.#user = user;
  }

  /** Its manager knows this host's runtimes already; that of another user's home, and the machine's, try them first. */
  static async make(): Promise<Home> {
    const root = await mkdtemp(join(tmpdir(), "shimyard-e2e-"));
    await rememberHost(resolvePaths({}, 0, "/", root));
    return new Home(root);
  }

  static async of(user: OrdinaryUser): Promise<Home> {
    const root = await mkdtemp(join(user.home, "shimyard-"));
    await chown(root, user.uid, user.uid);
    return new Home(root, user);
  }

  async startHeadless(): Promise<HeadlessApp> {
    const app = await HeadlessApp.start(this.#env(), this.#user);
    this.#apps.push(app);
    return app;
  }

  /** `executable`: a packaged app; without it, the Electron that is tested with, and the build. */
  async startElectron(executable?: string): Promise<ElectronApp> {
    const app = await ElectronApp.start(this.#env(), executable);
    this.#apps.push(app);
    return app;
  }

  /** Ends the apps, deletes every container through a manager of its own, then the root. */
  async remove(): Promise<void> {
    for (const app of this.#apps) await app.kill9();
    const app = await HeadlessApp.start(this.#env(), this.#user);
    try {
      const client = await app.connect();
      for (const { id } of await client.call("containers.list", {})) {
        await client.call("containers.delete", { id, force: true, checkpoints: true });
      }
      for await (const { put } of client.stream("extensions.watch", {})) {
        for (const { id } of put) await client.call("extensions.remove", { id });
        break;
      }
    } finally {
      await app.stop();
    }
    await rm(this.root, { recursive: true, force: true });
  }

  #env(): NodeJS.ProcessEnv {
    // Under test the API checks what it answers against the contract too.
    return {
      ...process.env,
      NODE_ENV: "test",
      SHIMYARD_ROOT: this.root,
      SHIMYARD_SOCKET: this.serviceSocket,
    };
  }
}
