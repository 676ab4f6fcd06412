import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { AppContract } from "#shared/contract/index";
import { createClient } from "#shared/rpc/client";
import type { Channel, Client } from "#shared/rpc/define";
import { connectService } from "#headless/service/service-client";

const project = fileURLToPath(new URL("../..", import.meta.url));
/** package.json's, which is no part of any build. */
const version = "0.1.0";

/** The machine's manager, with a root, a socket and a group of its own: as the unit starts it, but for systemd. */
export class MachineService {
  readonly socket: string;
  readonly root: string;
  readonly #dir: string;
  readonly #argv: string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #channels: Channel[] = [];
  #process: ChildProcess | undefined;
  /** What it wrote, line by line. */
  readonly said: string[] = [];

  private constructor(dir: string, program: string[], group: string) {
    this.#dir = dir;
    this.root = join(dir, "root");
    this.socket = join(dir, "socket");
    this.#argv = [...program, "--socket", this.socket, "--group", group];
    this.#env = {
      ...process.env,
      NODE_ENV: "test",
      ELECTRON_RUN_AS_NODE: "1",
      SHIMYARD_ROOT: this.root,
    };
  }

  /** `program`: argv of a packaged one; without it, the build. */
  static async start(
    group: string,
    program = [process.execPath, "dist/headless/service.js"],
  ): Promise<MachineService> {
    const dir = await mkdtemp(join(tmpdir(), "shimyard-service-"));
    await chmod(dir, 0o755);
    const service = new MachineService(dir, program, group);
    await service.start();
    return service;
  }

  async start(): Promise<void> {
    const [file = "", ...args] = this.#argv;
    const child = spawn(file, args, {
      ...{ cwd: project, env: this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    child.stderr.on("data", (data: Buffer) => this.said.push(data.toString()));
    const lines = createInterface({ input: child.stdout });
    const listens = new Promise<void>((resolve, reject) => {
      lines.on("line", (line) => {
        this.said.push(line);
        if (line.startsWith("Listening")) resolve();
      });
      lines.once("close", () => reject(new Error(`The service ended:\n${this.said.join("\n")}`)));
    });
    await listens;
  }

  /** Of root, who runs the tests. */
  async connect(): Promise<Client<AppContract>> {
    const channel = await connectService(this.socket, version);
    this.#channels.push(channel);
    return createClient<AppContract>(channel);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    for (const channel of this.#channels.splice(0)) channel.close();
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** Deletes its containers, ends it, and leaves nothing of it. */
  async remove(): Promise<void> {
    await this.stop("SIGKILL");
    await this.start();
    const client = await this.connect();
    for (const { id } of await client.call("containers.list", {})) {
      await client.call("containers.delete", { id, force: true, checkpoints: true });
    }
    await this.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
