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
  readonly #dir: string;
  readonly #group: string;
  readonly #channels: Channel[] = [];
  #process: ChildProcess | undefined;
  /** What it wrote, line by line. */
  readonly said: string[] = [];

  private constructor(dir: string, group: string) {
    this.#dir = dir;
    this.#group = group;
    this.socket = join(dir, "socket");
  }

  static async start(group: string): Promise<MachineService> {
    const dir = await mkdtemp(join(tmpdir(), "shimyard-service-"));
    await chmod(dir, 0o755);
    const service = new MachineService(dir, group);
    await service.start();
    return service;
  }

  async start(): Promise<void> {
    const args = ["dist/headless/service.js", "--socket", this.socket, "--group", this.#group];
    const env = { ...process.env, NODE_ENV: "test", SHIMYARD_ROOT: join(this.#dir, "root") };
    const child = spawn(process.execPath, args, {
      ...{ cwd: project, env },
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
