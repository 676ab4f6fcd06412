import { access, constants } from "node:fs/promises";
import type { NetworkAbilities } from "#shared/contract/networks";
import type { Ability } from "#shared/contract/system";
import { runCommand } from "../host/command.ts";
import { thisHost } from "../host/this-host.ts";
import { firstExecutable } from "../host/prerequisites-tools.ts";
import { aardvarkPlaces } from "./names.ts";

/** Looked for at each start of the manager: installing them is what the System page suggests. */
export async function findNetworkAbilities(
  rootless: boolean,
): Promise<{ abilities: NetworkAbilities; aardvark: string | undefined; oldPasta: boolean }> {
  const host = thisHost();
  const missing = async (commands: string[]): Promise<string | undefined> => {
    for (const command of commands) if (!(await firstExecutable([command], host))) return command;
    return undefined;
  };
  const lacks = await missing(["ip", "nsenter", ...(rootless ? [] : ["nft"])]);
  const bridges = lacks ? no(`${lacks} is not installed`) : { ok: true };
  const aardvark = await firstExecutable(aardvarkPlaces, host);
  const names = aardvark ? bridges : no("aardvark-dns is not installed");
  if (rootless) {
    const ports = (await missing(["pasta"]))
      ? no("pasta is not installed")
      : await access("/dev/net/tun", constants.R_OK | constants.W_OK).then(
          () => ({ ok: true }),
          () => no("This user can't open /dev/net/tun"),
        );
    const oldPasta = ports.ok && (await isOldPasta());
    return { abilities: { bridges, names, ports }, aardvark, oldPasta };
  }
  return { abilities: { bridges, ports: bridges, names }, aardvark, oldPasta: false };
}

/**
 * Debian 12's of March 2023, which names no version, loses answers by UDP to 127.0.0.1 where a port is published under
 * another number. Later ones are called by their date, as `pasta 0.0~git20240220` or `pasta 2025_01_21`.
 */
async function isOldPasta(): Promise<boolean> {
  const { stdout } = await runCommand(["pasta", "--version"]);
  const year = /\b(?:0\.0~git)?(20\d\d)/.exec(stdout.toString("utf8"))?.[1];
  return year === undefined || Number(year) < 2024;
}

const no = (reason: string): Ability => ({ ok: false, reason });
