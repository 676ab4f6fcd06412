import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { end, run, startDaemon, until } from "./command.ts";
import { command, type KillingContender, type Manager } from "./contender.ts";
import type { Rootfs } from "./rootfs.ts";

const image = "localhost/shimyard-bench:latest";

/**
 * A containerd of our own below `root`, spoken to by its command `ctr`, which is started for each step. Its
 * containers are those of its default: the runc shim, an overlay, and no output kept.
 */
export async function startCtr(root: string, rootfs: Rootfs): Promise<KillingContender> {
  await mkdir(root, { recursive: true });
  const config = join(root, "config.toml");
  const socket = join(root, "containerd.sock");
  await writeFile(
    config,
    [
      "version = 2",
      `root = ${JSON.stringify(join(root, "data"))}`,
      `state = ${JSON.stringify(join(root, "state"))}`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
      "[grpc]",
      `address = ${JSON.stringify(socket)}`,
    ].join("\n"),
  );
  const daemon = startDaemon(["containerd", "--config", config], join(root, "log"));
  const ctr = (...args: string[]): Promise<string> =>
    run(["ctr", "--address", socket, "--namespace", "bench", ...args]);
  const close = async (): Promise<void> => {
    for (const id of words(await ctr("containers", "ls", "-q").catch(() => ""))) {
      await ctr("tasks", "rm", "--force", id).catch(() => {});
      await ctr("containers", "rm", id).catch(() => {});
    }
    await end(daemon);
    // Where containerd 1.6 keeps its shims' sockets, whatever its state directory is. Others may use it too.
    for (const path of ["/run/containerd/s", "/run/containerd"]) await rmdir(path).catch(() => {});
  };
  try {
    await until("The start of containerd", async () => {
      if (daemon.exitCode !== null) throw new Error(`containerd ended; see ${join(root, "log")}`);
      return ctr("version").then(
        () => true,
        () => false,
      );
    });
    const archive = join(root, "image.tar");
    await makeArchive(rootfs, join(root, "image"), archive);
    await ctr("images", "import", archive);
    const version = /Server:\s+Version:\s*(\S+)/.exec(await ctr("version"))?.[1] ?? "";
    return new Ctr(ctr, socket, {
      name: "ctr",
      version: `containerd ${version}`,
      root,
      pids: async () => [daemon.pid as number],
      close,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

/** What `docker save` would make of the root file system. */
async function makeArchive(rootfs: Rootfs, directory: string, archive: string): Promise<void> {
  await mkdir(directory);
  await run(["cp", rootfs.tar, join(directory, "layer.tar")]);
  const digest = createHash("sha256")
    .update(await readFile(rootfs.tar))
    .digest("hex");
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  await writeFile(
    join(directory, "config.json"),
    JSON.stringify({
      ...{ architecture: arch, os: "linux", config: {} },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    }),
  );
  await writeFile(
    join(directory, "manifest.json"),
    JSON.stringify([{ Config: "config.json", RepoTags: [image], Layers: ["layer.tar"] }]),
  );
  await run(["tar", "-C", directory, "-cf", archive, "."]);
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

class Ctr implements KillingContender {
  readonly name = "ctr";
  readonly manager: Manager;
  readonly #ctr: (...args: string[]) => Promise<string>;
  readonly #socket: string;
  #execs = 0;

  constructor(ctr: (...args: string[]) => Promise<string>, socket: string, manager: Manager) {
    this.#ctr = ctr;
    this.#socket = socket;
    this.manager = manager;
  }

  async start(name: string): Promise<string> {
    await this.#ctr("run", "--detach", image, name, ...command);
    return name;
  }

  async exec(handle: string): Promise<void> {
    await this.#ctr("tasks", "exec", "--exec-id", `e${this.#execs++}`, handle, "true");
  }

  async kill(handle: string): Promise<number> {
    const events = spawn("ctr", ["--address", this.#socket, "events"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const lines = createInterface(events.stdout)[Symbol.asyncIterator]();
      // It says nothing when it has begun to listen: what can be heard is made until it is heard.
      let listening = false;
      const heard = lines.next().then(() => {
        listening = true;
      });
      while (!listening) {
        await this.#ctr("containers", "label", handle, `at=${Date.now()}`);
        await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 20))]);
      }
      const begin = performance.now();
      const killing = this.#ctr("tasks", "kill", "--signal", "SIGKILL", handle);
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error("ctr's events ended");
        if (value.includes("/tasks/exit")) break;
      }
      const time = performance.now() - begin;
      await killing;
      return time;
    } finally {
      await end(events);
    }
  }

  async remove(handle: string): Promise<void> {
    await this.#ctr("tasks", "rm", "--force", handle);
    await this.#ctr("containers", "rm", handle);
  }

  async pid(handle: string): Promise<number | undefined> {
    const rows = (await this.#ctr("tasks", "ls")).split("\n").map(words);
    const row = rows.find(([name, , status]) => name === handle && status === "RUNNING");
    return row && Number(row[1]);
  }
}
