import type { Security } from "../contract/container-options.ts";
import type { HealthCheck } from "../contract/health.ts";
import type { RestartPolicy } from "../contract/containers.ts";
import { parsePorts } from "../base/port-words.ts";
import type { RunDraft } from "./draft.ts";
import {
  dns,
  type Flag,
  limit,
  moreLimit,
  mount,
  onOff,
  type Program,
  security,
  value,
} from "./flag.ts";
import { isolationFlags } from "./isolation-flags.ts";
import { lostFlags, vainFlags } from "./other-flags.ts";
import { healthValue, parseHealthTest, withHealth } from "./health.ts";
import { parseMount, parseTmpfs, parseVolume } from "./mounts.ts";
import { addNetwork, changeFirst, isPodmanDefault } from "./networks.ts";
import {
  capabilityNames,
  parseBoolean,
  parseSize,
  parseUlimit,
  parseWhole,
  splitPair,
  wrong,
} from "./values.ts";

const health = (name: keyof Omit<HealthCheck, "test">): Flag =>
  value((text, { healthCheck }) => withHealth(healthCheck, healthValue(name, text)));

/** Those that a container here can be given, by docker's names. */
const carried: Record<string, Flag> = {
  "add-host": value((text, { extraHosts = [] }) => {
    const [host, ip = ""] = splitPair(text, text.includes("=") ? "=" : ":");
    return {
      extraHosts: [...extraHosts, { host, ip: ip.replace(/^\[(.*)\]$/, "$1") }],
    };
  }),
  "blkio-weight": moreLimit((text) => {
    const weight = parseWhole(text);
    return weight === 0 ? {} : { blkioWeight: weight };
  }),
  "cap-add": security((text, { capAdd = [] }) => ({
    capAdd: [...capAdd, ...capabilityNames(text)],
  })),
  "cap-drop": security((text, { capDrop = [] }) => ({
    capDrop: [...capDrop, ...capabilityNames(text)],
  })),
  "cpu-shares": moreLimit((text) => {
    const shares = parseWhole(text);
    return shares === 0 ? {} : { cpuShares: shares };
  }),
  cpus: limit((text) => (Number(text) === 0 ? {} : { cpus: Number(text) })),
  "cpuset-cpus": moreLimit((text) => ({ cpusetCpus: text })),
  "cpuset-mems": moreLimit((text) => ({ cpusetMems: text })),
  // Containers always run in the background.
  detach: onOff(() => ({})),
  dns: dns((text, { servers = [] }) => ({ servers: [...servers, text] })),
  "dns-option": dns((text, { options = [] }) => ({ options: [...options, text] })),
  "dns-search": dns((text, { search = [] }) => ({ search: [...search, text] })),
  // docker makes that of it, too (moby: daemon/oci_linux.go).
  domainname: value((text, { sysctls }) => ({
    sysctls: { ...sysctls, "kernel.domainname": text },
  })),
  entrypoint: value((text, _draft, program) => ({ entrypoint: parseEntrypoint(text, program) })),
  env: value((text, { env }) => {
    if (!text.includes("=")) return wrong("Its value is that of the shell: write it here");
    return { env: [...env, text] };
  }),
  "health-cmd": value((text, { healthCheck }, program) =>
    withHealth(healthCheck, { test: parseHealthTest(text, program) }),
  ),
  "health-interval": health("intervalSeconds"),
  "health-retries": health("retries"),
  "health-start-interval": health("startIntervalSeconds"),
  "health-start-period": health("startPeriodSeconds"),
  "health-timeout": health("timeoutSeconds"),
  hostname: value((hostname) => ({ hostname })),
  init: onOff((on) => (on ? { init: true } : { init: undefined })),
  interactive: onOff((on) => ({ stdin: on })),
  ip: value((ip4, { networks }) => ({ networks: changeFirst(networks, { ip4 }) })),
  ip6: value((ip6, { networks }) => ({ networks: changeFirst(networks, { ip6 }) })),
  label: value((text, { labels }) => {
    const [key, content = ""] = splitPair(text);
    return { labels: { ...labels, [key]: content } };
  }),
  "mac-address": value((mac, { networks }) => ({ networks: changeFirst(networks, { mac }) })),
  memory: limit((text) => (parseSize(text) === 0 ? {} : { memory: parseSize(text) })),
  "memory-reservation": moreLimit((text) =>
    parseSize(text) === 0 ? {} : { memoryReservation: parseSize(text) },
  ),
  "memory-swap": moreLimit((text) => {
    const swap = text === "-1" ? -1 : parseSize(text);
    return swap === 0 ? {} : { memorySwap: swap };
  }),
  mount: mount(parseMount),
  name: value((name) => ({ name })),
  network: value((text, { networks }, program) =>
    program === "podman" && isPodmanDefault(text) ? {} : { networks: addNetwork(networks, text) },
  ),
  "network-alias": value((text, { networks }) => {
    const before = Array.isArray(networks) ? (networks[0]?.aliases ?? []) : [];
    return { networks: changeFirst(networks, { aliases: [...before, ...text.split(",")] }) };
  }),
  "no-healthcheck": onOff((on, { healthCheck }) =>
    on ? withHealth(healthCheck, { test: ["NONE"] }) : {},
  ),
  "oom-score-adj": moreLimit((text) => ({ oomScoreAdj: parseWhole(text) })),
  "pids-limit": limit((text) => (parseWhole(text) <= 0 ? {} : { pids: parseWhole(text) })),
  publish: value((text, { ports = [] }) => {
    const parsed = parsePorts(text);
    return parsed.ok ? { ports: [...ports, ...parsed.ports] } : wrong(parsed.message);
  }),
  "read-only": onOff((on, { security }) => ({
    security: { ...security, readOnlyRoot: on || undefined },
  })),
  restart: value((text) => ({ restart: parseRestart(text) })),
  rm: onOff((on) => ({ autoRemove: on || undefined })),
  "security-opt": security(parseSecurityOption),
  "shm-size": value((text) => ({ shmSize: parseSize(text) })),
  "stop-signal": value((stopSignal) => ({ stopSignal })),
  "stop-timeout": value((text) => ({ stopGraceSeconds: parseGrace(text) })),
  sysctl: value((text, { sysctls }) => {
    const [key, content = ""] = splitPair(text);
    return { sysctls: { ...sysctls, [key]: content } };
  }),
  tmpfs: mount(parseTmpfs),
  tty: onOff((terminal) => ({ terminal })),
  ulimit: value((text, { ulimits = [] }) => ({
    ulimits: [
      ...ulimits.filter(({ name }) => name !== splitPair(text)[0]),
      parseUlimit(text),
    ] as RunDraft["ulimits"],
  })),
  user: value((user) => ({ user })),
  volume: mount(parseVolume),
  workdir: value((cwd) => ({ cwd })),
};

const others: [takesValue: boolean, lost: boolean, flags: Record<string, string>][] = [
  [true, true, lostFlags.withValue],
  [false, true, lostFlags.without],
  [true, false, vainFlags.withValue],
  [false, false, vainFlags.without],
];

/** Every flag of docker 28's and podman 5's `run`, by its long name. */
export const flags: ReadonlyMap<string, Flag> = new Map([
  ...Object.entries(carried),
  ...Object.entries(isolationFlags),
  ...others.flatMap(([takesValue, lost, named]) =>
    Object.entries(named).map(([name, reason]): [string, Flag] => [
      name,
      { takesValue, lost, reason },
    ]),
  ),
]);

/** docker's and podman's second names for some. */
export const aliases: Readonly<Record<string, string>> = {
  ...{ net: "network", "net-alias": "network-alias", "dns-opt": "dns-option" },
  ...{ "health-startcmd": "health-startup-cmd" },
};

export const shortFlags: Readonly<Record<string, string>> = {
  ...{ a: "attach", c: "cpu-shares", d: "detach", e: "env", h: "hostname", i: "interactive" },
  ...{ l: "label", m: "memory", p: "publish", P: "publish-all", q: "quiet", t: "tty", u: "user" },
  ...{ v: "volume", w: "workdir" },
};

/** podman's may be a JSON list. */
function parseEntrypoint(text: string, program: Program): string[] {
  if (text === "") return [];
  if (program === "podman" && text.startsWith("[")) {
    try {
      return (JSON.parse(text) as unknown[]).map(String);
    } catch {
      return wrong("Its list is no JSON");
    }
  }
  return [text];
}

/** Seconds. */
function parseGrace(text: string): number {
  const grace = parseWhole(text);
  return grace < 0 ? wrong("It is waited for no longer than a day: write 86400") : grace;
}

function parseRestart(text: string): RestartPolicy {
  const [name, retries] = splitPair(text, ":");
  if (name === "" || name === "never") return { name: "no" };
  const maximumRetries = retries === undefined ? undefined : parseWhole(retries) || undefined;
  return { name: name as RestartPolicy["name"], ...(maximumRetries ? { maximumRetries } : {}) };
}

function parseSecurityOption(text: string): Security {
  // docker's older form has a colon.
  const [key, content] = splitPair(text, /^[\w-]+:/.test(text) ? ":" : "=");
  switch (key) {
    case "no-new-privileges":
      return { noNewPrivileges: parseBoolean(content ?? "true") || undefined };
    case "seccomp":
      if (content === "unconfined") return { seccomp: "unconfined" };
      if (content === "builtin") return { seccomp: "default" };
      return content?.startsWith("/")
        ? { seccomp: { path: content } }
        : wrong("Write the profile's path from / on");
    case "apparmor":
    case "label":
      return content === "unconfined" || content === "disable"
        ? {}
        : wrong(
            `Containers have no ${key === "label" ? "SELinux label" : "AppArmor profile"} here`,
          );
    default:
      return wrong(`There is no security option “${key}” here`);
  }
}
