import { isCode } from "#shared/errors";
import { runCommand } from "../host/command.ts";
import type { Forward } from "./ruleset.ts";

/** Bytes of a list: some hundred thousand connections. */
const maxList = 64 * 1024 * 1024;

/**
 * Has the kernel forget where it led UDP by ports of this machine that lead elsewhere now. It remembers for as long as
 * packets come, and its rules are only asked about what is new: who has sent to a port before its container was there,
 * or to the one that had it before, would reach nobody. TCP begins anew by itself. Nothing happens where conntrack(8) is
 * not installed.
 */
export async function forgetUdp(forwards: readonly Forward[]): Promise<void> {
  for (const [family, isIts] of [
    ["ipv4", (to: string) => !to.includes(":")],
    ["ipv6", (to: string) => to.includes(":")],
  ] as const) {
    const ports = forwards
      .filter(({ port, to }) => port.protocol === "udp" && isIts(to))
      .map(({ port }) => port.hostPort);
    if (ports.length > 0) await forget(family, new Set(ports));
  }
}

async function forget(family: string, ports: ReadonlySet<number>): Promise<void> {
  const common = ["--family", family, "--proto", "udp"];
  try {
    const argv = ["conntrack", "--dump", ...common];
    const { stdout } = await runCommand(argv, { maxOutput: maxList });
    for (const port of destinations(stdout.toString("latin1"))) {
      if (!ports.has(port)) continue;
      // Its exit code says no more than that one was gone by itself.
      await runCommand(["conntrack", "--delete", ...common, "--orig-port-dst", String(port)]);
    }
  } catch (error) {
    if (!isCode(error, "NOT_FOUND")) throw error;
  }
}

/** The ports that were sent to, of a list as conntrack(8) has it: of each line the first is that of the request. */
export function destinations(list: string): Set<number> {
  const ports = new Set<number>();
  for (const [, port] of list.matchAll(/^udp .*? dport=(\d+) /gm)) ports.add(Number(port));
  return ports;
}
