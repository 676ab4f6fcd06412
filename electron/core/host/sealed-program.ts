import { close, statSync } from "node:fs";
import { access, copyFile } from "node:fs/promises";
import koffi from "koffi";
import { runCommand } from "./command.ts";

// linux/memfd.h and linux/fcntl.h; the same on x86-64, arm64 and riscv64.
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** Since Linux 6.3; an older kernel refuses it, and needs no word to let one be run. */
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE: just what runc and crun ask for. */
const seals = 0xf;

/** Where SELinux is on, what a program may do hangs on its file's label, which a copy does not have. */
const selinux = "/sys/fs/selinux/enforce";

/**
 * A program's copy in memory that nobody can change (memfd_create(2)). At each start runc and crun make one of
 * themselves, so that a container can never write to the program that enters it (CVE-2019-5736); started from one,
 * they need not (nsenter/cloned_binary.c in libcontainer), which is a millisecond or two of each `create` and `exec`.
 */
export class SealedProgram {
  static readonly #all = new Map<string, SealedProgram>();

  /** One copy of each file is enough. */
  static of(file: string): SealedProgram {
    const found = SealedProgram.#all.get(file) ?? new SealedProgram(file);
    SealedProgram.#all.set(file, found);
    return found;
  }

  readonly #file: string;
  #copy: { of: string; path: string } | undefined;
  #copying: string | undefined;

  /** `file` is absolute. */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * What to start: `/proc/PID/fd/N` of the copy, good for as long as this process lives. The program's own path
   * until there is a copy, after it was replaced by another version, and where no copy can be had.
   */
  get path(): string {
    const version = versionOf(this.#file);
    if (version === undefined) return this.#file;
    if (this.#copy?.of === version) return this.#copy.path;
    if (this.#copying !== version) {
      this.#copying = version;
      void this.#make(version);
    }
    return this.#file;
  }

  async #make(version: string): Promise<void> {
    let fd: number | undefined;
    try {
      if (await exists(selinux)) return;
      fd = await sealedCopy(this.#file);
      if (fd === undefined) return;
      const path = `/proc/${process.pid}/fd/${fd}`;
      // It may be forbidden to run what is no file: IMA, fapolicyd, vm.memfd_noexec.
      const { code } = await runCommand([path, "--version"]);
      if (code !== 0) return;
      // A copy of an older version stays open: someone may be just about to start it.
      this.#copy = { of: version, path };
      fd = undefined;
    } catch {
      // The program itself does as well.
    } finally {
      if (fd !== undefined) close(fd);
    }
  }
}

function versionOf(file: string): string | undefined {
  try {
    const { ino, size, mtimeMs } = statSync(file);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** A file descriptor, or undefined where the kernel has none for us. */
async function sealedCopy(file: string): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  const libc = koffi.load(null);
  const create = libc.func("int memfd_create(const char *, unsigned int)");
  const fcntl = libc.func("int fcntl(int, int, ...)");
  const name = file.split("/").at(-1);
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = create(name, flags | MFD_EXEC) as number;
  if (fd < 0) fd = create(name, flags) as number;
  if (fd < 0) return undefined;
  try {
    // By the kernel: a program may be as large as all the rest of us.
    await copyFile(file, `/proc/self/fd/${fd}`);
    if (fcntl(fd, F_ADD_SEALS, "int", seals) === 0) return fd;
  } catch {
    // No memory for it.
  }
  close(fd);
  return undefined;
}
