import { applyFlag } from "#shared/run-line/apply-flag";
import { emptyDraft, type RunDraft } from "#shared/run-line/draft";
import { flags } from "#shared/run-line/flags";
import { usernsWords } from "#shared/run-line/isolation-flags";
import { flagGroups } from "#shared/run-line/write-run-line";

/** How several values stand in one field: a line each, words, or only one. */
type Split = "lines" | "words" | "one" | "switch";

/**
 * The fields beyond what most containers need. Each is written as docker's flag of that name takes it, and read by the
 * same code that reads a command line. `path` is the contract's, as errors name it.
 */
export const optionFields = {
  volume: { path: "mounts", split: "lines", section: "files" },
  tmpfs: { path: "tmpfs", split: "lines", section: "files" },
  device: { path: "devices", split: "lines", section: "files" },
  "shm-size": { path: "shmSize", split: "one", section: "files" },
  "read-only": { path: "security.readOnlyRoot", split: "switch", section: "files" },
  "memory-swap": { path: "moreLimits.memorySwap", split: "one", section: "limits" },
  "memory-reservation": { path: "moreLimits.memoryReservation", split: "one", section: "limits" },
  "cpu-shares": { path: "moreLimits.cpuShares", split: "one", section: "limits" },
  "cpuset-cpus": { path: "moreLimits.cpusetCpus", split: "one", section: "limits" },
  "cpuset-mems": { path: "moreLimits.cpusetMems", split: "one", section: "limits" },
  "blkio-weight": { path: "moreLimits.blkioWeight", split: "one", section: "limits" },
  "oom-score-adj": { path: "moreLimits.oomScoreAdj", split: "one", section: "limits" },
  "device-read-bps": { path: "moreLimits.deviceReadBps", split: "lines", section: "rates" },
  "device-write-bps": { path: "moreLimits.deviceWriteBps", split: "lines", section: "rates" },
  "device-read-iops": { path: "moreLimits.deviceReadIops", split: "lines", section: "rates" },
  "device-write-iops": { path: "moreLimits.deviceWriteIops", split: "lines", section: "rates" },
  "blkio-weight-device": {
    path: "moreLimits.blkioWeightDevice",
    split: "lines",
    section: "rates",
  },
  ulimit: { path: "ulimits", split: "words", section: "limits" },
  privileged: { path: "security.privileged", split: "switch", section: "security" },
  "group-add": { path: "groupAdd", split: "words", section: "security" },
  userns: { path: "userns", split: "words", section: "security" },
  pid: { path: "namespaces.pid", split: "one", section: "sharing" },
  ipc: { path: "namespaces.ipc", split: "one", section: "sharing" },
  uts: { path: "namespaces.uts", split: "switch", section: "sharing" },
  cgroupns: { path: "namespaces.cgroup", split: "one", section: "sharing" },
  "cap-add": { path: "security.capAdd", split: "words", section: "security" },
  "cap-drop": { path: "security.capDrop", split: "words", section: "security" },
  seccomp: { path: "security.seccomp", split: "one", section: "security" },
  "no-new-privileges": { path: "security.noNewPrivileges", split: "switch", section: "security" },
  sysctl: { path: "sysctls", split: "lines", section: "security" },
  init: { path: "init", split: "switch", section: "security" },
  "add-host": { path: "extraHosts", split: "words", section: "hosts" },
  dns: { path: "dns.servers", split: "words", section: "hosts" },
  "dns-search": { path: "dns.search", split: "words", section: "hosts" },
  "dns-option": { path: "dns.options", split: "words", section: "hosts" },
  "no-healthcheck": { path: "healthCheck", split: "switch", section: "health" },
  "health-cmd": { path: "healthCheck.test", split: "one", section: "health" },
  "health-interval": { path: "healthCheck.intervalSeconds", split: "one", section: "health" },
  "health-timeout": { path: "healthCheck.timeoutSeconds", split: "one", section: "health" },
  "health-retries": { path: "healthCheck.retries", split: "one", section: "health" },
  "health-start-period": {
    path: "healthCheck.startPeriodSeconds",
    split: "one",
    section: "health",
  },
  "health-start-interval": {
    ...{ path: "healthCheck.startIntervalSeconds", split: "one", section: "health" },
  },
  "stop-signal": { path: "stopSignal", split: "one", section: "ending" },
  "stop-timeout": { path: "stopGraceSeconds", split: "one", section: "ending" },
  rm: { path: "autoRemove", split: "switch", section: "ending" },
} as const satisfies Record<string, { path: string; split: Split; section: string }>;

export type OptionName = keyof typeof optionFields;
export type OptionPath = (typeof optionFields)[OptionName]["path"];
export type OptionSection = (typeof optionFields)[OptionName]["section"];
/** As they are typed; absent or empty is docker's default. */
export type OptionsForm = Partial<Record<OptionName, string>>;

export const optionNames = Object.keys(optionFields) as OptionName[];
export const optionPaths = optionNames.map((name) => optionFields[name].path);

/** The options' part of a configuration, and what is wrong by the contract's path. */
export function toOptions(form: OptionsForm): {
  options: Partial<RunDraft>;
  errors: Partial<Record<OptionPath, string>>;
} {
  let draft: RunDraft = emptyDraft;
  const errors: Partial<Record<OptionPath, string>> = {};
  const unchecked = form["no-healthcheck"] === "true";
  for (const name of optionNames) {
    // What was given of a check that is not wanted any more is not shown either.
    if (unchecked && name.startsWith("health-")) continue;
    for (const value of valuesOf(name, form[name] ?? "")) {
      const [flag, text] = asFlag(name, value);
      const known = flags.get(flag);
      // podman's flag takes a list too, for a check without a shell.
      const applied =
        known && applyFlag(known, text, draft, name === "health-cmd" ? "podman" : "docker");
      if (applied?.ok) draft = applied.draft;
      else errors[optionFields[name].path] ??= applied?.message;
    }
  }
  // The rest has fields of its own.
  const given = Object.entries(draft).filter(([key]) => !(key in emptyDraft));
  return { options: Object.fromEntries(given), errors };
}

/** The options of a configuration as one would type them. */
export function optionsForm(draft: RunDraft): OptionsForm {
  const form: OptionsForm = {};
  // Without the memory limit, of which docker's line has swap although nobody asked for it.
  for (const [word = "", value = "true"] of flagGroups({ ...draft, limits: {} })) {
    const [name, text] = asField(word, value);
    if (name === undefined) continue;
    const before = form[name];
    form[name] = before
      ? `${before}${optionFields[name].split === "lines" ? "\n" : " "}${text}`
      : text;
  }
  const test = draft.healthCheck?.test ?? [];
  if (test[0] === "CMD") form["health-cmd"] = JSON.stringify(test);
  // docker has no flag for it.
  if (draft.userns) form.userns = usernsWords(draft.userns).join(" ");
  return form;
}

function valuesOf(name: OptionName, text: string): string[] {
  const { split } = optionFields[name];
  const parts =
    split === "lines" ? text.split("\n") : split === "words" ? text.split(/[\s,]+/) : [text];
  return parts.map((part) => part.trim()).filter(Boolean);
}

/** The flag, and its value, that a field's value is. */
function asFlag(name: OptionName, value: string): [flag: string, value: string] {
  if (name === "volume" && value.startsWith("type=")) return ["mount", value];
  if (name === "uts") return [name, "host"];
  // podman has a flag for each of both.
  if (name === "userns" && /^[ug]?\d/.test(value)) return ["uidmap", value];
  if (name === "seccomp") return ["security-opt", `seccomp=${value}`];
  if (name === "no-new-privileges") return ["security-opt", `no-new-privileges=${value}`];
  return [name, value];
}

/** The other way. */
function asField(word: string, value: string): [name: OptionName | undefined, value: string] {
  if (word === "-v" || word === "--mount") return ["volume", value];
  if (word === "--security-opt") {
    return value.startsWith("seccomp=")
      ? ["seccomp", value.slice("seccomp=".length)]
      : ["no-new-privileges", "true"];
  }
  const name = word.slice(2);
  if (name === "uts") return [name, "true"];
  return [name in optionFields ? (name as OptionName) : undefined, value];
}

/** What of a section was given, for its closed heading. */
export function sectionSummary(form: OptionsForm, section: OptionSection): string {
  return optionNames
    .filter((name) => optionFields[name].section === section && form[name]?.trim())
    .map((name) => {
      const text = form[name]?.trim().replaceAll(/\s+/g, " ") ?? "";
      return optionFields[name].split === "switch" ? name : `${name} ${text}`;
    })
    .join(" · ");
}
