import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import type { AppContract } from "#shared/contract/index";
import type { ManagerName, ShellContract } from "#shared/contract/shell";
import { createClient } from "#shared/rpc/client";
import type { Channel, Client } from "#shared/rpc/define";
import { socketChannel } from "#headless/socket-channel";
import { WebSocket } from "ws";
import type { OrdinaryUser } from "../../scripts/lib/ordinary-user.mjs";

const main = "dist/headless/main.js";
const project = fileURLToPath(new URL("../..", import.meta.url));

/** The app without a window of its own: the same core and API on loopback. */
export class HeadlessApp {
  readonly process: ChildProcess;
  /** With its token. */
  readonly url: string;
  readonly #sockets: WebSocket[] = [];

  private constructor(child: ChildProcess, url: string) {
    this.process = child;
    this.url = url;
  }

  static async start(env: NodeJS.ProcessEnv, user?: OrdinaryUser): Promise<HeadlessApp> {
    const [command = "", ...args] = user?.node(main) ?? [process.execPath, main];
    const child = spawn(command, args, { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
    const said: string[] = [];
    child.stderr.on("data", (data: Buffer) => said.push(data.toString()));
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(`${line}\n`);
      const url = /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/.exec(line)?.[0];
      if (url) {
        child.stdout.resume();
        return new HeadlessApp(child, url);
      }
    }
    throw new Error(`The headless app ended before it was ready:\n${said.join("")}`);
  }

  /** A client as the window has one, of the user's manager or of the machine's. */
  async connect(manager: ManagerName = "user"): Promise<Client<AppContract>> {
    return createClient<AppContract>(await this.#open(manager));
  }

  async connectShell(): Promise<Client<ShellContract>> {
    return createClient<ShellContract>(await this.#open("shell"));
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #open(name: string): Promise<Channel> {
    const { origin, host, searchParams } = new URL(this.url);
    const socket = new WebSocket(`ws://${host}/rpc/${name}?token=${searchParams.get("token")}`, {
      origin,
    });
    this.#sockets.push(socket);
    await once(socket, "open");
    return socketChannel(socket);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.terminate();
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, "exit");
    this.process.kill(signal);
    await exited;
  }
}
