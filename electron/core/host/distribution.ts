import { readFile } from "node:fs/promises";
import { join } from "node:path";

export type PackageManager = "apt" | "dnf" | "pacman" | "zypper";

export interface Distribution {
  /** As it calls itself: `Debian GNU/Linux 12 (bookworm)`. */
  name: string;
  /** Absent where none is known for it: nothing can be suggested then. */
  packageManager?: PackageManager;
}

/** os-release(5) IDs, of the distribution itself or in its ID_LIKE. */
const families: Record<string, PackageManager> = {
  debian: "apt",
  ubuntu: "apt",
  fedora: "dnf",
  rhel: "dnf",
  centos: "dnf",
  arch: "pacman",
  suse: "zypper",
  opensuse: "zypper",
};

const installers: Record<PackageManager, string> = {
  apt: "sudo apt-get install",
  dnf: "sudo dnf install",
  pacman: "sudo pacman -S",
  zypper: "sudo zypper install",
};

/** Parses os-release(5): shell assignments, perhaps quoted. */
export function parseOsRelease(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const match = /^([A-Z0-9_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim());
    if (!match?.[1]) continue;
    const value = match[2] ?? match[3] ?? match[4] ?? "";
    fields[match[1]] = value.replace(/\\(["$`\\])/g, "$1");
  }
  return fields;
}

/** The distribution that an os-release file describes. */
export function describeDistribution(osRelease: string): Distribution {
  const { PRETTY_NAME, NAME, ID = "", ID_LIKE = "" } = parseOsRelease(osRelease);
  const packageManager = [ID, ...ID_LIKE.split(" ")]
    .map((id) => families[id] ?? families[id.split("-")[0] ?? ""])
    .find((manager) => manager !== undefined);
  return { name: PRETTY_NAME || NAME || "Linux", ...(packageManager && { packageManager }) };
}

/** This machine's distribution; `root` stands for `/` in tests. */
export async function readDistribution(root = "/"): Promise<Distribution> {
  // os-release(5): /etc first, and /usr/lib where /etc has none.
  const text = await readFile(join(root, "etc/os-release"), "utf8").catch(() =>
    readFile(join(root, "usr/lib/os-release"), "utf8").catch(() => ""),
  );
  return describeDistribution(text);
}

/** The command that installs a package, for the user to copy. */
export function installCommand(manager: PackageManager, packageName: string): string {
  return `${installers[manager]} ${packageName}`;
}
