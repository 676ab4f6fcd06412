import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Prerequisite } from "#shared/contract/system";
import { findPrerequisites } from "./prerequisites.ts";
import type { Host } from "./this-host.ts";
import { isStaticBinary, parseVersion } from "./prerequisites-tools.ts";

/** A machine made of a few files: its commands are shell scripts in `bin`. */
let root: string;
let host: Host;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-prerequisites-"));
  host = { root, searchPath: [join(root, "bin")], uid: 0, userName: "root" };
  await write("etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n');
});

afterEach(() => rm(root, { recursive: true }));

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function command(path: string, body: string): Promise<void> {
  await write(path, `#!/bin/sh\n${body}\n`);
  await chmod(join(root, path), 0o755);
}

async function find(name: string, criu?: string): Promise<Prerequisite> {
  const list = await findPrerequisites(criu ? { instead: { criu } } : {}, host);
  const item = list.find((candidate) => candidate.name === name);
  if (!item) throw new Error(`${name} is not in the list`);
  return item;
}

test("on an empty machine everything is missing, with the command that installs it", async () => {
  const list = await findPrerequisites({}, host);
  const tools = list.filter(({ install }) => install);
  expect(tools.map(({ status }) => status)).toEqual(tools.map(() => "missing"));
  expect(list.find(({ name }) => name === "conmon")).toEqual({
    name: "conmon",
    purpose: "Holds each container's output, terminal and exit status",
    required: true,
    status: "missing",
    note: "No container can be started.",
    install: "sudo apt-get install conmon",
  });
  expect((await find("busybox")).install).toBe("sudo apt-get install busybox-static");
  expect(await find("overlayfs")).toMatchObject({ status: "missing", required: true });
  expect(await find("cgroups")).toMatchObject({ status: "missing", required: true });
});

test("without a known package manager nothing is suggested", async () => {
  await write("etc/os-release", "ID=alpine\n");
  expect(await find("conmon")).not.toHaveProperty("install");
});

test("a command found is run for its version", async () => {
  await command("bin/conmon", "echo conmon version 2.1.6; echo commit: unknown");
  expect(await find("conmon")).toMatchObject({
    status: "found",
    path: join(root, "bin/conmon"),
    version: "2.1.6",
  });
});

test("a file that may not be executed is no command", async () => {
  await write("bin/conmon", "#!/bin/sh\n");
  expect((await find("conmon")).status).toBe("missing");
});

test("a command that can't run is unusable, in its own words", async () => {
  await command("bin/conmon", "echo conmon: cannot open libgone.so >&2; exit 127");
  expect(await find("conmon")).toMatchObject({
    status: "unusable",
    note: "It does not run here: conmon: cannot open libgone.so",
    install: "sudo apt-get install conmon",
  });
});

test("runc is required only while crun can't stand in for it", async () => {
  expect((await find("runc")).required).toBe(true);
  await command("bin/crun", "echo crun version 1.8.1");
  expect((await find("runc")).required).toBe(false);
});

test("criu is unusable where its own check fails", async () => {
  await command(
    "bin/criu",
    `[ "$1" = check ] || { echo Version: 3.17.1; exit 0; }
     echo "Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds"; echo "Error (more)"; exit 1`,
  );
  expect(await find("criu")).toMatchObject({
    status: "unusable",
    version: "3.17.1",
    note:
      "`criu check` fails: Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds." +
      " criu 4.1 or newer is needed for this kernel.",
  });
});

test("a criu given by path is preferred", async () => {
  await command("bin/criu", "exit 1");
  await command("own/criu", "echo Version: 4.1.1");
  expect(await find("criu", join(root, "own/criu"))).toMatchObject({
    status: "found",
    version: "4.1.1",
    path: join(root, "own/criu"),
  });
});

test("an ordinary user can't use criu, and is not told to install it", async () => {
  host = { ...host, uid: 1000, userName: "ann" };
  const note = "Only root can make checkpoints.";
  for (const name of ["criu", "iptables"]) {
    const missing = await find(name);
    expect(missing).toMatchObject({ status: "missing", required: false, note });
    expect(missing).not.toHaveProperty("install");
  }
  await command("bin/criu", "echo Version: 4.1.1");
  const unusable = await find("criu");
  expect(unusable).toMatchObject({ status: "unusable", note });
  expect(unusable).not.toHaveProperty("install");
});

test("a mkfs.erofs that reads no archives is unusable, and so is one for an ordinary user", async () => {
  await command("bin/mkfs.erofs", "echo mkfs.erofs 1.5");
  expect(await find("mkfs.erofs")).toMatchObject({
    ...{ status: "unusable", version: "1.5", install: "sudo apt-get install erofs-utils" },
    note: "It can't read archives: erofs-utils 1.7 or newer is needed.",
  });
  await command("bin/mkfs.erofs", "echo 'mkfs.erofs (erofs-utils) 1.8.6'; echo ' --tar=X'");
  expect(await find("mkfs.erofs")).toMatchObject({ status: "found", version: "1.8.6" });
  host = { ...host, uid: 1000, userName: "ann" };
  expect((await find("mkfs.erofs")).status).toBe("unusable");
});

test("busybox must be a static program", async () => {
  await command("bin/busybox", "echo BusyBox v1.35.0");
  expect(await find("busybox")).toMatchObject({ status: "unusable", version: "1.35.0" });
  // Whatever runs these tests is a real program that has a dynamic linker.
  await copyFile("/bin/sh", join(root, "bin/busybox"));
  expect((await find("busybox")).status).toBe("unusable");
});

test.each([
  [1, true],
  [3, false],
])("an ELF program with a program header of type %i is static: %s", async (type, expected) => {
  const elf = Buffer.alloc(64 + 56);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(type, 64);
  await writeFile(join(root, "elf"), elf);
  expect(await isStaticBinary(join(root, "elf"))).toBe(expected);
});

test("newuidmap needs ranges for this user in both files", async () => {
  await command("bin/newuidmap", "exit 1");
  expect(await find("newuidmap")).toMatchObject({ status: "found", required: false });
  host = { ...host, uid: 1000, userName: "ann" };
  await write("etc/subuid", "bob:100000:65536\nann:165536:65536\n");
  expect(await find("newuidmap")).toMatchObject({
    status: "unusable",
    required: true,
    install: "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann",
  });
  await write("etc/subgid", "1000:165536:65536\n");
  expect((await find("newuidmap")).status).toBe("found");
});

test("the names' server is looked for where distributions put it", async () => {
  await command("usr/lib/podman/aardvark-dns", "echo aardvark-dns 1.4.0");
  expect(await find("aardvark-dns")).toMatchObject({
    status: "found",
    version: "1.4.0",
    path: join(root, "usr/lib/podman/aardvark-dns"),
  });
});

test("overlayfs is found loaded or as a module", async () => {
  await write("proc/sys/kernel/osrelease", "6.1.0\n");
  await write("lib/modules/6.1.0/modules.dep", "kernel/fs/overlayfs/overlay.ko.xz:\n");
  expect(await find("overlayfs")).toMatchObject({ status: "found", note: "Not loaded yet." });
  await write("proc/filesystems", "nodev\tproc\nnodev\toverlay\n");
  expect(await find("overlayfs")).not.toHaveProperty("note");
});

test("user namespaces: really tried by an ordinary user, and the switch is named", async () => {
  host = { ...host, uid: 1000, userName: "ann" };
  await command("bin/unshare", "echo unshare: unshare failed: Operation not permitted >&2; exit 1");
  await write("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
  expect(await find("user namespaces")).toMatchObject({
    status: "unusable",
    required: true,
    note: "An ordinary user can't make one: unshare: unshare failed: Operation not permitted",
    install:
      "echo kernel.apparmor_restrict_unprivileged_userns=0 | sudo tee -a /etc/sysctl.d/99-shimyard.conf" +
      " && sudo sysctl -p /etc/sysctl.d/99-shimyard.conf",
  });
  await command("bin/unshare", "exit 0");
  expect((await find("user namespaces")).status).toBe("found");
});

test.each([
  ["- cgroup2 cgroup2 rw", "v2"],
  ["- cgroup cgroup rw,memory\n1 2 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw", "hybrid"],
  ["- cgroup cgroup rw,cpu,memory", "v1"],
])("cgroups: %s is %s", async (line, version) => {
  await write("proc/self/mountinfo", `31 24 0:27 / /sys/fs/cgroup rw ${line}\n`);
  expect(await find("cgroups")).toMatchObject({ status: "found", version });
});

test("an abort ends the search", async () => {
  await command("bin/conmon", "sleep 60");
  const abort = new AbortController();
  const search = findPrerequisites({ signal: abort.signal }, host);
  abort.abort();
  await expect(search).rejects.toThrow(/abort/i);
});

test.each([
  ["runc version 1.1.5+ds1\ncommit: x", "1.1.5+ds1"],
  ["*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***", "1.5.4"],
  ["nftables v1.0.6 (Lester Gooch #5)", "1.0.6"],
  ["unshare from util-linux 2.38.1", "2.38.1"],
  ["CNI bridge plugin version unknown\nCNI protocol versions supported: 0.1.0", undefined],
])("the version in %j is %s", (output, version) => {
  expect(parseVersion(output)).toBe(version);
});
