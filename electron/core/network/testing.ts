import { readdir, readFile } from "node:fs/promises";
import { machine } from "./ground.ts";
import { linkNames } from "./links.ts";
import { runCommand } from "../host/command.ts";

/**
 * What a network manager could leave on this machine, each as a line: interfaces, rules, helpers. `mine` tells what
 * belongs to a root from what other tests do meanwhile.
 */
export async function networkTraces(root: string, mine: string): Promise<string[]> {
  const links = linkNames(machine).filter((name) => name.includes(mine));
  const rules = await words(["nft", "list", "ruleset"]);
  const filter = await words(["iptables", "-S"]);
  return [
    ...links.map((name) => `link ${name}`),
    ...(await readdir("/run/shimyard-ports").catch(() => []))
      .filter((name) => name.includes(mine))
      .map((name) => `ports ${name}`),
    ...`${rules}\n${filter}`
      .split("\n")
      .filter((line) => line.includes(mine))
      .map((line) => `rule ${line.trim()}`),
    ...(await helpers(root)),
  ];
}

/** Processes that name a root in their arguments and are no shims; an ordinary user's namespaces are held by a shell. */
async function helpers(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (/^(?:\S*\/)?(?:aardvark-dns|pasta|sh\0-c)/.test(line) && line.includes(root)) {
      found.push(`process ${pid} ${line.replaceAll("\0", " ")}`);
    }
  }
  return found;
}

async function words(argv: string[]): Promise<string> {
  const { stdout } = await runCommand(argv, { maxOutput: 16 * 1024 * 1024 });
  return stdout.toString("utf8");
}
