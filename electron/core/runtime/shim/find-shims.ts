import { readFile, readdir } from "node:fs/promises";

export interface FoundShim {
  pid: number;
  namespace: string;
  id: string;
}

/**
 * The shims of this root, and starts of them under way, by their command lines: `SHIM -namespace NS -address A -id ID`
 * in any order. `address` is the root's own, so that no other containerd's or manager's shim is taken for ours.
 */
export async function findShims(address: string): Promise<FoundShim[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => look(Number(pid), address)));
  return found.filter((shim) => shim !== undefined);
}

async function look(pid: number, address: string): Promise<FoundShim | undefined> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const argv = line.split("\0");
  const flag = (name: string): string => {
    const at = argv.indexOf(`-${name}`);
    return at < 0 ? "" : (argv[at + 1] ?? "");
  };
  if (flag("address") !== address) return undefined;
  return { pid, namespace: flag("namespace"), id: flag("id") };
}
