import { readFileSync } from "node:fs";
import { realpath } from "node:fs/promises";

/** Ours as they are now, to ask later what came or went since. At once: procfs answers from memory. */
export function readMounts(): string | undefined {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return undefined;
  }
}

/** What every program looks at: the kernel's files, other programs, libraries. */
const always = ["/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr"];

/**
 * Whether a namespace that was made when the mounts were `before` serves as well as a new one to who looks at these
 * absolute paths, and programs: they lead to the same files, with the same mounts below. Undefined paths are any. In
 * doubt it does not: where the mounts can't be read, and, if any changed, for a path through a symbolic link.
 */
export async function unchangedAt(
  before: string | undefined,
  paths: string[] | undefined,
): Promise<boolean> {
  const now = readMounts();
  if (before === undefined || now === undefined) return false;
  const changed = changedPoints(before, now);
  if (changed.length === 0) return true;
  if (paths === undefined) return false;
  const plain = await Promise.all(paths.map((path) => isPlain(path)));
  const seen = [...always, ...paths];
  return plain.every(Boolean) && !seen.some((path) => changed.some((at) => overlap(at, path)));
}

/** Where a mount came, went, or was changed from one text of /proc/PID/mountinfo to the other (proc_pid_mountinfo(5)). */
export function changedPoints(before: string, after: string): string[] {
  if (before === after) return [];
  const [old, now] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  const lines = [
    ...[...old].filter((line) => !now.has(line)),
    ...[...now].filter((line) => !old.has(line)),
  ];
  return [...new Set(lines.map(mountPoint))];
}

/** Blank, tab, line feed and backslash are octal there. */
function mountPoint(line: string): string {
  const [, , , , point = ""] = line.split(" ");
  return point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** Whether one is the other, or above it. */
function overlap(one: string, other: string): boolean {
  return `${one}/`.startsWith(below(other)) || `${other}/`.startsWith(below(one));
}

const below = (path: string): string => (path.endsWith("/") ? path : `${path}/`);

async function isPlain(path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  return real === path;
}
