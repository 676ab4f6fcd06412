import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Prerequisite } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { lastWords } from "./command.ts";
import { parseCgroupMounts } from "./cgroup.ts";
import { ownDelegation } from "./delegation.ts";
import { execute, firstExecutable } from "./prerequisites-tools.ts";
import type { Host } from "./this-host.ts";

/** What the kernel itself must allow. */
export async function kernelFeatures(host: Host, signal?: AbortSignal): Promise<Prerequisite[]> {
  return Promise.all([overlayfs(host, signal), userNamespaces(host, signal), cgroups(host)]);
}

/** Of two directories that every Linux has, in namespaces that go at once. */
const tryOverlay = [
  ...["--user", "--map-root-user", "--mount", "mount", "-t", "overlay"],
  ...["-o", "lowerdir=/usr:/etc,userxattr", "overlay", "/mnt"],
];

/** For an ordinary user one is really mounted: kernels before 5.11 do that for root only. */
async function overlayfs(host: Host, signal?: AbortSignal): Promise<Prerequisite> {
  const base = {
    name: "overlayfs",
    purpose: "Lays a container's changes over its image",
    required: true,
  };
  const unshare = await firstExecutable(["unshare"], host);
  if (host.uid !== 0 && unshare !== undefined) {
    const { code, output } = await execute([unshare, ...tryOverlay], signal);
    if (code === 0) return { ...base, status: "found" };
    const note = `An ordinary user can mount none: ${lastWords(output)}`;
    return { ...base, status: "unusable", note };
  }
  const filesystems = await read(host, "proc/filesystems");
  if (/^nodev\s+overlay$/m.test(filesystems)) return { ...base, status: "found" };
  const release = (await read(host, "proc/sys/kernel/osrelease")).trim();
  const modules = await read(host, `lib/modules/${release}/modules.dep`);
  // The kernel loads the module at the first mount.
  if (/\/overlay\.ko/.test(modules)) return { ...base, status: "found", note: "Not loaded yet." };
  return {
    ...base,
    status: "missing",
    note: "This kernel has no overlay file system: no container can be started.",
  };
}

/** sysctl.d(5): also after the next boot. */
function lasting(setting: string): string {
  const file = "/etc/sysctl.d/99-shimyard.conf";
  return `echo ${setting} | sudo tee -a ${file} && sudo sysctl -p ${file}`;
}

/** Switches that forbid user namespaces to ordinary users, and how to flip them. */
const switches = [
  {
    file: "proc/sys/user/max_user_namespaces",
    forbids: (value: string) => value === "0",
    remedy: lasting("user.max_user_namespaces=15000"),
  },
  {
    file: "proc/sys/kernel/unprivileged_userns_clone",
    forbids: (value: string) => value === "0",
    remedy: lasting("kernel.unprivileged_userns_clone=1"),
  },
  {
    file: "proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    forbids: (value: string) => value === "1",
    remedy: lasting("kernel.apparmor_restrict_unprivileged_userns=0"),
  },
];

/** Something is mounted in it: Ubuntu's AppArmor may let one be made, and then forbid everything in it. */
const tryNamespace = [
  ...["--user", "--map-root-user", "--mount"],
  ...["mount", "-t", "tmpfs", "tmpfs", "/mnt"],
];

/** Root needs none. For anybody else one is really made: more than these switches may forbid it. */
async function userNamespaces(host: Host, signal?: AbortSignal): Promise<Prerequisite> {
  const base = {
    name: "user namespaces",
    purpose: "Let an ordinary user run containers",
    required: host.uid !== 0,
  };
  const unshare = await firstExecutable(["unshare"], host);
  if (host.uid === 0 || unshare === undefined) return { ...base, status: "found" };
  const { code, output } = await execute([unshare, ...tryNamespace], signal);
  if (code === 0) return { ...base, status: "found" };
  const values = await Promise.all(switches.map(({ file }) => read(host, file)));
  const install = switches.find(({ forbids }, index) =>
    forbids(values[index]?.trim() ?? ""),
  )?.remedy;
  const note = `An ordinary user can't make one: ${lastWords(output)}`;
  return { ...base, status: "unusable", note, ...(install && { install }) };
}

async function cgroups(host: Host): Promise<Prerequisite> {
  const base = {
    name: "cgroups",
    purpose: "Limit and measure what containers use",
    required: true,
  };
  const { mode } = parseCgroupMounts(await read(host, "proc/self/mountinfo"));
  if (mode === "none") {
    const note = "No cgroup file system is mounted under /sys/fs/cgroup.";
    return { ...base, status: "missing", note };
  }
  // Of another machine's files only the hierarchy is told: what is delegated is found by trying.
  const delegated = host.uid !== 0 && host.root === "/" ? await ownDelegation() : undefined;
  const note =
    delegated instanceof AppError
      ? `${delegated.message}.`
      : host.uid !== 0 && mode !== "v2"
        ? "On cgroup v1 only root can set limits on containers."
        : undefined;
  return { ...base, status: "found", version: mode, ...(note && { note }) };
}

function read(host: Host, file: string): Promise<string> {
  return readFile(join(host.root, file), "utf8").catch(() => "");
}
