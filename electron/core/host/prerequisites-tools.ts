import { constants } from "node:fs";
import { access, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Prerequisite } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { lastWords, runCommand } from "./command.ts";
import { installCommand, type PackageManager } from "./distribution.ts";
import type { Host } from "./this-host.ts";

/** A tool that does not answer within this is broken; milliseconds. */
const answerTimeout = 10_000;

interface Context {
  host: Host;
  path: string;
  signal: AbortSignal | undefined;
}

interface Tool {
  name: string;
  purpose: string;
  /** Who can't do without it. */
  requiredBy: "all" | "rootless" | "none";
  /** What is lost without it, a sentence. */
  without: string;
  /** Why it is of no use to an ordinary user, a sentence; absent: it is of use to everyone. */
  rootOnly?: string;
  /** Any one will do: a name is looked up on the search path, a path under the root. */
  commands: string[];
  /** Arguments that make it print its version; absent: it has none and is not run. */
  version?: string[];
  /** Why it can't be used although it is there, a sentence; undefined: it can. */
  refuses?: (context: Context) => Promise<string | undefined>;
  packages: Record<PackageManager, string>;
}

const samePackage = (name: string): Record<PackageManager, string> => ({
  apt: name,
  dnf: name,
  pacman: name,
  zypper: name,
});

/** In the order in which the window shows them: what containers need first. */
export const tools: Tool[] = [
  {
    name: "conmon",
    purpose: "Holds each container's output, terminal and exit status",
    requiredBy: "all",
    without: "No container can be started.",
    commands: ["conmon"],
    version: ["--version"],
    packages: samePackage("conmon"),
  },
  {
    name: "runc",
    purpose: "Runs containers",
    requiredBy: "all",
    without: "Containers run only where crun can run them.",
    commands: ["runc"],
    version: ["--version"],
    packages: samePackage("runc"),
  },
  {
    name: "crun",
    purpose: "Runs containers, with less memory and sooner than runc",
    requiredBy: "none",
    without: "Containers start a little slower, with runc.",
    commands: ["crun"],
    version: ["--version"],
    packages: samePackage("crun"),
  },
  {
    name: "catatonit",
    purpose: "Is the first process of containers that ask for an init",
    requiredBy: "none",
    without: "Containers have no init but their own.",
    commands: ["catatonit", "/usr/libexec/podman/catatonit", "/usr/bin/tini-static"],
    packages: samePackage("catatonit"),
  },
  {
    name: "perl",
    purpose: "Maps the owners of files for containers with users of their own",
    requiredBy: "none",
    without: "Containers of root's have this machine's users, as they have by default.",
    commands: ["/usr/bin/perl"],
    packages: { ...samePackage("perl"), apt: "perl-base" },
  },
  {
    name: "criu",
    purpose: "Makes checkpoints of running containers and restores them",
    requiredBy: "none",
    without: "Containers have no checkpoints.",
    rootOnly: "Only root can make checkpoints.",
    commands: ["criu"],
    version: ["--version"],
    refuses: criuRefuses,
    packages: samePackage("criu"),
  },
  {
    name: "iptables",
    purpose: "Holds a container's network still while criu makes its checkpoint",
    requiredBy: "none",
    without: "Containers have no checkpoints.",
    rootOnly: "Only root can make checkpoints.",
    commands: ["iptables-restore"],
    version: ["--version"],
    packages: samePackage("iptables"),
  },
  {
    name: "mkfs.erofs",
    purpose: "Keeps each layer of an image as one file",
    requiredBy: "none",
    without: "Layers are unpacked into directories, which takes longer.",
    rootOnly: "Only root can mount what it makes.",
    commands: ["mkfs.erofs"],
    version: ["-V"],
    refuses: async ({ path, signal }) => {
      const { output } = await execute([path, "--help"], signal);
      if (output.includes("--tar")) return undefined;
      return "It can't read archives: erofs-utils 1.7 or newer is needed.";
    },
    packages: samePackage("erofs-utils"),
  },
  {
    name: "busybox",
    purpose: "Makes the starter image, so that a first container needs no download",
    requiredBy: "none",
    without: "There is no starter image.",
    commands: ["busybox"],
    version: ["--help"],
    refuses: async ({ path }) =>
      (await isStaticBinary(path))
        ? undefined
        : "It needs shared libraries, so that it can't run in an image of its own. A static one is needed.",
    packages: {
      apt: "busybox-static",
      dnf: "busybox",
      pacman: "busybox",
      zypper: "busybox-static",
    },
  },
  {
    name: "newuidmap",
    purpose: "Gives an ordinary user's containers user ids of their own",
    requiredBy: "rootless",
    without: "An ordinary user can't run containers.",
    commands: ["newuidmap"],
    refuses: subordinateIdsMissing,
    packages: { apt: "uidmap", dnf: "shadow-utils", pacman: "shadow", zypper: "shadow" },
  },
  {
    name: "unshare",
    purpose: "Makes the namespaces that hold a container's file system",
    requiredBy: "all",
    without: "No container can be started.",
    commands: ["unshare"],
    version: ["--version"],
    packages: samePackage("util-linux"),
  },
  {
    name: "nsenter",
    purpose: "Enters an ordinary user's containers",
    requiredBy: "rootless",
    without: "An ordinary user can't run containers.",
    commands: ["nsenter"],
    version: ["--version"],
    packages: samePackage("util-linux"),
  },
  {
    name: "mount",
    purpose: "Mounts a container's file system",
    requiredBy: "all",
    without: "No container can be started.",
    commands: ["mount"],
    version: ["--version"],
    packages: { ...samePackage("util-linux"), apt: "mount" },
  },
  {
    name: "tar",
    purpose: "Imports and copies files",
    requiredBy: "all",
    without: "No image can be imported.",
    commands: ["tar"],
    version: ["--version"],
    packages: samePackage("tar"),
  },
  {
    name: "xz",
    purpose: "Imports archives packed with xz",
    requiredBy: "none",
    without: "Archives packed with xz can't be imported.",
    commands: ["xz"],
    version: ["--version"],
    packages: { ...samePackage("xz"), apt: "xz-utils" },
  },
  {
    name: "bzip2",
    purpose: "Imports archives packed with bzip2",
    requiredBy: "none",
    without: "Archives packed with bzip2 can't be imported.",
    commands: ["bzip2"],
    packages: samePackage("bzip2"),
  },
  {
    name: "zstd",
    purpose: "Imports archives packed with zstd",
    requiredBy: "none",
    without: "Archives packed with zstd can't be imported.",
    commands: ["zstd"],
    version: ["--version"],
    packages: samePackage("zstd"),
  },
  {
    name: "ip",
    purpose: "Connects containers to networks",
    requiredBy: "none",
    without:
      "Containers have no networks: root's none but the host's, an ordinary user's a way out only.",
    commands: ["ip"],
    version: ["-V"],
    packages: { ...samePackage("iproute2"), dnf: "iproute" },
  },
  {
    name: "nft",
    purpose: "Publishes containers' ports and keeps networks apart",
    requiredBy: "none",
    without: "Root's containers have no network but the host's.",
    commands: ["nft"],
    version: ["--version"],
    packages: samePackage("nftables"),
  },
  {
    name: "conntrack",
    purpose: "Lets who sends by UDP all the time reach a container that has come since",
    requiredBy: "none",
    without:
      "Who has sent to a published UDP port before its container came reaches it only after half a minute of silence.",
    commands: ["conntrack"],
    version: ["--version"],
    packages: { ...samePackage("conntrack"), dnf: "conntrack-tools" },
  },
  {
    name: "aardvark-dns",
    purpose: "Lets containers of a network find each other by name",
    requiredBy: "none",
    without: "Containers find each other by address only.",
    commands: ["/usr/lib/podman/aardvark-dns", "/usr/libexec/podman/aardvark-dns"],
    version: ["--version"],
    packages: samePackage("aardvark-dns"),
  },
  {
    name: "pasta",
    purpose: "Lets an ordinary user's containers out, and publishes their ports",
    requiredBy: "none",
    without: "An ordinary user's containers reach nothing but each other.",
    commands: ["pasta"],
    version: ["--version"],
    packages: samePackage("passt"),
  },
];

/**
 * Looks for a tool and runs it. `instead` says where some lie, by name. Does not reject: a tool that
 * can't even print its version is unusable, in its own words.
 */
export async function findTool(
  tool: Tool,
  host: Host,
  manager: PackageManager | undefined,
  options: { signal?: AbortSignal; instead?: Record<string, string> },
): Promise<Prerequisite> {
  const { name, purpose } = tool;
  const required = tool.requiredBy === "all" || (tool.requiredBy === "rootless" && host.uid !== 0);
  const inVain = host.uid === 0 ? undefined : tool.rootOnly;
  const install =
    manager && inVain === undefined ? installCommand(manager, tool.packages[manager]) : undefined;
  const base = { name, purpose, required };

  const path = options.instead?.[name] ?? (await firstExecutable(tool.commands, host));
  if (path === undefined) {
    const note = inVain ?? tool.without;
    return { ...base, status: "missing", note, ...(install && { install }) };
  }
  const answer = tool.version && (await execute([path, ...tool.version], options.signal));
  const version = answer && parseVersion(answer.output);
  const found = { ...base, path, ...(version && { version }) };
  if (answer && answer.code !== 0 && version === undefined) {
    const note = `It does not run here: ${lastWords(answer.output)}`;
    return { ...found, status: "unusable", note, ...(install && { install }) };
  }
  const note = inVain ?? (await tool.refuses?.({ host, path, signal: options.signal }));
  if (note === undefined) return { ...found, status: "found" };
  const remedy = name === "newuidmap" ? addSubordinateIds(host) : install;
  return { ...found, status: "unusable", note, ...(remedy && { install: remedy }) };
}

/** The first of `commands` that exists and may be executed. */
export async function firstExecutable(commands: string[], host: Host): Promise<string | undefined> {
  for (const command of commands) {
    const places = command.startsWith("/")
      ? [join(host.root, command)]
      : host.searchPath.map((directory) => join(directory, command));
    for (const place of places) {
      const executable = await access(place, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (executable) return place;
    }
  }
  return undefined;
}

/** The first line's dotted number: `1.1.5+ds1` of `runc version 1.1.5+ds1`. Later lines may name protocols. */
export function parseVersion(output: string): string | undefined {
  return /^.*?(\d+(?:\.\d+)+[^\s,;:()]*)/.exec(output)?.[1];
}

/** Runs a tool for its words; does not reject. `output` has standard output first. */
export async function execute(
  argv: string[],
  signal?: AbortSignal,
): Promise<{ code: number; output: string }> {
  try {
    const { code, stdout, stderr } = await runCommand(argv, {
      timeout: answerTimeout,
      env: { ...process.env, LC_ALL: "C" },
      ...(signal && { signal }),
    });
    return { code, output: `${stdout.toString()}\n${stderr.toString()}`.trim() };
  } catch (error) {
    return { code: 1, output: AppError.from(error).message };
  }
}

/** `criu check` knows whether this kernel has what a dump needs, and whether this criu copes with it. */
export async function criuRefuses({
  path,
  signal,
}: Pick<Context, "path" | "signal">): Promise<string | undefined> {
  const { code, output } = await execute([path, "check"], signal);
  if (code === 0) return undefined;
  const words = output.split("\n").find((line) => line.startsWith("Error")) ?? lastWords(output);
  // 3.17 and older don't know the layout of the vDSO since Linux 6.13.
  const hint = /vdso/i.test(output) ? " criu 4.1 or newer is needed for this kernel." : "";
  return `\`criu check\` fails: ${words}.${hint}`;
}

/** subuid(5) gives ranges by user name or number; 65536 ids are what images expect. */
async function subordinateIdsMissing({ host }: Context): Promise<string | undefined> {
  if (host.uid === 0) return undefined;
  const files = await Promise.all(
    ["etc/subuid", "etc/subgid"].map((file) =>
      readFile(join(host.root, file), "utf8").catch(() => ""),
    ),
  );
  const enough = files.every((text) =>
    text.split("\n").some((line) => {
      const [owner, , count] = line.split(":");
      return (owner === host.userName || owner === String(host.uid)) && Number(count) >= 65536;
    }),
  );
  if (enough) return undefined;
  return `${host.userName} has no 65536 user and group ids in /etc/subuid and /etc/subgid.`;
}

const addSubordinateIds = ({ userName }: Host): string =>
  `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${userName}`;

/** elf(5): a program header of type 3 (PT_INTERP) names the dynamic linker; a static program has none. */
export async function isStaticBinary(path: string): Promise<boolean> {
  await using file = await open(path);
  const header = Buffer.alloc(4096);
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  const elf64LittleEndian = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  if (bytesRead < 64 || !header.subarray(0, 6).equals(elf64LittleEndian)) return false;
  const offset = Number(header.readBigUInt64LE(32));
  const size = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  for (let index = 0, at = offset; index < count && at + 4 <= bytesRead; index++, at += size) {
    if (header.readUInt32LE(at) === 3) return false;
  }
  return true;
}
