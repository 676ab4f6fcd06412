import { readdir, readFile, readlink } from "node:fs/promises";
import type { Protocol } from "#shared/contract/networks";

/**
 * Who holds a port of this machine, for a sentence: `nginx (process 812)`. undefined when nobody does or when only
 * root may know. Sockets are found by their inode, proc(5): /proc/net/tcp and /proc/PID/fd.
 */
export async function portOwner(protocol: Protocol, port: number): Promise<string | undefined> {
  const tables = await Promise.all(
    [protocol, `${protocol}6`].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
  );
  const inodes = new Set(tables.flatMap((table) => holders(table, protocol, port)));
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if (!(await holdsAny(pid, inodes))) continue;
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    return `${name.trim() || "a program"} (process ${pid})`;
  }
  return undefined;
}

/** TCP_LISTEN, and what a UDP socket that is bound is in (net/tcp_states.h). */
const states: Record<Protocol, string> = { tcp: "0A", udp: "07" };

/** Inodes of the sockets that hold a port, from a table as /proc/net/tcp is one. */
export function holders(table: string, protocol: Protocol, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(wanted) && fields[3] === states[protocol])
    .map((fields) => fields[9] ?? "");
}

async function holdsAny(pid: string, inodes: Set<string>): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  for (const fd of await readdir(directory).catch(() => [])) {
    const target = await readlink(`${directory}/${fd}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}
