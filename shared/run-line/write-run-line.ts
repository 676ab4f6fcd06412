import { quoteShellWords } from "../base/shell-words.ts";
import type { ContainerMount } from "../contract/container-options.ts";
import type { RunDraft, RunNote } from "./draft.ts";
import type { Program } from "./flag.ts";
import { healthWords } from "./health.ts";
import { isolationGroups } from "./isolation-flags.ts";
import { mountWords } from "./mounts.ts";
import { networkWords, portWord } from "./networks.ts";
import { sizeText } from "./values.ts";

export interface RunLine {
  /** On one line, quoted for a shell. */
  line: string;
  /** The same with a flag a line, continued by backslashes. */
  lines: string;
  /** What docker can't be told, or is told another way. */
  notes: RunNote[];
}

/** A container as the `docker run` (or, not started, `docker create`) line that makes one like it. */
export function writeRunLine(draft: RunDraft, image: string, start = true): RunLine {
  const head = start ? ["docker", "run", "-d"] : ["docker", "create"];
  const [entry, ...entryArgs] = draft.entrypoint ?? [];
  const groups = [
    ...flagGroups(withoutIdmaps(draft)),
    ...(draft.entrypoint ? [["--entrypoint", entry ?? ""]] : []),
  ];
  // docker's flag has one word: the others are the first of the arguments.
  const tail = [image, ...entryArgs, ...draft.args];
  return {
    line: quoteShellWords([...head, ...groups.flat(), ...tail]),
    lines: [head, ...groups, tail].map(quoteShellWords).join(" \\\n  "),
    notes: runNotes(draft, "docker"),
  };
}

/** docker has them no more than user namespaces, without which they are nothing. */
export function withoutIdmaps(draft: RunDraft): RunDraft {
  if (!draft.mounts) return draft;
  const mounts = draft.mounts.map((mount): ContainerMount => {
    if (mount.type !== "bind") return mount;
    const { idmap: _, ...rest } = mount;
    return rest;
  });
  return { ...draft, mounts };
}

/** Flags with their values, in the order in which one reads a container. */
export function flagGroups(draft: RunDraft): string[][] {
  const { limits, moreLimits = {}, security = {}, dns = {}, restart } = draft;
  const { memory, cpus, pids } = limits;
  const each = <T>(list: readonly T[] | undefined, write: (one: T) => string[]): string[][] =>
    (list ?? []).map(write);
  const one = (flag: string, value: string | number | undefined): string[][] =>
    value === undefined ? [] : [[flag, String(value)]];
  const on = (flag: string, value: boolean | undefined): string[][] => (value ? [[flag]] : []);
  const size = (value: number | undefined): string | undefined =>
    value === undefined || value === -1 ? value?.toString() : sizeText(value);
  return [
    ...one("--name", draft.name),
    ...on("-it", draft.terminal && draft.stdin !== false),
    ...on("-t", draft.terminal && draft.stdin === false),
    ...on("-i", !draft.terminal && draft.stdin),
    ...on("--init", draft.init),
    ...one("--hostname", draft.hostname || undefined),
    ...one("--user", draft.user || undefined),
    ...one("--workdir", draft.cwd),
    ...each(draft.env, (entry) => ["-e", entry]),
    ...each(draft.ports, (port) => ["-p", portWord(port)]),
    ...inPairs(networkWords(draft.networks)),
    ...each(draft.mounts, mountWords),
    ...isolationGroups(draft),
    ...on("--rm", draft.autoRemove),
    ...one("--stop-signal", draft.stopSignal),
    ...one("--stop-timeout", draft.stopGraceSeconds),
    ...healthWords(draft.healthCheck),
    ...one("--restart", restart.name === "no" ? undefined : restartText(restart)),
    ...one("--memory", size(memory)),
    // docker gives as much swap again by itself.
    ...one("--memory-swap", size(moreLimits.memorySwap ?? memory)),
    ...one("--memory-reservation", size(moreLimits.memoryReservation)),
    ...one("--cpus", cpus),
    ...one("--cpu-shares", moreLimits.cpuShares),
    ...one("--cpuset-cpus", moreLimits.cpusetCpus),
    ...one("--cpuset-mems", moreLimits.cpusetMems),
    ...one("--pids-limit", pids),
    ...one("--blkio-weight", moreLimits.blkioWeight),
    ...one("--oom-score-adj", moreLimits.oomScoreAdj),
    ...one("--shm-size", size(draft.shmSize)),
    ...each(draft.ulimits, ({ name, soft, hard }) => [
      "--ulimit",
      `${name}=${soft}${hard === soft ? "" : `:${hard}`}`,
    ]),
    ...each(security.capDrop, (name) => ["--cap-drop", name.replace(/^CAP_/, "")]),
    ...each(security.capAdd, (name) => ["--cap-add", name.replace(/^CAP_/, "")]),
    ...one("--security-opt", seccompText(security.seccomp)),
    ...one("--security-opt", security.noNewPrivileges ? "no-new-privileges" : undefined),
    ...on("--read-only", security.readOnlyRoot),
    ...each(Object.entries(draft.sysctls ?? {}), ([key, value]) => ["--sysctl", `${key}=${value}`]),
    ...each(dns.servers, (server) => ["--dns", server]),
    ...each(dns.search, (domain) => ["--dns-search", domain]),
    ...each(dns.options, (option) => ["--dns-option", option]),
    ...each(draft.extraHosts, ({ host, ip }) => [
      "--add-host",
      ip.includes(":") ? `${host}=${ip}` : `${host}:${ip}`,
    ]),
    ...each(Object.entries(draft.labels), ([key, value]) => ["--label", `${key}=${value}`]),
  ];
}

const restartText = ({ name, maximumRetries }: RunDraft["restart"]): string =>
  name === "on-failure" && maximumRetries !== undefined ? `${name}:${maximumRetries}` : name;

function seccompText(seccomp: NonNullable<RunDraft["security"]>["seccomp"]): string | undefined {
  if (seccomp === undefined || seccomp === "default") return undefined;
  return `seccomp=${seccomp === "unconfined" ? seccomp : seccomp.path}`;
}

function inPairs(words: readonly string[]): string[][] {
  return Array.from({ length: words.length / 2 }, (_, at) => words.slice(at * 2, at * 2 + 2));
}

/** What of a container a program can't be told, or is told another way. */
export function runNotes(draft: RunDraft, program: Program): RunNote[] {
  const lost = (what: string, reason: string): RunNote => ({ flag: what, reason, lost: true });
  const hidden = (mount: ContainerMount): boolean =>
    mount.type === "tmpfs" && mount.exec === true && mountWords(mount)[0] === "--mount";
  const { runtime, healthCheck, mounts = [] } = draft;
  return [
    ...(runtime ? [lost(runtime, `${program} knows runtimes by names of its own`)] : []),
    ...(healthCheck?.test?.[0] === "CMD"
      ? [{ flag: "--health-cmd", reason: `${program} has it run by a shell`, lost: false }]
      : []),
    ...(draft.userns
      ? [lost("user namespace", `${program} can't be told of one for a single container`)]
      : []),
    ...mounts
      .filter(hidden)
      .map(({ target }) => lost(target, `${program} can't be told that programs run in it`)),
  ];
}
