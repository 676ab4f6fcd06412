import { readdir, readFile, readlink } from "node:fs/promises";
import type { Protocol } from "#shared/contract/networks";
import { formatAddress } from "./addresses.ts";

/**
 * Who holds a port of this machine, for a sentence: `nginx (process 812)`. undefined when nobody does or when only
 * root may know. Sockets are found by their inode, proc(5): /proc/net/tcp and /proc/PID/fd.
 */
export async function portOwner(protocol: Protocol, port: number): Promise<string | undefined> {
  const holding = await socketsAt(protocol, port);
  const inodes = new Set(holding.map(({ inode }) => inode));
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if (!(await holdsAny(pid, inodes))) continue;
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    return `${name.trim() || "a program"} (process ${pid})`;
  }
  return undefined;
}

/** The addresses of this machine at which a port is held. */
export const portAddresses = async (protocol: Protocol, port: number): Promise<string[]> =>
  (await socketsAt(protocol, port)).map(({ address }) => address);

async function socketsAt(protocol: Protocol, port: number): Promise<Holder[]> {
  const tables = await Promise.all(
    [protocol, `${protocol}6`].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
  );
  return tables.flatMap((table) => holders(table, protocol, port));
}

/** TCP_LISTEN, and what a UDP socket that is bound is in (net/tcp_states.h). */
const states: Record<Protocol, string> = { tcp: "0A", udp: "07" };

interface Holder {
  address: string;
  inode: string;
}

/** The sockets that hold a port, from a table as /proc/net/tcp is one. */
export function holders(table: string, protocol: Protocol, port: number): Holder[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(wanted) && fields[3] === states[protocol])
    .map((fields) => ({ address: addressIn(fields[1] ?? ""), inode: fields[9] ?? "" }));
}

/** `0100007F:1F90`: words of 32 bits in the machine's order, which is little-endian on all that Electron runs on. */
function addressIn(field: string): string {
  const words = field.split(":")[0]?.match(/.{8}/g) ?? [];
  const bytes = Buffer.concat(words.map((word) => Buffer.from(word, "hex").reverse()));
  return formatAddress(BigInt(`0x${bytes.toString("hex") || "0"}`), bytes.length === 4 ? 4 : 6);
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
