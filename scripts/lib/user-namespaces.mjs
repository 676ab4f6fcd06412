import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./exec.mjs";

/** sysctls that keep ordinary users from making user namespaces. The last is Ubuntu's, since 24.04. */
const switches = [
  { name: "user.max_user_namespaces", forbids: "0", allows: "15000" },
  { name: "kernel.unprivileged_userns_clone", forbids: "0", allows: "1" },
  { name: "kernel.apparmor_restrict_unprivileged_userns", forbids: "1", allows: "0" },
];

/** Something is mounted in one: AppArmor may let it be made, and then forbid everything in it. */
const attempt = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];

/**
 * Why Electron can't be run by this user: Chromium, which would only abort, needs user namespaces for its sandbox, or a
 * helper that belongs to root.
 * @param {string} dist the directory that holds the binary `electron`
 * @returns {Promise<string | undefined>} with the command that changes it; undefined: it can
 */
export async function sandboxRefusal(dist) {
  if (process.platform !== "linux" || process.getuid?.() === 0) return undefined;
  const helper = await stat(join(dist, "chrome-sandbox")).catch(() => undefined);
  if (helper?.uid === 0 && (helper.mode & 0o4000) !== 0) return undefined;
  const { status, output } = await run("unshare", attempt);
  if (status === 0) return undefined;
  const values = await Promise.all(
    switches.map(({ name }) =>
      readFile(join("/proc/sys", name.replace(".", "/")), "utf8").catch(() => ""),
    ),
  );
  const command = allowingCommand(values);
  return (
    "This system keeps ordinary users from making user namespaces, which Electron's sandbox and rootless containers " +
    `need (${output.trim().split("\n")[0]}).` +
    (command ? ` Allow them with:\n\n  ${command}\n\nand start again.` : "")
  );
}

/**
 * @param {string[]} values of the switches, in their order; empty where the kernel has none
 * @returns {string | undefined} what allows user namespaces, also after the next boot
 */
export function allowingCommand(values) {
  const found = switches.find(({ forbids }, at) => values[at]?.trim() === forbids);
  const file = "/etc/sysctl.d/99-shimyard.conf";
  return (
    found && `echo ${found.name}=${found.allows} | sudo tee -a ${file} && sudo sysctl -p ${file}`
  );
}
