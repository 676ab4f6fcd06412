import type { ContainerConfig } from "#shared/contract/containers";
import type { ImageConfig } from "#shared/contract/images";
import type { Ability } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import type { NetworkPlan } from "../network/network-plan.ts";
import type { OciProcess, OciSpec } from "../runtime/runtime.ts";
import type { HostFacts } from "../system/host-facts.ts";
import type { HostSide } from "./spec/host-side.ts";
import { resources } from "./spec/limits.ts";
import { type HostMount, withOwnMounts } from "./spec/mounts.ts";
import { rlimits } from "./spec/rlimits.ts";

export interface SpecRequest {
  id: string;
  config: ContainerConfig;
  image: ImageConfig;
  user: OciProcess["user"];
  facts: HostFacts;
  host: HostSide;
  /** Whether the runtime can enforce limits here. */
  limits: Ability;
  network: NetworkPlan;
  /** What it asks for, its volumes among them. */
  mounts: readonly HostMount[];
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
  const { id, config, image, facts, network, host } = request;
  const warnings = [...network.warnings, ...host.warnings];
  const notes = [...network.notes, ...host.notes];
  if (
    config.extraHosts?.some(({ ip }) => ip === "host-gateway") &&
    (network.kind === "none" || (network.kind !== "host" && facts.rootless))
  ) {
    warnings.push("Its host-gateway is left out: this machine has no address that it could reach");
  }
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
    // Bound to where every container's own /dev is: nothing of the image is covered.
    args: host.init === undefined ? args : [initPath, "--", ...args],
    env: environment(config, image, hostname),
    cwd: config.cwd ?? (image.cwd || "/"),
    capabilities: {
      bounding: host.capabilities,
      permitted: host.capabilities,
      effective: host.capabilities,
    },
    noNewPrivileges: config.security?.noNewPrivileges ?? false,
  };
  const limited = rlimits(config.ulimits ?? [], facts, host.hardLimits, { warnings, notes });
  if (limited) process.rlimits = limited;
  const oomScore = oomScoreOf(config, host, warnings);
  if (oomScore !== undefined) process.oomScoreAdj = oomScore;
  const hostNetwork = network.kind === "host";
  const { mounts: placed, ...propagation } = withOwnMounts(
    [
      ...mounts(facts, hostNetwork, config.shmSize),
      ...request.etc,
      ...(host.init === undefined ? [] : [initMount(host.init)]),
      // Nobody makes a device node in a user namespace: the machine's own is shown instead.
      ...(facts.rootless ? host.devices.map(deviceMount) : []),
    ],
    request.mounts,
    warnings,
  );
  const spec: OciSpec = {
    ociVersion: "1.0.2",
    process,
    root: { path: "rootfs", readonly: config.security?.readOnlyRoot ?? false },
    hostname,
    mounts: placed,
    linux: {
      ...propagation,
      namespaces: namespaces(facts, hostNetwork),
      ...sysctlOf(config, network, facts, warnings),
      ...(host.seccomp ? { seccomp: host.seccomp } : {}),
      ...(host.devices.length > 0 && !facts.rootless
        ? { devices: host.devices.map(({ node }) => node) }
        : {}),
      maskedPaths,
      readonlyPaths,
    },
  };
  const { oomScoreAdj: _, ...more } = config.moreLimits ?? {};
  const asked = Object.keys({ ...config.limits, ...more }).length > 0;
  if (request.limits.ok && facts.cgroup !== "none") {
    spec.linux.resources = resources(config, host.blkioWeight, facts, warnings);
    for (const { node, access } of facts.rootless ? [] : host.devices) {
      const { type, major, minor } = node;
      spec.linux.resources.devices?.push({ allow: true, type, major, minor, access });
    }
    // An ordinary user's has its place where some are delegated (runtime/task-cgroup.ts).
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

const initPath = "/dev/init";

const initMount = (source: string): OciSpec["mounts"][number] => ({
  ...{ destination: initPath, type: "bind", source },
  options: ["bind", "rprivate", "ro"],
});

const deviceMount = ({ node, source }: HostSide["devices"][number]): OciSpec["mounts"][number] => ({
  ...{ destination: node.path, type: "bind", source },
  options: ["bind", "rprivate"],
});

/** An ordinary user's processes can only be made likelier to be killed. */
function oomScoreOf(
  { moreLimits }: ContainerConfig,
  { leastOomScore }: HostSide,
  warnings: string[],
): number | undefined {
  const asked = moreLimits?.oomScoreAdj;
  if (asked === undefined || asked >= leastOomScore) return asked;
  warnings.push(`The OOM score of ${asked} is raised to ${leastOomScore}, the manager's own`);
  return leastOomScore;
}

function sysctlOf(
  { sysctls = {} }: ContainerConfig,
  { kind }: NetworkPlan,
  { rootless }: HostFacts,
  warnings: string[],
): { sysctl?: Record<string, string> } {
  const own = Object.entries(sysctls);
  const kept = own.filter(([name]) => kind !== "host" || !/^net[./]/.test(name));
  if (kept.length < own.length) {
    warnings.push("Its net.* settings are left out: it has this machine's network");
  }
  const all = { ...(kind === "networks" ? ownNetwork(rootless) : {}), ...Object.fromEntries(kept) };
  return Object.keys(all).length > 0 ? { sysctl: all } : {};
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
const ownNetwork = (rootless: boolean): Record<string, string> => ({
  "net.ipv4.ip_unprivileged_port_start": "0",
  // The kernel takes no group that the user namespace lacks. podman's, then.
  "net.ipv4.ping_group_range": rootless ? "0 0" : "0 2147483647",
});

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

/** docker's, bytes. */
const defaultShmSize = 64 * 1024 ** 2;

function mounts(
  facts: HostFacts,
  hostNetwork: boolean,
  shmSize = defaultShmSize,
): OciSpec["mounts"] {
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
      options: [...safe, "mode=1777", `size=${shmSize}`],
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
