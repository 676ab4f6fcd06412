import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";

/** The root file system that all share: as a directory, and as the same thing in a tar. */
export interface Rootfs {
  directory: string;
  tar: string;
}

/** Makes it from the host's static busybox, below `root`. */
export async function makeRootfs(root: string): Promise<Rootfs> {
  const directory = join(root, "rootfs");
  for (const name of ["bin", "dev", "etc", "proc", "root", "sys", "tmp"]) {
    await mkdir(join(directory, name), { recursive: true });
  }
  const busybox = "/bin/busybox";
  await cp(busybox, join(directory, "bin/busybox"), { dereference: true });
  const applets = (await run([busybox, "--list"])).split("\n").filter((name) => name !== "");
  for (const applet of applets) {
    if (applet !== "busybox") await symlink("busybox", join(directory, "bin", applet));
  }
  await writeFile(join(directory, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await writeFile(join(directory, "etc/group"), "root:x:0:\n");
  const tar = join(root, "rootfs.tar");
  await run(["tar", "-C", directory, "-cf", tar, "."]);
  return { directory, tar };
}
