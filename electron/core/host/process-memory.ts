import { readFile } from "node:fs/promises";
import type { ProcessMemory } from "#shared/contract/shims";

/** Of a process of this machine, from procfs (proc_pid_smaps(5)); undefined when it has ended. */
export async function readMemory(pid: number): Promise<ProcessMemory | undefined> {
  const [rss, pss] = await Promise.all([
    field(`/proc/${pid}/status`, "VmRSS"),
    field(`/proc/${pid}/smaps_rollup`, "Pss"),
  ]);
  if (rss === undefined) return undefined;
  return { rss, ...(pss === undefined ? {} : { pss }) };
}

/** `NAME: 123 kB` in bytes. */
async function field(path: string, name: string): Promise<number | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}
