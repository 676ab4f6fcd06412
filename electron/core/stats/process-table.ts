import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import type { ProcessInfo } from "#shared/contract/containers";
import { field } from "../runtime/readings.ts";
import type { TaskPid } from "../runtime/runtime.ts";

/** Files read at once. */
const parallel = 16;
/** A container's /etc/passwd is its own business, but not of any size. */
const maxPasswd = 1 << 20;
/** USER_HZ. */
const ticks = 100;

/** The table of these processes; those that ended meanwhile are left out. */
export async function readProcessTable(
  pids: TaskPid[],
  init: number | undefined,
): Promise<ProcessInfo[]> {
  const [names, mapUser, booted] = await Promise.all([
    readUserNames(init),
    readUserMap(init),
    bootTime(),
  ]);
  const todo = [...pids].sort((a, b) => b.pid - a.pid);
  const found: ProcessInfo[] = [];
  const worker = async (): Promise<void> => {
    for (let next = todo.pop(); next; next = todo.pop()) {
      const info = await readProcess(next.pid, booted, (uid) => {
        const inside = mapUser(uid);
        return names.get(inside) ?? String(inside);
      });
      if (info) found.push({ ...info, role: next.process });
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return found.sort((a, b) => a.pid - b.pid);
}

async function readProcess(
  pid: number,
  booted: number,
  userName: (uid: number) => string,
): Promise<ProcessInfo | undefined> {
  try {
    const [stat, status, cmdline] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/status`, "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    const nameEnd = stat.lastIndexOf(")");
    // From field 3 on: state, ppid; utime and stime are 14 and 15, starttime 22.
    const fields = stat.slice(nameEnd + 2).split(" ");
    const args = cmdline.replace(/\0$/, "").split("\0");
    const inner = field(status, "NSpid:")?.split(/\s+/).at(-1);
    return {
      pid,
      ppid: Number(fields[1]),
      containerPid: inner === undefined ? undefined : Number(inner),
      user: userName(Number(field(status, "Uid:")?.split(/\s+/)[1])),
      state: fields[0] ?? "?",
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticks,
      rss: Number.parseInt(field(status, "VmRSS:") ?? "0", 10) * 1024,
      threads: Number(field(status, "Threads:") ?? 1),
      startedAt: booted + (Number(fields[19]) * 1000) / ticks,
      // As ps(1) shows one that has no command line: a zombie.
      args: cmdline === "" ? [`[${stat.slice(stat.indexOf("(") + 1, nameEnd)}]`] : args,
    };
  } catch {
    return undefined;
  }
}

/** passwd(5): name by uid. Empty when the container has none that can be read. */
async function readUserNames(init: number | undefined): Promise<Map<number, string>> {
  const names = new Map<number, string>();
  for (const line of (await readPasswd(init)).split("\n")) {
    const [name, , uid] = line.split(":");
    if (name && uid && /^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}

async function readPasswd(init: number | undefined): Promise<string> {
  if (init === undefined) return "";
  // It is the image's: neither it nor its directory may be a link, which would lead to ours, nor a fifo keep us waiting.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    await using etc = await open(`/proc/${init}/root/etc`, flags | constants.O_DIRECTORY);
    await using file = await open(`/proc/self/fd/${etc.fd}/passwd`, flags);
    const stats = await file.stat();
    return stats.isFile() && stats.size <= maxPasswd ? await file.readFile("utf8") : "";
  } catch {
    return "";
  }
}

/** user_namespaces(7): from a uid as we see it to the one inside. */
async function readUserMap(init: number | undefined): Promise<(uid: number) => number> {
  const content =
    init === undefined ? "" : await readFile(`/proc/${init}/uid_map`, "utf8").catch(() => "");
  const ranges = content
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  return (uid) => {
    for (const [inside = 0, outside = 0, length = 0] of ranges) {
      if (uid >= outside && uid < outside + length) return uid - outside + inside;
    }
    return uid;
  };
}

let booted: Promise<number> | undefined;

/** Milliseconds since the epoch. */
function bootTime(): Promise<number> {
  booted ??= readFile("/proc/stat", "latin1").then(
    (stat) => Number(field(stat, "btime ") ?? 0) * 1000,
  );
  return booted;
}
