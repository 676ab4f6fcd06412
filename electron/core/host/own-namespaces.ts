import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#shared/errors";
import { userNamespace } from "./privileges.ts";
import { parseStat } from "./proc.ts";

/** Milliseconds that making namespaces may take: tens of them as a rule. */
const startTime = 5000;
/** Milliseconds between looks at whether somebody still needs them. */
const lookTime = 15_000;

/**
 * One process that holds a user and a network namespace for all containers of a root, and waits. Interfaces can be
 * moved only between network namespaces of one user namespace, so an ordinary user's shims are all born in this one.
 * It waits for a word on a fifo that nobody writes to. A new network namespace may have its machine's settings: here
 * nothing is passed on, and no container is believed to be a router.
 */
const hold =
  'for file in ipv4/ip_forward ipv6/conf/default/accept_ra; do echo 0 >"/proc/sys/net/$file"; done 2>/dev/null; ' +
  'ip link set lo up; mount --bind "$1/resolv.conf" /etc/resolv.conf; ' +
  'rm -f "$1/hold" && mkfifo -m 600 "$1/hold" && exec <>"$1/hold" && echo $$ >"$1/pid.new" && ' +
  'mv "$1/pid.new" "$1/pid" && exec >/dev/null 2>&1 && read -r word';

/**
 * The namespaces that the containers of one root share when an ordinary user has it. They are there from the first
 * shim on, without us too, until nobody is in them: we look at that from time to time, when we are asked to, and
 * after the next start.
 */
export class OwnNamespaces {
  readonly #directory: string;
  readonly #nameserver: string;
  readonly #onEnd: () => Promise<void>;
  #holding: Promise<number> | undefined;
  #ending: Promise<boolean> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastHeld = 0;

  /** `nameserver` is whom programs in them ask for names; `onEnd` is called whenever nobody holds them any more. */
  constructor(
    directory: string,
    { nameserver, onEnd }: { nameserver: string; onEnd: () => Promise<void> },
  ) {
    this.#directory = directory;
    this.#nameserver = nameserver;
    this.#onEnd = onEnd;
  }

  /** The process that holds them, which is started where there is none. */
  hold(): Promise<number> {
    this.#lastHeld = Date.now();
    this.#holding ??= this.#hold().finally(() => {
      this.#holding = undefined;
    });
    return this.#holding;
  }

  /** undefined when nobody holds them. */
  pid(): number | undefined {
    const pid = Number.parseInt(read(join(this.#directory, "pid")), 10);
    if (!(pid > 0)) return undefined;
    // A pid may be another's by now: ours has the directory among its arguments.
    return read(`/proc/${pid}/cmdline`).split("\0").includes(this.#directory) ? pid : undefined;
  }

  /** argv that runs `argv` where `pid`, who holds them, is. */
  enter(pid: number, argv: string[]): string[] {
    const into = ["--user", "--net", "--mount", "--preserve-credentials"];
    return ["nsenter", "--target", String(pid), ...into, ...argv];
  }

  /**
   * Ends who holds them, and whoever is in their network namespace, when no shim and no container is in the user
   * namespace any more. False when somebody is.
   */
  endUnused(): Promise<boolean> {
    this.#ending ??= this.#endUnused().finally(() => {
      this.#ending = undefined;
    });
    return this.#ending;
  }

  async #endUnused(): Promise<boolean> {
    await this.#holding?.catch(() => undefined);
    const pid = this.pid();
    if (pid !== undefined) await this.#remember(pid);
    const net = pid === undefined ? undefined : namespaceOf(pid, "net");
    const inside = this.#residents();
    if (inside.some((one) => one.net !== net && !one.isOurs)) return false;
    for (const one of inside) if (one.net === net) endProcess(one.pid);
    const until = Date.now() + startTime;
    while (this.pid() !== undefined && Date.now() < until) await delay(2);
    // Without its directory nobody would find it again.
    if (this.pid() !== undefined) return false;
    await this.#onEnd();
    await rm(this.#directory, { recursive: true, force: true });
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return true;
  }

  /** Not with the start alone: who began it may have been killed before. */
  async #remember(pid: number): Promise<void> {
    const path = join(this.#directory, "user");
    const made = [read(bootFile), namespaceOf(pid, "user"), "\n", read(`/proc/${pid}/uid_map`)];
    const text = made.join("");
    if (read(path) !== text) await writeFile(path, text);
  }

  /** Who is in the user namespace that they were made with. */
  #residents(): Resident[] {
    const [boot, user = "", ...map] = read(join(this.#directory, "user")).split("\n");
    return boot === read(bootFile).trim() ? residents(user, map.join("\n")) : [];
  }

  async #hold(): Promise<number> {
    // Its last step removes the directory: what was made there meanwhile would be lost.
    await this.#ending?.catch(() => undefined);
    const pid = this.pid() ?? (await this.#start());
    await this.#remember(pid);
    this.#lookLater();
    return pid;
  }

  /** In the user namespace of containers that run, where who held it was killed: they can't leave it. */
  async #start(): Promise<number> {
    const directory = this.#directory;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await rm(join(directory, "pid"), { force: true });
    await writeFile(join(directory, "resolv.conf"), `nameserver ${this.#nameserver}\n`);
    const [resident] = this.#residents();
    const into = ["--user", "--preserve-credentials"];
    const enter = resident
      ? ["nsenter", "--target", String(resident.pid), ...into, "unshare"]
      : userNamespace;
    const isolated = [...enter, "--net", "--mount", "--propagation", "slave"];
    const [file, ...args] = [...isolated, "sh", "-c", hold, "sh", directory];
    const child = spawn(file, args, {
      ...{ cwd: "/", detached: true, stdio: ["ignore", "ignore", "pipe"] },
    });
    let said = "";
    let ended = false;
    child.on("error", (error) => ((said += error.message), (ended = true)));
    child.on("exit", () => (ended = true));
    child.stderr.on("data", (chunk) => (said += String(chunk)));
    const until = Date.now() + startTime;
    let pid = this.pid();
    while (pid === undefined && !ended && Date.now() < until) {
      await delay(2);
      pid = this.pid();
    }
    child.unref();
    child.stderr.destroy();
    if (pid === undefined) {
      child.kill("SIGKILL");
      throw new AppError("FAILED_PRECONDITION", "No namespaces could be made for containers", {
        ...{ output: said, hint: "The System page says what this machine lacks for them." },
      });
    }
    return pid;
  }

  #lookLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const look = async (): Promise<void> => {
        // Whoever asked for them a moment ago is on the way into them.
        const isNew = Date.now() - this.#lastHeld < lookTime;
        if (isNew || !(await this.endUnused())) this.#lookLater();
      };
      look().catch(() => this.#lookLater());
    }, lookTime).unref();
  }
}

/** Names this boot, in a line. */
const bootFile = "/proc/sys/kernel/random/boot_id";

interface Resident {
  pid: number;
  net: string;
  /**
   * This process or one of its children started it: no shim yet, which have left it, but may wait to become one. A shim
   * that waits with its runtime has left it, too, and keeps the namespaces for as long as it waits.
   */
  isOurs: boolean;
}

/**
 * Who is in a user namespace with these ids, as far as this user may know: its number alone may be another's by now.
 * What has ended and waits to be reaped is in none.
 */
function residents(user: string, map: string): Resident[] {
  if (user === "") return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && namespaceOf(pid, "user") === user)
    .filter((pid) => read(`/proc/${pid}/uid_map`) === map)
    .map((pid) => {
      const parent = parentOf(pid);
      const isOurs = parent === process.pid || parentOf(parent) === process.pid;
      return { pid, net: namespaceOf(pid, "net"), isOurs };
    })
    .filter(({ net }) => net !== "");
}

/** 0 when it has ended. */
function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return stat === "" ? 0 : parseStat(stat).ppid;
}

/** `user:[4026531837]`; empty when it has ended or is not to be looked at. */
function namespaceOf(pid: number, kind: "user" | "net"): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It has ended.
  }
}
