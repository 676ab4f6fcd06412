import type { Ulimit, UlimitName } from "#shared/contract/container-options";
import type { OciProcess } from "../../runtime/runtime.ts";
import type { HostFacts } from "../../system/host-facts.ts";

type Rlimit = NonNullable<OciProcess["rlimits"]>[number];

/** The most that a process of this manager can be given, by name; absent: no limit. */
export type HardLimits = Partial<Record<UlimitName, number>>;

/** soft and hard as systemd gives them to services, docker's since 25. */
const wantedOpenFiles = { soft: 1024, hard: 524_288 };
/** RLIM_INFINITY is 2^64-1, which a double would round to a number that runtimes refuse. */
const unlimited = Number.MAX_SAFE_INTEGER;

/** Those that were asked for, no higher than this machine allows, and docker's default of open files. */
export function rlimits(
  asked: readonly Ulimit[],
  facts: HostFacts,
  most: HardLimits,
  told: { warnings: string[]; notes: string[] },
): Rlimit[] | undefined {
  const list = asked.map(({ name, soft, hard }): Rlimit => {
    const ceiling = most[name] ?? unlimited;
    const wanted = { soft: soft === -1 ? unlimited : soft, hard: hard === -1 ? unlimited : hard };
    if (wanted.hard > ceiling && wanted.hard !== unlimited) {
      told.warnings.push(
        `The limit ${name} of ${hard} is lowered to ${ceiling}, which this machine allows`,
      );
    } else if (wanted.hard > ceiling) {
      told.warnings.push(`The limit ${name} is ${ceiling}: this machine allows no more`);
    }
    return {
      type: `RLIMIT_${name.toUpperCase()}`,
      soft: Math.min(wanted.soft, ceiling),
      hard: Math.min(wanted.hard, ceiling),
    };
  });
  if (!facts.rootless && !asked.some(({ name }) => name === "nofile")) {
    list.unshift(openFiles(facts, told.notes));
  }
  return list.length > 0 ? list : undefined;
}

function openFiles(facts: HostFacts, notes: string[]): Rlimit {
  const hard = Math.min(wantedOpenFiles.hard, facts.openFiles);
  if (hard < wantedOpenFiles.hard) {
    notes.push(`A process can open at most ${hard} files: this machine's hard limit`);
  }
  return { type: "RLIMIT_NOFILE", soft: Math.min(wantedOpenFiles.soft, hard), hard };
}

const lines: Record<UlimitName, string> = {
  ...{ as: "Max address space", core: "Max core file size", cpu: "Max cpu time" },
  ...{ data: "Max data size", fsize: "Max file size", locks: "Max file locks" },
  ...{ memlock: "Max locked memory", msgqueue: "Max msgqueue size", nice: "Max nice priority" },
  ...{ nofile: "Max open files", nproc: "Max processes", rss: "Max resident set" },
  ...{ rtprio: "Max realtime priority", rttime: "Max realtime timeout" },
  ...{ sigpending: "Max pending signals", stack: "Max stack size" },
};

/** The hard limits in /proc/PID/limits. */
export function parseHardLimits(text: string): HardLimits {
  const found: HardLimits = {};
  for (const [name, title] of Object.entries(lines)) {
    const hard = new RegExp(`^${title}\\s+\\S+\\s+(\\d+)`, "m").exec(text)?.[1];
    if (hard !== undefined) found[name as UlimitName] = Number(hard);
  }
  return found;
}
