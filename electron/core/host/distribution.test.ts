import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  describeDistribution,
  installCommand,
  parseOsRelease,
  readDistribution,
} from "./distribution.ts";

test("os-release: quotes, escapes and comments", () => {
  const text = `# comment\nNAME="A \\"B\\" \\$C"\nID=debian\nVERSION='12 (x)'\nbroken line\nEMPTY=\n`;
  expect(parseOsRelease(text)).toEqual({
    NAME: 'A "B" $C',
    ID: "debian",
    VERSION: "12 (x)",
    EMPTY: "",
  });
});

test.each([
  ["ID=debian", "apt"],
  ["ID=linuxmint\nID_LIKE=ubuntu", "apt"],
  ['ID=pop\nID_LIKE="ubuntu debian"', "apt"],
  ["ID=fedora", "dnf"],
  ['ID="rocky"\nID_LIKE="rhel centos fedora"', "dnf"],
  ["ID=manjaro\nID_LIKE=arch", "pacman"],
  ['ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"', "zypper"],
  ["ID=alpine", undefined],
  ["", undefined],
])("%s is managed by %s", (text, manager) => {
  expect(describeDistribution(text).packageManager).toBe(manager);
});

test("the file in /usr/lib stands in for a missing one in /etc", async () => {
  const root = await mkdtemp(join(tmpdir(), "shimyard-distribution-"));
  try {
    expect(await readDistribution(root)).toEqual({ name: "Linux" });
    await mkdir(join(root, "usr/lib"), { recursive: true });
    await writeFile(join(root, "usr/lib/os-release"), 'PRETTY_NAME="Fedora 43"\nID=fedora\n');
    expect(await readDistribution(root)).toEqual({ name: "Fedora 43", packageManager: "dnf" });
  } finally {
    await rm(root, { recursive: true });
  }
});

test("install commands", () => {
  expect(installCommand("apt", "conmon")).toBe("sudo apt-get install conmon");
  expect(installCommand("pacman", "crun")).toBe("sudo pacman -S crun");
});
