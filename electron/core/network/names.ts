import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Ground } from "./ground.ts";
import type { Connection, NetworkRecord } from "./network-store.ts";

/** Debian's and Fedora's places of podman's helpers. */
export const aardvarkPlaces = ["/usr/lib/podman/aardvark-dns", "/usr/libexec/podman/aardvark-dns"];

/** Milliseconds: it answers within one as a rule. */
const startTime = 3000;

/**
 * Names between containers: aardvark-dns, one process for all networks of a manager, which answers on each bridge's
 * address and goes on without us. It reads a file per network (its `config` module): the addresses to listen on,
 * then a line a container; SIGHUP makes it read them again.
 */
export class Names {
  readonly #program: string | undefined;
  readonly #directory: string;
  #applied: string | undefined;

  /** `program` undefined: containers find each other by address only. */
  constructor(program: string | undefined, directory: string) {
    this.#program = program;
    this.#directory = directory;
  }

  get available(): boolean {
    return this.#program !== undefined;
  }

  /** Makes what it knows be what is connected. The bridges have to be there. */
  async apply(
    ground: Pick<Ground, "enter">,
    networks: NetworkRecord[],
    connections: Connection[],
  ): Promise<void> {
    if (this.#program === undefined) return;
    const files = new Map(
      networks.map((network) => [network.bridge, configFile(network, connections)]),
    );
    const wanted = JSON.stringify([...files]);
    const pid = await this.#runningPid();
    if (wanted === this.#applied && (pid !== undefined || files.size === 0)) return;
    if (files.size === 0) {
      if (pid !== undefined) await this.#end(pid);
      await rm(this.#directory, { recursive: true, force: true });
    } else {
      await this.#write(files);
      if (pid === undefined) await this.#start(ground, this.#program);
      else process.kill(pid, "SIGHUP");
    }
    this.#applied = wanted;
  }

  /** Has it read again whom this machine asks, which it does only when it is told to. */
  async reread(): Promise<void> {
    const pid = await this.#runningPid();
    if (pid !== undefined) process.kill(pid, "SIGHUP");
  }

  async #write(files: Map<string, string>): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#directory)) {
      if (!files.has(name) && name !== "aardvark.pid") await rm(join(this.#directory, name));
    }
    for (const [name, text] of files) await writeFile(join(this.#directory, name), text);
  }

  /** Resolves when it has written its pid; newer versions go to the background by themselves, older ones don't. */
  async #start(ground: Pick<Ground, "enter">, program: string): Promise<void> {
    await rm(join(this.#directory, "aardvark.pid"), { force: true });
    const run = [program, "--config", this.#directory, "--port", "53", "run"];
    const [file = "", ...args] = ground.enter(run);
    const child = spawn(file, args, { cwd: "/", detached: true, stdio: "ignore" });
    // Without it containers still have their network, and are asked for by address.
    child.on("error", () => {});
    child.unref();
    const until = Date.now() + startTime;
    while (Date.now() < until && (await this.#runningPid()) === undefined) await delay(2);
  }

  async #end(pid: number): Promise<void> {
    process.kill(pid, "SIGTERM");
    const until = Date.now() + startTime;
    while (Date.now() < until && (await this.#runningPid()) !== undefined) await delay(5);
  }

  /** A pid may be another's by now: ours has the directory among its arguments. */
  async #runningPid(): Promise<number | undefined> {
    const text = await readFile(join(this.#directory, "aardvark.pid"), "utf8").catch(() => "");
    const pid = Number.parseInt(text, 10);
    if (!(pid > 0)) return undefined;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return line.split("\0").includes(this.#directory) ? pid : undefined;
  }
}

/**
 * The name servers that a container is to have asked, instead of the machine's, for what is no name of its networks.
 * Undefined when it has to ask them by itself: its loopback is its own.
 */
export function forwarders({ dns }: Pick<Connection, "dns">): string[] | undefined {
  const { servers = [] } = dns ?? {};
  return servers.some((address) => /^(127\.|::1$)/.test(address)) ? undefined : servers;
}

/** aardvark-dns: `LISTEN,...` and lines `ID IPV4,... IPV6,... NAME,... SERVER,...`, the last of which may be absent. */
export function configFile(network: NetworkRecord, connections: Connection[]): string {
  const lines = connections.flatMap((connection) => {
    const endpoint = connection.endpoints.find((one) => one.network === network.name);
    if (!endpoint) return [];
    // Names are told apart without regard to case: it asks for them in lower case.
    const lower = [...connection.names, ...endpoint.aliases].map((name) => name.toLowerCase());
    // A host name may be anything; one that would be taken for more than a name is not asked for.
    const names = [...new Set(lower)].filter((name) => /^[^\s,]+$/.test(name));
    const servers = forwarders(connection) ?? [];
    const fields = [connection.id, endpoint.ip4, endpoint.ip6 ?? "", names.join(",")];
    return [[...fields, ...(servers.length > 0 ? [servers.join(",")] : [])].join(" ")];
  });
  const listen = [network.gateway, ...(network.gateway6 ? [network.gateway6] : [])];
  return `${[listen.join(","), ...lines].join("\n")}\n`;
}
