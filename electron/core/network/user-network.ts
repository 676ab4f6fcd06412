import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#shared/errors";
import { commandError, runCommand } from "../host/command.ts";
import { processStat } from "../host/proc.ts";
import type { Connection, PublishedPort } from "./network-store.ts";
import { isEvery } from "./ports.ts";

/** The name server a container asks; pasta hands the questions to the machine's own. podman's choice, too. */
export const nameserver = "169.254.1.1";

/** Milliseconds within which a killed pasta is gone. */
const endTime = 3000;

/**
 * An ordinary user's way out: per container one pasta(1), which carries packets between the container's network
 * namespace and sockets of the user's own, published ports too. It goes to the background by itself and on without
 * us, as a shim does; its pid file tells which one is whose.
 */
export class UserNetwork {
  readonly #directory: string;

  /** `directory` holds the pid files. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  readonly nameservers = [nameserver];

  /** As `join`, unless that is done already for this process. */
  async keep(connection: Carried, pid: number): Promise<void> {
    const file = this.#pidFile(connection.id);
    const carrier = await this.#pid(file);
    if (carrier !== undefined && (await argsOf(carrier)).includes(String(pid))) return;
    await this.leave(connection.id);
    await this.join(connection, pid);
  }

  /** Whether its packets are carried already. */
  async carries(id: string): Promise<boolean> {
    return (await this.#pid(this.#pidFile(id))) !== undefined;
  }

  /** `held`: that process only waits in the network namespace, which goes on without it. */
  async join({ id, ports }: Carried, pid: number, { held = false } = {}): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const start = (offline: boolean) =>
      runCommand(pastaArgs(ports, this.#pidFile(id), pid, { held, offline }));
    // It answers once its ports are bound and the interface is there.
    let result = await start(false);
    if (result.code !== 0 && /external interface not usable/i.test(ownWords(result.stderr))) {
      result = await start(true);
    }
    if (result.code === 0) return;
    const stderr = Buffer.from(ownWords(result.stderr));
    const error = commandError("pasta", { ...result, stderr });
    throw AppError.wrap(error, "It could not be connected to the network");
  }

  /** Ends what carries a container's packets. Idempotent. */
  async leave(id: string): Promise<void> {
    const file = this.#pidFile(id);
    const pid = await this.#pid(file);
    if (pid !== undefined) {
      process.kill(pid, "SIGTERM");
      const until = Date.now() + endTime;
      // Its arguments are gone sooner than its sockets are closed.
      while (Date.now() < until && (await processStat(pid)) !== undefined) await delay(2);
    }
    await rm(file, { force: true });
  }

  /** Ends those of containers that are not connected: what a killed manager left. */
  async settle(connected: string[]): Promise<void> {
    const files = await readdir(this.#directory).catch(() => []);
    const ids = files.map((name) => name.replace(/\.pid$/, ""));
    await Promise.all(ids.filter((id) => !connected.includes(id)).map((id) => this.leave(id)));
  }

  #pidFile(id: string): string {
    return join(this.#directory, `${id}.pid`);
  }

  /** A pid may be another's by now: ours has the file among its arguments. */
  async #pid(file: string): Promise<number | undefined> {
    const pid = Number.parseInt(await readFile(file, "utf8").catch(() => ""), 10);
    if (!(pid > 0)) return undefined;
    return (await argsOf(pid)).includes(file) ? pid : undefined;
  }
}

/** Whose packets are carried, and the ports that lead to it. */
type Carried = Pick<Connection, "id" | "ports">;

const argsOf = async (pid: number): Promise<string[]> =>
  (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0").filter(Boolean);

/**
 * pasta takes the container's address from the interface that has the default route. On a machine without one it is told
 * this address, which newer ones (2024_11_27) choose by themselves then. It carries packets by sockets, so published
 * ports work, what can be reached is reached, and all else is from when the machine has a way out.
 */
const offlineArgs = [
  ...["--ipv4-only", "--interface", "lo", "--mac-addr", "9a:55:9a:55:9a:55"],
  ...["--address", "169.254.2.1", "--netmask", "16", "--gateway", "169.254.2.2"],
];

/**
 * Nothing is forwarded but what is published: pasta's own default would be every port that something listens on. Since
 * 2024 it ends with the process whose namespace it was given, unless told not to: `held`.
 */
export function pastaArgs(
  ports: PublishedPort[],
  pidFile: string,
  pid: number,
  { held = false, offline = false } = {},
): string[] {
  const publish = ports.flatMap(({ hostIp, hostPort, containerPort, protocol }) => {
    const at = isEvery(hostIp) ? "" : `${hostIp}/`;
    return [protocol === "tcp" ? "-t" : "-u", `${at}${hostPort}:${containerPort}`];
  });
  const without = (["tcp", "udp"] as const)
    .filter((protocol) => !ports.some((port) => port.protocol === protocol))
    .flatMap((protocol) => [protocol === "tcp" ? "-t" : "-u", "none"]);
  return [
    ...["pasta", "--config-net", "--quiet", "--pid", pidFile],
    // Beside those of its networks, and not called as one of them may be.
    ...["-T", "none", "-U", "none", "--ns-ifname", "out0", "--dns-forward", nameserver],
    ...publish,
    ...without,
    ...(offline ? offlineArgs : []),
    ...(held ? ["--no-netns-quit"] : []),
    String(pid),
  ];
}

/** Without what it says about a machine that has no syslog. */
function ownWords(stderr: Buffer): string {
  return stderr
    .toString("utf8")
    .split("\n")
    .filter((line) => !line.startsWith("Failed to send"))
    .join("\n");
}
