import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { type Socket, createConnection } from "node:net";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { rootPrivileges } from "#core/host/privileges";
import { AppError, isCode } from "#shared/errors";
import { resolveUser } from "../../oci/user.ts";
import type { OciProcess } from "../../runtime.ts";
import { taskStatus, type Stdio } from "../../shim/task-service.ts";

/** A zero exit status is one: "by design for non-exited process status" hcsshim has this. */
const notExited = 255;
const sigkill = 9;

/**
 * A "Windows container": processes of this Linux in a mount and a pid namespace, chrooted into an overlay of the layers
 * that the spec names. It refuses in the words of Windows' Host Compute Service.
 */
export class StandInContainer {
  readonly id: string;
  readonly root: string;
  readonly processes = new Map<string, StandInProcess>();

  private constructor(id: string, root: string) {
    this.id = id;
    this.root = root;
  }

  /** Mounts the layers in our own mount namespace. */
  static create(id: string, bundle: string, layerFolders: string[]): StandInContainer {
    const lower = layerFolders.slice(0, -1);
    const scratch = layerFolders.at(-1) ?? "";
    if (lower.length === 0) throw refused("no Windows.LayerFolders found in oci spec");
    for (const folder of layerFolders) {
      if (existsSync(folder)) continue;
      throw refused(
        `failed to mount container storage: ${folder}: The system cannot find the path specified.`,
      );
    }
    const root = join(bundle, "rootfs");
    const work = join(dirname(scratch), "work");
    const options = `lowerdir=${lower.join(":")},upperdir=${scratch},workdir=${work}`;
    execFileSync("mount", ["-t", "overlay", "-o", options, "overlay", root]);
    return new StandInContainer(id, root);
  }

  get init(): StandInProcess {
    return this.process("");
  }

  process(execId: string): StandInProcess {
    const process = this.processes.get(execId);
    if (process) return process;
    throw new AppError("NOT_FOUND", `exec: '${execId}' in task: '${this.id}' not found`);
  }

  /** Connects to the streams and waits to be started. */
  async add(execId: string, spec: OciProcess, terminal: boolean, stdio: Stdio): Promise<void> {
    if (this.processes.has(execId)) throw new AppError("ALREADY_EXISTS", `exec: '${execId}'`);
    const streams: Partial<Record<keyof Stdio, Socket>> = {};
    for (const name of ["stdin", "stdout", "stderr"] as const) {
      if (stdio[name] !== "") streams[name] = await dial(stdio[name]);
    }
    this.processes.set(execId, new StandInProcess(this, execId, spec, terminal, streams));
  }

  /** Of everything inside, as this host numbers it. */
  pids(): number[] {
    const { pid } = this.init;
    return pid === 0 ? [] : [pid, ...descendants(pid)];
  }
}

export class StandInProcess {
  readonly #container: StandInContainer;
  readonly #execId: string;
  readonly #spec: OciProcess;
  readonly #streams: Partial<Record<keyof Stdio, Socket>>;
  readonly terminal: boolean;
  #ended: (() => void)[] = [];
  #killed = false;
  status = taskStatus.created;
  /** 0 unless it runs. */
  pid = 0;
  exitStatus = notExited;
  exitedAt = 0;

  constructor(
    container: StandInContainer,
    execId: string,
    spec: OciProcess,
    terminal: boolean,
    streams: Partial<Record<keyof Stdio, Socket>>,
  ) {
    this.#container = container;
    this.#execId = execId;
    this.#spec = spec;
    this.#streams = streams;
    this.terminal = terminal;
  }

  async start(): Promise<number> {
    if (this.status !== taskStatus.created) {
      throw new AppError("FAILED_PRECONDITION", "exec is in invalid state for start");
    }
    this.#refuseUnknown();
    const argv = await this.#argv();
    const [file = "", ...args] = argv;
    const child = spawn(file, args, { stdio: "pipe" });
    this.status = taskStatus.running;
    this.#relay(child);
    child.once("exit", (code, signal) => {
      // What it left in the background may hold its streams for as long as it likes.
      const patience = setTimeout(() => child.stdout?.destroy(), 1000);
      child.once("close", () => {
        clearTimeout(patience);
        const status = code ?? 128 + constants.signals[signal ?? "SIGKILL"];
        // unshare(1) fails when its child was killed.
        this.#end(this.#killed ? 128 + sigkill : status);
      });
    });
    this.pid = await this.#realPid(child);
    return this.pid;
  }

  kill(signal: number): void {
    if (this.status === taskStatus.created) {
      this.#end(1);
      return;
    }
    if (this.status !== taskStatus.running) {
      throw new AppError("FAILED_PRECONDITION", "exec is in invalid state 'exited' for kill");
    }
    if (signal === sigkill) this.#killed = true;
    process.kill(this.pid, signal);
  }

  resize(width: number, height: number): void {
    const terminal = readlinkSync(`/proc/${this.pid}/fd/0`);
    execFileSync("stty", ["-F", terminal, "rows", String(height), "cols", String(width)]);
  }

  wait(): Promise<void> {
    if (this.status === taskStatus.stopped) return Promise.resolve();
    return new Promise((resolve) => this.#ended.push(resolve));
  }

  #end(exitStatus: number): void {
    if (this.status === taskStatus.stopped) return;
    for (const socket of Object.values(this.#streams)) socket.end();
    this.status = taskStatus.stopped;
    this.pid = 0;
    this.exitStatus = exitStatus;
    this.exitedAt = Date.now();
    for (const ended of this.#ended.splice(0)) ended();
  }

  #relay(child: ChildProcess): void {
    const { stdin, stdout, stderr } = this.#streams;
    if (stdin && child.stdin) stdin.pipe(child.stdin);
    else child.stdin?.end();
    child.stdin?.on("error", () => {});
    if (stdout) child.stdout?.pipe(stdout);
    if (stderr) child.stderr?.pipe(stderr);
    else child.stderr?.resume();
  }

  /** In the order in which Windows finds faults. */
  #refuseUnknown(): void {
    const [command = ""] = this.#spec.args;
    const paths = (this.#spec.env ?? []).find((entry) => entry.startsWith("PATH="))?.slice(5) ?? "";
    const places = command.includes("/") ? [""] : paths.split(":");
    if (places.some((place) => existsSync(join(this.#container.root, place, command)))) return;
    throw refused(
      `hcs::System::CreateProcess ${this.#container.id}: The system cannot find the file specified.`,
    );
  }

  /** Entered from outside to inside: namespaces, a terminal's session, root and user, directory, command. */
  async #argv(): Promise<string[]> {
    const { root } = this.#container;
    const { args, env = [], cwd, user } = this.#spec;
    const session = this.terminal ? ["setsid", "-c"] : [];
    const ids = await userIds(root, user.username);
    const inside = [
      ...session,
      ...["env", "-i", ...env, "/usr/sbin/chroot", ...ids, root],
      ...["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd === "C:\\" ? "/" : cwd, ...args],
    ];
    // Nothing outlives the shim, as Windows ends a container whose last handle is closed.
    const dies = ["setpriv", "--pdeathsig", "KILL"];
    const mounts = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec "$@"';
    const enter =
      this.#execId === ""
        ? [
            ...["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount"],
            ...["--propagation", "slave", "/bin/sh", "-c", mounts, root],
          ]
        : ["nsenter", "--target", String(this.#container.init.pid), "--pid", "--mount"];
    const argv = [...dies, ...enter, ...inside];
    if (!this.terminal) return argv;
    const { height = 24, width = 80 } = this.#spec.consoleSize ?? {};
    const command = `stty rows ${height} cols ${width}; exec ${argv.map(quote).join(" ")}`;
    return ["script", "--quiet", "--return", "--command", command, "/dev/null"];
  }

  /** The process that has the container's root, behind what has led it there. */
  async #realPid(child: ChildProcess): Promise<number> {
    const { pid: first = 0 } = child;
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) return first;
      const found = descendants(first).find((pid) => rootOf(pid).endsWith(this.#container.root));
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function userIds(root: string, username: string | undefined): Promise<string[]> {
  if (username === undefined) return [];
  try {
    const { uid, gid, additionalGids = [] } = await resolveUser(root, username, rootPrivileges);
    return [`--userspec=${uid}:${gid}`, `--groups=${[gid, ...additionalGids].join(",")}`];
  } catch (error) {
    if (!isCode(error, "INVALID_ARGUMENT")) throw error;
    throw refused("hcs::System::CreateProcess: The user name or password is incorrect. (0x52e)");
  }
}

/** All of them, parents first. */
export function descendants(pid: number): number[] {
  const found: number[] = [];
  collect(pid, found);
  return found;
}

function collect(parent: number, found: number[]): void {
  try {
    for (const task of readdirSync(`/proc/${parent}/task`)) {
      const children = readFileSync(`/proc/${parent}/task/${task}/children`, "utf8");
      for (const child of children.split(" ").filter(Boolean).map(Number)) {
        found.push(child);
        collect(child, found);
      }
    }
  } catch {
    // It has ended.
  }
}

function rootOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/root`);
  } catch {
    return "";
  }
}

function refused(words: string): AppError {
  return new AppError("UNKNOWN", words);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}
