import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Firewall } from "#shared/contract/system";
import { runCommand } from "./command.ts";
import { firstExecutable } from "./prerequisites-tools.ts";
import { thisHost } from "./this-host.ts";

/** Milliseconds: firewalld answers over D-Bus. */
const patience = 5000;

/**
 * The firewalls that others keep on this machine and that are at work now, with what they ask of who publishes ports.
 * What root's networks do about them by themselves is in network/firewall.ts.
 */
export async function findFirewalls(
  rootless: boolean,
  { root = "/", signal }: { root?: string; signal?: AbortSignal } = {},
): Promise<Firewall[]> {
  const [ufw, firewalld] = await Promise.all([isUfwEnabled(root), isFirewalldRunning(signal)]);
  return [
    ...(ufw
      ? [{ name: "ufw" as const, note: rootless ? open("sudo ufw allow 8080") : ufwNote }]
      : []),
    ...(firewalld
      ? [
          {
            name: "firewalld" as const,
            note: rootless ? open("sudo firewall-cmd --add-port=8080/tcp") : firewalldNote,
          },
        ]
      : []),
  ];
}

const open = (command: string): string =>
  `Ports that containers publish are reached from other machines when it lets them through: ${command}`;

const passes =
  "The bridges of containers are let through, and published ports are reached from other machines whatever its own rules say.";
const ufwNote = `${passes} One that was enabled while containers ran lets them through when they were stopped and started again.`;
const firewalldNote = `${passes} A reload of firewalld takes that back, until the containers of a network were stopped and started again.`;

/** ufw(8): what it asks root for can be read by everyone here. */
async function isUfwEnabled(root: string): Promise<boolean> {
  const text = await readFile(join(root, "etc/ufw/ufw.conf"), "utf8").catch(() => "");
  return /^\s*ENABLED=["']?yes\b/im.test(text);
}

async function isFirewalldRunning(signal: AbortSignal | undefined): Promise<boolean> {
  const tool = await firstExecutable(["firewall-cmd"], thisHost());
  if (tool === undefined) return false;
  const { code } = await runCommand([tool, "--state"], {
    timeout: patience,
    ...(signal ? { signal } : {}),
  }).catch(() => ({ code: 1 }));
  return code === 0;
}
