import { readdirSync, readlinkSync } from "node:fs";
import { sep } from "node:path";
import koffi from "koffi";

// linux/fcntl.h
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Keeps what this process has open in a directory from the processes that it starts (fcntl(2), FD_CLOEXEC).
 * For libraries that open files without O_CLOEXEC: a shim would hold theirs for as long as it lives, and hand
 * them on. Only on Linux; elsewhere nothing is done.
 */
export function closeOnExec(directory: string): void {
  if (process.platform !== "linux") return;
  const fcntl = koffi.load(null).func("int fcntl(int, int, ...)");
  for (const name of readdirSync("/proc/self/fd")) {
    if (targetOf(name).startsWith(directory + sep)) fcntl(Number(name), F_SETFD, "int", FD_CLOEXEC);
  }
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // Closed meanwhile: the one that listed them.
    return "";
  }
}
