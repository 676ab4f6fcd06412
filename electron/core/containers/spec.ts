import type { ContainerConfig, Limits } from "#shared/contract/containers";
import type { ImageConfig } from "#shared/contract/images";
import type { Ability } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import type { NetworkPlan } from "../network/network-plan.ts";
import type { OciProcess, OciResources, OciSpec } from "../runtime/runtime.ts";
import type { HostFacts } from "../system/host-facts.ts";

export interface SpecRequest {
  id: string;
  config: ContainerConfig;
  image: ImageConfig;
  user: OciProcess["user"];
  facts: HostFacts;
  /** Whether the runtime can enforce limits here. */
  limits: Ability;
  network: NetworkPlan;
  /** Its own /etc/hosts and the like. */
  etc: OciSpec["mounts"];
}

/** A spec, and in what it differs, each a sentence. */
export interface SpecResult {
  spec: OciSpec;
  /** What was asked for but could not be put into it. */
  warnings: string[];
  /** Defaults that nobody asked for, made less to fit this machine. */
  notes: string[];
}

/**
 * The OCI runtime spec (v1.0.2) of a container: docker's defaults, so that images behave as they do
 * elsewhere. `root.path` is the bundle's business.
 */
export function makeSpec(request: SpecRequest): SpecResult {
  const { id, config, image, facts, network } = request;
  const warnings = [...network.warnings];
  const notes = [...network.notes];
  const args = commandOf(config, image);
  if (args.length === 0) {
    throw new AppError("INVALID_ARGUMENT", "There is no command to run", {
      field: "args",
      hint: "The image names none: give one.",
    });
  }
  const hostname = config.hostname || id.slice(0, 12);
  const process: OciProcess = {
    terminal: config.terminal,
    user: request.user,
    args,
    env: environment(config, image, hostname),
    cwd: config.cwd ?? (image.cwd || "/"),
    capabilities: {
      bounding: capabilities,
      permitted: capabilities,
      effective: capabilities,
    },
    noNewPrivileges: false,
  };
  if (!facts.rootless) process.rlimits = [openFiles(facts, notes)];
  const spec: OciSpec = {
    ociVersion: "1.0.2",
    process,
    root: { path: "rootfs", readonly: false },
    hostname,
    mounts: [...mounts(facts, network.kind === "host"), ...request.etc],
    linux: {
      namespaces: namespaces(facts, network.kind === "host"),
      ...(network.kind === "networks" ? { sysctl: ownNetwork } : {}),
      maskedPaths,
      readonlyPaths,
    },
  };
  const asked = Object.keys(config.limits).length > 0;
  if (request.limits.ok && facts.cgroup !== "none") {
    spec.linux.resources = resources(config.limits, facts, warnings);
    // An ordinary user's runtime can't make this; it stays in the cgroup it was started in.
    if (!facts.rootless) spec.linux.cgroupsPath = `/shimyard/${id}`;
  } else if (asked) {
    warnings.push(
      `The limits are not applied: ${request.limits.reason ?? "this machine has no cgroups"}`,
    );
  }
  return { spec, warnings, notes };
}

/**
 * What is run: docker's rule (moby: daemon/commit.go, merge). An entrypoint of the container's own leaves the image's
 * cmd out, an empty one is none.
 */
export function commandOf(
  { entrypoint, args }: Pick<ContainerConfig, "entrypoint" | "args">,
  image: ImageConfig,
): string[] {
  const cmd = args.length === 0 && !entrypoint?.length ? image.cmd : args;
  return [...(entrypoint ?? image.entrypoint), ...cmd];
}

/**
 * What is handed to a running task so that its limits become these; what is absent is lifted.
 */
export function updatedResources(limits: Limits, facts: HostFacts): OciResources {
  // -1 is "no limit" for memory only: crun 1.8 can't say it of the quota on v1, nor of pids.
  const memory = limits.memory ?? -1;
  return {
    memory: { limit: memory, ...(facts.swapLimit ? { swap: memory } : {}) },
    cpu: { quota: cpuQuota(limits.cpus ?? facts.cpus), period: cpuPeriod },
    pids: { limit: limits.pids ?? maxPids },
  };
}

/** The kernel's PID_MAX_LIMIT. */
const maxPids = 4_194_304;
/** Microseconds; the kernel's default (sched-bwc). */
const cpuPeriod = 100_000;
/** The kernel takes no quota below a millisecond. */
const cpuQuota = (cpus: number): number => Math.max(1000, Math.round(cpus * cpuPeriod));

function resources(limits: Limits, facts: HostFacts, warnings: string[]): OciResources {
  const result: OciResources = {};
  // The runtime adds what every container may use (null, zero, tty, ...).
  if (!facts.rootless) result.devices = [{ allow: false, access: "rwm" }];
  if (limits.memory !== undefined) {
    result.memory = { limit: limits.memory };
    // The same for memory and swap together: a limit is then what it says, and not half of it.
    if (facts.swapLimit) result.memory.swap = limits.memory;
    else warnings.push("Swap is not limited: this kernel does not account it");
  }
  if (limits.cpus !== undefined) {
    if (limits.cpus > facts.cpus) {
      warnings.push(`The CPU limit of ${limits.cpus} is above this machine's ${facts.cpus} CPUs`);
    }
    result.cpu = { quota: cpuQuota(limits.cpus), period: cpuPeriod };
  }
  if (limits.pids !== undefined) result.pids = { limit: limits.pids };
  return result;
}

/** soft and hard as systemd gives them to services, docker's since 25. */
const wantedOpenFiles = { soft: 1024, hard: 524_288 };

function openFiles(
  facts: HostFacts,
  notes: string[],
): { type: string; hard: number; soft: number } {
  const hard = Math.min(wantedOpenFiles.hard, facts.openFiles);
  if (hard < wantedOpenFiles.hard) {
    notes.push(`A process can open at most ${hard} files: this machine's hard limit`);
  }
  return { type: "RLIMIT_NOFILE", soft: Math.min(wantedOpenFiles.soft, hard), hard };
}

/** docker's order: what is always there, then the image's, then the user's; the last one wins. */
function environment(config: ContainerConfig, image: ImageConfig, hostname: string): string[] {
  const values = new Map<string, string>();
  for (const entry of [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    `HOSTNAME=${hostname}`,
    ...(config.terminal ? ["TERM=xterm-256color"] : []),
    ...image.env,
    ...config.env,
  ]) {
    const at = entry.indexOf("=");
    values.set(entry.slice(0, at), entry.slice(at + 1));
  }
  return [...values].map(([key, value]) => `${key}=${value}`);
}

/** moby: oci/caps/defaults.go */
const capabilities = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** moby: oci/defaults.go */
const maskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** docker's: what holds in a network namespace of one's own needs no privilege there. */
const ownNetwork = {
  "net.ipv4.ip_unprivileged_port_start": "0",
  "net.ipv4.ping_group_range": "0 2147483647",
};

/**
 * A network namespace with nothing but loopback in it: what else comes is put there before the start (network/). No
 * user namespace: an ordinary user's container lives in its shim's.
 */
function namespaces(facts: HostFacts, hostNetwork: boolean): { type: string }[] {
  const types = ["pid", "ipc", "uts", "mount"];
  if (!hostNetwork) types.push("network");
  // On v1 docker shares the host's; runc's cgroup mount there relies on it.
  if (facts.cgroup === "v2") types.push("cgroup");
  return types.map((type) => ({ type }));
}

function mounts(facts: HostFacts, hostNetwork: boolean): OciSpec["mounts"] {
  const safe = ["nosuid", "noexec", "nodev"];
  const list: OciSpec["mounts"] = [
    { destination: "/proc", type: "proc", source: "proc", options: safe },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: [
        ...["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        // The tty group; a user namespace may not map it.
        ...(facts.rootless ? [] : ["gid=5"]),
      ],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...safe, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: safe },
    // Its sysfs is for the owner of a network namespace to mount; this machine's is not an ordinary user's.
    facts.rootless && hostNetwork
      ? { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", ...safe, "ro"] }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...safe, "ro"] },
  ];
  // For an ordinary user on v1 there is no cgroup of the container's own to show.
  if (facts.cgroup === "v2" || (facts.cgroup !== "none" && !facts.rootless)) {
    list.push({
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...safe, "relatime", "ro"],
    });
  }
  return list;
}
