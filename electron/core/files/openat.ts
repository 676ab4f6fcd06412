import { getSystemErrorName } from "node:util";
import koffi from "koffi";

/**
 * The system calls that Node has not and without which a path can't be kept inside a directory. They take paths as
 * bytes and throw as Node's do: an Error with `code`.
 */

// asm-generic/unistd.h, and the same on x86-64.
const SYS_openat2 = 437;
// linux/openat2.h
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;
// asm-generic/fcntl.h
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
// linux/fs.h
const RENAME_NOREPLACE = 1;

/**
 * A `..` that is looked up while anything is renamed anywhere gives EAGAIN (openat2(2)): the kernel can't say then
 * that it stayed inside. Who renames in a loop can make that often; this many times in a row, hardly.
 */
const retries = 10_000;

interface Libc {
  syscall(number: number, fd: number, path: Uint8Array, how: Uint8Array, size: number): number;
  renameat2(from: number, a: Uint8Array, to: number, b: Uint8Array, flags: number): number;
  getxattr(path: string, name: string, value: Uint8Array, size: number): number;
}

let loaded: Libc | undefined;

function libc(): Libc {
  if (loaded) return loaded;
  const library = koffi.load(null);
  const path = "const uint8_t *";
  loaded = {
    syscall: library.func(`long syscall(long, int, ${path}, ${path}, size_t)`),
    renameat2: library.func(`int renameat2(int, ${path}, int, ${path}, unsigned int)`),
    getxattr: library.func("long getxattr(const char *, const char *, uint8_t *, size_t)"),
  };
  return loaded;
}

/** openat2(2): a descriptor, which the caller closes. */
export function openat2(
  directory: number,
  path: Buffer,
  how: { flags: number; resolve: number },
): number {
  // struct open_how: flags, mode, resolve, 64 bits each, in the machine's order (little-endian where Electron runs).
  const openHow = Buffer.alloc(24);
  openHow.writeBigUInt64LE(BigInt(how.flags | O_CLOEXEC), 0);
  openHow.writeBigUInt64LE(BigInt(how.resolve), 16);
  const text = terminated(path);
  for (let tries = 0; ; tries += 1) {
    const fd = libc().syscall(SYS_openat2, directory, text, openHow, openHow.length);
    if (fd >= 0) return fd;
    const error = lastError("openat2");
    if (error.code !== "EAGAIN" || tries === retries) throw error;
  }
}

/** renameat2(2); EEXIST when something is there, unless `replace`. */
export function renameat(
  from: { fd: number; name: Buffer },
  to: { fd: number; name: Buffer },
  options: { replace: boolean },
): void {
  const [a, b] = [terminated(from.name), terminated(to.name)];
  const flags = options.replace ? 0 : RENAME_NOREPLACE;
  if (libc().renameat2(from.fd, a, to.fd, b, flags) < 0) throw lastError("renameat2");
}

/** An extended attribute of at most 256 bytes; undefined when it has none of that name. */
export function extendedAttribute(path: string, name: string): string | undefined {
  const value = Buffer.alloc(256);
  const length = libc().getxattr(path, name, value, value.length);
  return length < 0 ? undefined : value.toString("latin1", 0, length);
}

function terminated(path: Buffer): Buffer {
  return Buffer.concat([path, Buffer.alloc(1)]);
}

function lastError(call: string): NodeJS.ErrnoException {
  const errno = koffi.errno();
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${call}: ${code}`), { code, errno: -errno, syscall: call });
}
