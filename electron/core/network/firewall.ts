import { AppError, isCode } from "#shared/errors";
import { commandError, mustRun, runCommand } from "../host/command.ts";

/** As a shell has it, of a program that the kernel ended for a bad access to memory: 128 + SIGSEGV. */
const crashed = 139;

/** Replaces a manager's table (ruleset.ts), or with no text removes it. */
export async function applyRuleset(table: string, text: string | undefined): Promise<void> {
  // `add` first: deleting what is not there is an error.
  const script = text ?? `add table inet ${table}\ndelete table inet ${table}\n`;
  const result = await runCommand(["nft", "-f", "-"], { stdin: Buffer.from(script) });
  if (result.code === 0) return;
  const error = commandError("nft", result);
  if (result.code !== crashed) throw error;
  // 1.0.6, which reads all rules before it writes its own, does so over sets that newer ones have made.
  throw AppError.wrap(error, "nft crashed", {
    hint: "It may be older than another program that has made rules on this machine, in a container say: upgrade nftables, or end that program and remove its tables.",
  });
}

/** False when that table is not there, or not as it was made. */
export async function redirect(script: string): Promise<boolean> {
  return (await runCommand(["nft", "-f", "-"], { stdin: Buffer.from(script) })).code === 0;
}

export const tableName = (rootMark: string): string => `shimyard_${rootMark}`;

/**
 * Asks the firewalls that others keep to let a bridge's packets through. Where their chains say no (docker sets the
 * FORWARD policy to DROP, ufw that of INPUT too), our table's yes does not count: the kernel asks every table. What
 * may pass between networks is decided in our own, so these only step aside.
 */
export async function admitBridge(bridge: string): Promise<void> {
  await Promise.all([admitByIptables(bridge), admitByFirewalld(bridge)]);
}

export async function dismissBridge(bridge: string): Promise<void> {
  await Promise.all([
    ...["iptables", "ip6tables"].map((tool) => dismissByIptables(tool, bridge)),
    firewalld(["--zone=trusted", `--remove-interface=${bridge}`]),
  ]);
}

async function admitByIptables(bridge: string): Promise<void> {
  for (const tool of ["iptables", "ip6tables"]) {
    const lines = admitting(await filterRules(tool), bridge);
    if (lines.length > 0) await restore(tool, lines);
  }
}

/** What has to be added to the rules of a filter, as `iptables -S` lists them, for a bridge that they stop. */
export function admitting(rules: string, bridge: string): string[] {
  const isStopped = (chain: string): boolean =>
    rules.split("\n").includes(`-P ${chain} DROP`) &&
    !rules
      .split("\n")
      .some((line) => line.startsWith(`-A ${chain} `) && line.split(" ").includes(bridge));
  return [
    ...(isStopped("FORWARD")
      ? ["-i", "-o"].map((way) => `-I FORWARD 1 ${way} ${bridge} -j ACCEPT`)
      : []),
    // Names are asked of the bridge's address.
    ...(isStopped("INPUT")
      ? ["udp", "tcp"].map(
          (protocol) => `-I INPUT 1 -i ${bridge} -p ${protocol} --dport 53 -j ACCEPT`,
        )
      : []),
  ];
}

async function dismissByIptables(tool: string, bridge: string): Promise<void> {
  const ours = (await filterRules(tool))
    .split("\n")
    .filter((line) => line.split(" ").includes(bridge) && line.startsWith("-A "));
  if (ours.length > 0)
    await restore(
      tool,
      ours.map((line) => line.replace(/^-A/, "-D")),
    );
}

/** Empty where there is no such tool or table. Listing makes none. */
async function filterRules(tool: string): Promise<string> {
  try {
    const { code, stdout } = await runCommand([tool, "-S"], { maxOutput: 4 * 1024 * 1024 });
    return code === 0 ? stdout.toString("utf8") : "";
  } catch (error) {
    if (isCode(error, "NOT_FOUND")) return "";
    throw error;
  }
}

async function restore(tool: string, lines: string[]): Promise<void> {
  const stdin = Buffer.from(["*filter", ...lines, "COMMIT", ""].join("\n"));
  try {
    await mustRun([`${tool}-restore`, "--wait", "5", "--noflush"], { stdin });
  } catch (error) {
    throw AppError.wrap(error, "The machine's firewall could not be changed");
  }
}

async function admitByFirewalld(bridge: string): Promise<void> {
  await firewalld(["--zone=trusted", `--add-interface=${bridge}`]);
}

/** Nothing happens where firewalld is not installed or does not run: its tool says so by its exit code. */
async function firewalld(args: string[]): Promise<void> {
  await runCommand(["firewall-cmd", "--quiet", ...args]).catch((error: unknown) => {
    if (!isCode(error, "NOT_FOUND")) throw error;
  });
}
