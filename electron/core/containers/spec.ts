import { hostname as machineName } from "node:os";
import type { ContainerConfig } from "#shared/contract/containers";
import type { ImageConfig } from "#shared/contract/images";
import type { Ability } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import type { NetworkPlan } from "../network/network-plan.ts";
import type { OciProcess, OciSpec } from "../runtime/runtime.ts";
import type { HostFacts } from "../system/host-facts.ts";
import { applyCdi } from "./spec/cdi.ts";
import type { HostSide } from "./spec/host-side.ts";
import { type IdMaps, specMaps } from "./spec/id-maps.ts";
import { resources } from "./spec/limits.ts";
import { type HostMount, withOwnMounts } from "./spec/mounts.ts";
import { namespacesOf } from "./spec/namespaces.ts";
import { rlimits } from "./spec/rlimits.ts";
import { standardMounts } from "./spec/standard-mounts.ts";

export interface SpecRequest {
  id: string;
  /** Its host name, where the configuration gives none. */
  ownName: string;
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
  /** Of its own user namespace. */
  ids?: IdMaps | undefined;
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
    network.kind !== "container" &&
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
  const isNamed = config.namespaces?.uts !== "host";
  const name = isNamed ? config.hostname || request.ownName : machineName();
  const process: OciProcess = {
    terminal: config.terminal,
    user: request.user,
    // Bound to where every container's own /dev is: nothing of the image is covered.
    args: host.init === undefined ? args : [initPath, "--", ...args],
    env: environment(config, image, name),
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
  const privileged = config.security?.privileged ?? false;
  const { mounts: placed, ...propagation } = withOwnMounts(
    [
      ...standardMounts(config, facts, hostNetwork),
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
    ...(isNamed ? { hostname: name } : {}),
    mounts: placed,
    linux: {
      ...propagation,
      ...(request.ids ? specMaps(request.ids) : {}),
      namespaces: namespacesOf(config, facts, hostNetwork, host.joined),
      ...sysctlOf(config, network, facts, warnings),
      ...(host.seccomp ? { seccomp: host.seccomp } : {}),
      ...(host.devices.length > 0 && !facts.rootless
        ? { devices: host.devices.map(({ node }) => node) }
        : {}),
      ...(privileged ? {} : { maskedPaths, readonlyPaths }),
    },
  };
  applyCdi(spec, host.cdi, warnings);
  if (host.joined.ipc) {
    warnings.push(
      "Files in its /dev/shm are its own: only queues and System V's memory are shared",
    );
  }
  const { oomScoreAdj: _, ...more } = config.moreLimits ?? {};
  const asked = Object.keys({ ...config.limits, ...more }).length > 0;
  if (request.limits.ok && facts.cgroup !== "none") {
    spec.linux.resources = resources(config, host, facts, warnings);
    const { devices } = spec.linux.resources;
    if (privileged && !facts.rootless) devices?.push({ allow: true, access: "rwm" });
    for (const { node, access } of facts.rootless || privileged ? [] : host.devices) {
      const { type, major, minor } = node;
      devices?.push({ allow: true, type, major, minor, access });
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
  { sysctls = {}, userns, namespaces }: ContainerConfig,
  { kind }: NetworkPlan,
  { rootless }: HostFacts,
  warnings: string[],
): { sysctl?: Record<string, string> } {
  const own = Object.entries(sysctls);
  const others = { host: "this machine's", container: "another container's" };
  const whose = kind === "host" || kind === "container" ? others[kind] : undefined;
  const kept = own.filter(([name]) => whose === undefined || !/^net[./]/.test(name));
  if (kept.length < own.length) {
    warnings.push(`Its net.* settings are left out: it has ${whose} network`);
  }
  // In a user namespace nobody may write it, and with this machine's host name it would be this machine's.
  const named = namespaces?.uts === "host" || rootless || userns !== undefined;
  const given = kept.filter(([name]) => !named || name !== "kernel.domainname");
  if (given.length < kept.length) {
    const why = namespaces?.uts === "host" ? "it has this machine's" : "only root can give one";
    warnings.push(`Its domain name is left out: ${why}`);
  }
  const always = kind === "networks" ? ownNetwork(rootless, userns !== undefined) : {};
  const all = { ...always, ...Object.fromEntries(given) };
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
const ownNetwork = (rootless: boolean, mapped: boolean): Record<string, string> => ({
  "net.ipv4.ip_unprivileged_port_start": "0",
  // The kernel takes no group that the user namespace lacks: podman's, then, or where that may lack any, none.
  ...(mapped ? {} : { "net.ipv4.ping_group_range": rootless ? "0 0" : "0 2147483647" }),
});
