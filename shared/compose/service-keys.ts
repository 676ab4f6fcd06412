import type { Unsupported } from "./field.ts";

/** How a key's value becomes a flag's: as it is, each of a list, true or false, or pairs joined by a mark. */
export type FlagForm = "one" | "each" | "switch" | { join: string; mark: RegExp };

const pairs: FlagForm = { join: "=", mark: /=/ };

/** Keys of a service that say what one of docker run's flags says, in values alike. */
export const flagKeys: Readonly<Record<string, [flag: string, form: FlagForm]>> = {
  cap_add: ["cap-add", "each"],
  cap_drop: ["cap-drop", "each"],
  cgroup: ["cgroupns", "one"],
  cpus: ["cpus", "one"],
  cpuset: ["cpuset-cpus", "one"],
  cpu_shares: ["cpu-shares", "one"],
  dns: ["dns", "each"],
  dns_opt: ["dns-option", "each"],
  dns_search: ["dns-search", "each"],
  domainname: ["domainname", "one"],
  extra_hosts: ["add-host", { join: "=", mark: /[=:]/ }],
  group_add: ["group-add", "each"],
  hostname: ["hostname", "one"],
  init: ["init", "switch"],
  ipc: ["ipc", "one"],
  labels: ["label", pairs],
  mem_limit: ["memory", "one"],
  mem_reservation: ["memory-reservation", "one"],
  memswap_limit: ["memory-swap", "one"],
  oom_score_adj: ["oom-score-adj", "one"],
  pid: ["pid", "one"],
  pids_limit: ["pids-limit", "one"],
  privileged: ["privileged", "switch"],
  read_only: ["read-only", "switch"],
  restart: ["restart", "one"],
  security_opt: ["security-opt", "each"],
  shm_size: ["shm-size", "one"],
  stdin_open: ["interactive", "switch"],
  sysctls: ["sysctl", pairs],
  tmpfs: ["tmpfs", "each"],
  tty: ["tty", "switch"],
  user: ["user", "one"],
  userns_mode: ["userns", "one"],
  uts: ["uts", "one"],
  working_dir: ["workdir", "one"],
};

/** Keys that say what a flag says that can't be carried over, whose reason is theirs too. */
export const reasonKeys: Readonly<Record<string, string>> = {
  annotations: "annotation",
  cgroup_parent: "cgroup-parent",
  cpu_count: "cpu-count",
  cpu_percent: "cpu-percent",
  cpu_rt_period: "cpu-rt-period",
  cpu_rt_runtime: "cpu-rt-runtime",
  device_cgroup_rules: "device-cgroup-rule",
  expose: "expose",
  isolation: "isolation",
  logging: "log-driver",
  log_driver: "log-driver",
  log_opt: "log-opt",
  mem_swappiness: "memory-swappiness",
  oom_kill_disable: "oom-kill-disable",
  storage_opt: "storage-opt",
  use_api_socket: "use-api-socket",
  volumes_from: "volumes-from",
};

/** Keys that only compose has and that can't be had. */
export const serviceUnsupported: Unsupported = {
  lost: {
    credential_spec: "It is for Windows containers",
    external_links: "Put both containers in one network: they find each other by name",
    label_file: "The file's labels are not read: write them here",
    models: "Models are not run here",
    post_start: "Nothing is run in it after its start: have its command do it",
    pre_stop: "Nothing is run in it before its stop: have its command handle the signal",
    provider: "Services of other programs are not run here",
    runtime: "It is run by this machine's best runtime",
  },
  vain: {
    attach: "What it writes is always kept and shown",
    develop: "Nothing is watched here: bring the service up again after a change",
  },
};
