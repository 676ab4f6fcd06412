import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A dockerd of a test's own, with the containerd that it starts: without networks, in a directory that goes with it. */
export class TestDockerd {
  readonly directory: string;
  /** Its containerd's. */
  readonly socket: string;
  readonly #host: string;
  readonly #cgroup: string;
  readonly #daemon: ChildProcess;

  private constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, "exec-root/containerd/containerd.sock");
    this.#host = `unix://${join(directory, "d.sock")}`;
    this.#cgroup = `/shimyard-test-docker-${process.pid}`;
    const at = (name: string): string => `--${name}=${join(directory, name)}`;
    this.#daemon = spawn(
      "dockerd",
      [
        `--config-file=${join(directory, "daemon.json")}`,
        ...[at("data-root"), at("exec-root"), at("pidfile")],
        ...[`--host=${this.#host}`, `--cgroup-parent=${this.#cgroup}`],
        ...["--group=root", "--bridge=none", "--iptables=false", "--ip-forward=false"],
        ...["--ip-masq=false", "--userland-proxy=false"],
      ],
      { stdio: "ignore" },
    );
  }

  /** Resolves when it answers. */
  static async start(): Promise<TestDockerd> {
    const directory = await mkdtemp(join(tmpdir(), "shimyard-docker-"));
    const config = { "deprecated-key-path": join(directory, "key.json") };
    await writeFile(join(directory, "daemon.json"), JSON.stringify(config));
    const dockerd = new TestDockerd(directory);
    for (const end = Date.now() + 60_000; ;) {
      const failure = await dockerd.docker("version").catch((error: unknown) => error);
      if (typeof failure === "string") return dockerd;
      if (Date.now() > end) throw failure;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async docker(...args: string[]): Promise<string> {
    return (await run("docker", ["--host", this.#host, ...args])).stdout.trim();
  }

  /** Ends it and removes all it had. `namespaces` are those of ours in its containerd. */
  async close(namespaces: string[] = []): Promise<void> {
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
      const ended = once(this.#daemon, "exit");
      this.#daemon.kill("SIGTERM");
      await ended;
    }
    const { directory } = this;
    const mounts = `${directory}/exec-root/netns/* ${directory}/data-root/*`;
    await run("sh", ["-c", `umount -l ${mounts} 2>/dev/null; true`]);
    await rm(directory, { recursive: true, force: true });
    const runc = namespaces.map((name) => join("runc", name));
    for (const path of ["s", "fifo", ...runc, "runc", ""]) {
      await rmdir(join("/run/containerd", path)).catch(() => undefined);
    }
    await rmdir("/run/docker").catch(() => undefined);
    const cgroups = `/sys/fs/cgroup/*${this.#cgroup} /sys/fs/cgroup${this.#cgroup}`;
    await run("sh", ["-c", `rmdir ${cgroups} 2>/dev/null; true`]);
  }
}
