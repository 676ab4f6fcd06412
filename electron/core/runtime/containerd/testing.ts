import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Why these can't be started here; undefined when they can. */
export function lacks(...programs: string[]): string | undefined {
  if (process.getuid?.() !== 0) return "only root can start them";
  return programs.find((program) => {
    try {
      execFileSync("which", [program]);
      return false;
    } catch {
      return true;
    }
  });
}

/** A containerd of a test's own: its root, its state and its socket lie in a directory that goes with it. */
export class TestContainerd {
  readonly directory: string;
  readonly socket: string;
  #daemon: ChildProcess | undefined;

  private constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, "c.sock");
  }

  static async start(): Promise<TestContainerd> {
    const directory = await mkdtemp(join(tmpdir(), "shimyard-containerd-"));
    const containerd = new TestContainerd(directory);
    const lines = [
      "version = 2",
      `root = "${join(directory, "data")}"`,
      `state = "${join(directory, "state")}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
      "[grpc]",
      `address = "${containerd.socket}"`,
    ];
    await writeFile(join(directory, "config.toml"), lines.join("\n"));
    await containerd.start();
    return containerd;
  }

  /** Again, after `stop`. Resolves when it answers. */
  async start(): Promise<void> {
    // The distribution's criu may be too old for the kernel: set-up names one that is known to work.
    const criu = process.env.SHIMYARD_CRIU;
    const path = criu ? `${dirname(criu)}:${process.env.PATH}` : process.env.PATH;
    const args = ["--config", join(this.directory, "config.toml")];
    this.#daemon = spawn("containerd", args, {
      stdio: "ignore",
      env: { ...process.env, PATH: path },
    });
    for (const end = Date.now() + 30_000; ;) {
      const failure = await this.ctr("version").catch((error: unknown) => error);
      if (typeof failure === "string") return;
      if (Date.now() > end) throw failure;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  get runs(): boolean {
    return this.#daemon?.exitCode === null && this.#daemon.signalCode === null;
  }

  /** Its containers and their shims stay. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    if (!this.#daemon || !this.runs) return;
    const ended = once(this.#daemon, "exit");
    this.#daemon.kill(signal);
    await ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#daemon?.kill(signal);
  }

  async ctr(...args: string[]): Promise<string> {
    return (await run("ctr", ["--address", this.socket, ...args])).stdout;
  }

  /** Stops it and removes all it had; `namespaces` are those whose runc state directories it made. */
  async close(namespaces: string[]): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
    // What containerd 1.6 makes there whatever its state directory is. Others may use it too.
    const runc = namespaces.map((name) => join("runc", name));
    for (const path of ["s", "fifo", ...runc, "runc", ""]) {
      await rmdir(join("/run/containerd", path)).catch(() => undefined);
    }
  }
}
