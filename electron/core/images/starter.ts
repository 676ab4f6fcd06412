import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { mustRun } from "../host/command.ts";
import { isStaticBinary } from "../host/prerequisites-tools.ts";

/** Where distributions put a static busybox: Debian's busybox-static, Alpine's, Fedora's and Arch's. */
const candidates = [
  "/bin/busybox",
  "/usr/bin/busybox",
  "/bin/busybox.static",
  "/usr/sbin/busybox",
  "/sbin/busybox",
  "/usr/local/bin/busybox",
];

/** The host's statically linked busybox. FAILED_PRECONDITION, with how to get one, when there is none. */
export async function findBusybox(paths: string[] = candidates): Promise<string> {
  for (const path of paths) {
    if (await isStaticBinary(path).catch(() => false)) return path;
  }
  throw new AppError(
    "FAILED_PRECONDITION",
    "This machine has no statically linked busybox to make the starter image of",
    { hint: "Install it: apt-get install busybox-static" },
  );
}

/** Makes a root file system around busybox in an existing empty directory. */
export async function makeStarterRootfs(
  rootfs: string,
  busybox: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const list = await mustRun([busybox, "--list"], options);
  const applets = list.split("\n").filter((name) => /^[\w[\].+-]+$/.test(name));
  for (const directory of [
    ...["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"],
    ...["var/log", "var/spool", "var/tmp"],
  ]) {
    await mkdir(join(rootfs, directory), { mode: 0o755 });
  }
  await chmod(rootfs, 0o755);
  await chmod(join(rootfs, "root"), 0o700);
  for (const open of ["tmp", "var/tmp"]) await chmod(join(rootfs, open), 0o1777);
  await copyFile(busybox, join(rootfs, "bin/busybox"));
  await chmod(join(rootfs, "bin/busybox"), 0o755);
  for (const applet of applets) {
    if (applet !== "busybox") await symlink("busybox", join(rootfs, "bin", applet));
  }
  // So that #!/usr/bin/env and absolute paths of scripts work.
  await symlink("bin", join(rootfs, "sbin"));
  for (const name of ["bin", "sbin"]) await symlink("../bin", join(rootfs, "usr", name));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(rootfs, "etc", name), content, { mode: 0o644 });
  }
}

const files = {
  passwd: `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`,
  group: `root:x:0:
daemon:x:1:
tty:x:5:
www-data:x:33:
nogroup:x:65534:
`,
  hosts: `127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
`,
  "nsswitch.conf": `passwd: files
group: files
hosts: files dns
`,
  profile: `export PS1='\\u@\\h:\\w\\$ '
`,
};
