import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { AppError } from "#shared/errors";
import { commandError, runCommand } from "../host/command.ts";
import type { Ground } from "./ground.ts";
import type { HeldNamespace } from "./held-namespace.ts";
import { ipError } from "./ip-error.ts";
import type { Endpoint, NetworkRecord } from "./network-store.ts";

/**
 * Bridges and veth pairs, by iproute2: one `ip -batch` sets up a container's end in 6 ms, where netavark takes 70
 * and a CNI bridge 40. The container's network namespace is its own, never a mount of ours: with its last process
 * the kernel removes it, and both ends of the pair with it.
 */
async function ip(lines: string[], enter: (argv: string[]) => string[]): Promise<void> {
  if (lines.length === 0) return;
  const stdin = Buffer.from(`${lines.join("\n")}\n`);
  const { code, stderr } = await runCommand(enter(["ip", "-batch", "-"]), { stdin });
  if (code !== 0) throw ipError(stderr.toString("utf8"), code);
}

const prefix = (subnet: string): string => subnet.slice(subnet.indexOf("/"));

/** The interfaces of a network namespace. sysfs would tell those of the one that it was mounted in. */
export function linkNames({ proc }: Pick<Ground, "proc">): string[] {
  return [...readFileSync(`${proc}/net/dev`, "utf8").matchAll(/^\s*([^\s:|]+):/gm)].map(
    (match) => match[1] as string,
  );
}

/** Makes a network's bridge, with the gateway's addresses on it. Nothing of it stays when that fails. */
export async function makeBridge(ground: Ground, network: NetworkRecord): Promise<void> {
  const { bridge, subnet, gateway, subnet6, gateway6 } = network;
  try {
    const lines = [
      // An address of its own: else it would change with those of the containers.
      `link add name ${bridge} address ${bridgeMac(bridge)} type bridge`,
      `addr add ${gateway}${prefix(subnet)} dev ${bridge}`,
      ...(subnet6 && gateway6
        ? [`addr add ${gateway6}${prefix(subnet6)} dev ${bridge} nodad`]
        : []),
      `link set ${bridge} up`,
    ];
    await ip(lines, ground.enter);
    if (ground.isMachine) await setUpBridge(network);
  } catch (error) {
    await removeLinks(ground, [bridge]);
    throw AppError.wrap(error, `Network "${network.name}" could not be set up`);
  }
}

/** What the kernel is told of a bridge of this machine that is there. Idempotent. */
export async function setUpBridge({ bridge, subnet6, internal }: NetworkRecord): Promise<void> {
  // A port published on 127.0.0.1 leads from there to a container; ruleset.ts keeps everyone else off.
  await sysctl(`ipv4/conf/${bridge}/route_localnet`, "1");
  if (subnet6 === undefined) await sysctl(`ipv6/conf/${bridge}/disable_ipv6`, "1");
  else await sysctl(`ipv6/conf/${bridge}/accept_ra`, "0");
  if (!internal) await allowForwarding(subnet6 !== undefined);
}

/**
 * Lets the machine pass on packets, as every container manager does. It stays so when the last network goes:
 * others may have come to rely on it.
 */
async function allowForwarding(ipv6: boolean): Promise<void> {
  await sysctl("ipv4/ip_forward", "1");
  if (!ipv6) return;
  // A router ignores other routers' announcements unless told to go on (ip-sysctl.rst, accept_ra).
  const routes = await readFile("/proc/net/ipv6_route", "utf8").catch(() => "");
  for (const [, out] of routes.matchAll(/^0{32} 00 .* (\S+)$/gm)) {
    if ((await readSysctl(`ipv6/conf/${out}/accept_ra`)) === "1") {
      await sysctl(`ipv6/conf/${out}/accept_ra`, "2");
    }
  }
  await sysctl("ipv6/conf/all/forwarding", "1");
}

const readSysctl = (name: string): Promise<string> =>
  readFile(`/proc/sys/net/${name}`, "utf8").then(
    (text) => text.trim(),
    () => "",
  );

async function sysctl(name: string, value: string): Promise<void> {
  if ((await readSysctl(name)) === value) return;
  try {
    await writeFile(`/proc/sys/net/${name}`, value);
  } catch (error) {
    // A kernel without IPv6 has none to switch off.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && name.startsWith("ipv6/")) return;
    throw AppError.wrap(error, `net.${name.replaceAll("/", ".")} could not be set`);
  }
}

/** Locally administered, and always the same for a bridge's name, which ends in hexadecimal digits. */
function bridgeMac(bridge: string): string {
  const digits = bridge
    .replaceAll(/[^0-9a-f]/g, "")
    .slice(-8)
    .padStart(8, "0");
  return ["02", "53", ...(digits.match(/../g) ?? [])].join(":");
}

/** What a container has of a network. */
export interface End {
  endpoint: Endpoint;
  network: NetworkRecord;
  isWayOut: boolean;
}

/** One end into the bridge, the other into the network namespace of a process, with addresses and a way out. */
export async function connectProcess(ground: Ground, pid: number, ends: End[]): Promise<void> {
  await makePairs(ground, pid, ends);
  await ip(["link set lo up", ...inside(ends)], (argv) => ground.into(pid, argv));
}

/** As connectProcess, where somebody is in the namespace already who does it. */
export async function fillNamespace(
  ground: Ground,
  namespace: HeldNamespace,
  ends: End[],
): Promise<void> {
  await makePairs(ground, namespace.pid, ends);
  await namespace.run(inside(ends));
}

async function makePairs(ground: Ground, pid: number, ends: End[]): Promise<void> {
  await ip(
    ends.flatMap(({ endpoint, network }) => [
      `link add name ${endpoint.veth} master ${network.bridge} up type veth peer name ${endpoint.interface} netns ${pid} address ${endpoint.mac}`,
      // So that a container reaches itself by a port that it publishes.
      `link set ${endpoint.veth} type bridge_slave hairpin on`,
    ]),
    ground.enter,
  );
}

const inside = (ends: End[]): string[] =>
  ends.flatMap(({ endpoint, network, isWayOut }) => {
    const { interface: name, ip4, ip6 } = endpoint;
    const { subnet, subnet6 } = network;
    return [
      `addr add ${ip4}${prefix(subnet)} dev ${name}`,
      ...(ip6 && subnet6 ? [`addr add ${ip6}${prefix(subnet6)} dev ${name} nodad`] : []),
      `link set ${name} up`,
      ...(isWayOut ? defaultRoutes(network) : []),
    ];
  });

/** Makes a network the way out of a process's network namespace. */
export async function routeProcess(
  ground: Ground,
  pid: number,
  network: NetworkRecord,
): Promise<void> {
  await ip(defaultRoutes(network), (argv) => ground.into(pid, argv));
}

const defaultRoutes = ({ gateway, gateway6 }: NetworkRecord): string[] => [
  `route replace default via ${gateway}`,
  ...(gateway6 ? [`route replace ::/0 via ${gateway6}`] : []),
];

/** Removes interfaces, the other ends of pairs too. One that is gone is no error. */
export async function removeLinks(ground: Ground, names: string[]): Promise<void> {
  if (names.length === 0) return;
  const lines = names.map((name) => `link del ${name}`).join("\n");
  const argv = ground.enter(["ip", "-force", "-batch", "-"]);
  const result = await runCommand(argv, { stdin: Buffer.from(`${lines}\n`) });
  const words = result.stderr.toString("utf8").split("\n");
  const wrong = words.find((line) => line && !/Cannot find device|^Command failed/.test(line));
  if (result.code !== 0 && wrong) throw commandError("ip", result);
}
