import { access, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerConfig } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import { findCdiEdits } from "../../cdi/cdi-devices.ts";
import type { CdiEdits } from "../../cdi/cdi-spec.ts";
import { cgroupHost } from "../../host/cgroup.ts";
import { capabilitiesIn, chooseCapabilities } from "./capabilities.ts";
import { requireCpuSets } from "./cpu-sets.ts";
import {
  findAllDevices,
  findCdiDevice,
  findDevicesAt,
  findLimitedDevices,
  type GivenDevice,
} from "./devices.ts";
import { requireIdMapping } from "./id-maps.ts";
import { requireMappable } from "./mapped-mounts.ts";
import { findJoined, type JoinedNamespaces, requireApart } from "./namespaces.ts";
import { type HardLimits, parseHardLimits } from "./rlimits.ts";
import { loadSeccomp, type OciSeccomp } from "./seccomp.ts";

/** What a container is given of this machine, looked up before its spec is made. */
export interface HostSide {
  capabilities: string[];
  seccomp: OciSeccomp | undefined;
  devices: GivenDevice[];
  /** What devices that were asked for by name need beside their nodes. */
  cdi: CdiEdits[];
  /** Block devices with limits, by path. */
  limitedDevices: ReadonlyMap<string, { major: number; minor: number }>;
  /** Of other containers. */
  joined: JoinedNamespaces;
  /** Path of the init that is put in front of its command. */
  init: string | undefined;
  hardLimits: HardLimits;
  /** The lowest OOM score that can be given. */
  leastOomScore: number;
  /** The kernel weighs block I/O. */
  blkioWeight: boolean;
  warnings: string[];
  notes: string[];
}

/** For a container that is given nothing of it, not even a capability. */
export const noHostSide: HostSide = {
  ...{ capabilities: [], seccomp: undefined, devices: [], cdi: [], limitedDevices: new Map() },
  ...{ joined: {}, init: undefined, hardLimits: {}, leastOomScore: -1000, blkioWeight: true },
  ...{ warnings: [], notes: [] },
};

export interface HostSideContext {
  rootless: boolean;
  /** See findJoined. */
  pidOf: (container: string, field: string) => number;
}

/** INVALID_ARGUMENT for what is not there, with the field that asks for it. */
export async function findHostSide(
  config: ContainerConfig,
  { rootless, pidOf }: HostSideContext,
): Promise<HostSide> {
  const { security = {}, mounts = [], ulimits = [], moreLimits = {} } = config;
  const { privileged = false } = security;
  requireApart(config);
  await requireIdMapping(config, rootless);
  await requireMappable(config);
  const warnings: string[] = [];
  const notes: string[] = [];
  const own = await ownRights();
  const capabilities = privileged ? own.given : chooseCapabilities(security, own.given, warnings);
  // docker's rule: a privileged one has a filter only when it is given one.
  const filter = security.seccomp ?? (privileged ? "unconfined" : "default");
  const weighs = moreLimits.blkioWeight !== undefined || moreLimits.blkioWeightDevice !== undefined;
  const [seccomp, given, limitedDevices, init, hardLimits, leastOomScore, blkioWeight] =
    await Promise.all([
      loadSeccomp(filter, capabilities, notes),
      findDevices(config, rootless),
      findLimitedDevices(moreLimits),
      config.init ? findInit() : undefined,
      ulimits.length > 0 ? findHardLimits(own.unlimited) : {},
      moreLimits.oomScoreAdj === undefined || own.unlimited ? -1000 : ownOomScore(),
      !weighs || weighsBlockIo(),
      requireCpuSets(moreLimits),
      ...mounts.map((mount) => mount.type === "bind" && requireSource(mount.source)),
    ]);
  if (privileged && rootless) {
    notes.push("Its privileges are within this user's own rights: no more than the user may do");
  }
  return {
    ...{ ...given, capabilities, seccomp, limitedDevices, init, hardLimits, leastOomScore },
    ...{ blkioWeight, joined: findJoined(config, pidOf), warnings, notes },
  };
}

/** Those it asks for by path, by name, and as a privileged one every other: the first of a path is the one. */
async function findDevices(
  { devices = [], cdiDevices = [], security }: ContainerConfig,
  rootless: boolean,
): Promise<Pick<HostSide, "devices" | "cdi">> {
  const cdi = await findCdiEdits(cdiDevices);
  const named = await Promise.all([
    ...devices.map(findDevicesAt),
    ...cdi.flatMap(({ deviceNodes }) => (deviceNodes ?? []).map(findCdiDevice)),
  ]);
  const nodes = named.flat();
  const all = security?.privileged ? await findAllDevices(rootless) : [];
  const byPath = new Map([...all, ...nodes.reverse()].map((device) => [device.node.path, device]));
  return { cdi, devices: [...byPath.values()] };
}

let rights: Promise<{ given: string[]; unlimited: boolean }> | undefined;

/** What this process may give away, and whether it may raise limits. Neither changes while it runs. */
function ownRights(): Promise<{ given: string[]; unlimited: boolean }> {
  rights ??= readFile("/proc/self/status", "utf8").then((status) => ({
    given: capabilitiesIn(status, "CapBnd"),
    unlimited: capabilitiesIn(status, "CapEff").includes("CAP_SYS_RESOURCE"),
  }));
  return rights;
}

async function findHardLimits(unlimited: boolean): Promise<HardLimits> {
  if (!unlimited) return parseHardLimits(await readFile("/proc/self/limits", "utf8"));
  // Not even root's processes can have more open files than this.
  return { nofile: Number(await readFile("/proc/sys/fs/nr_open", "utf8")) };
}

const ownOomScore = async (): Promise<number> =>
  Number(await readFile("/proc/self/oom_score_adj", "utf8"));

/** v1 has the file only with a scheduler that weighs. v2 takes the weight either way. */
async function weighsBlockIo(): Promise<boolean> {
  const { blkio } = (await cgroupHost()).mounts;
  if (blkio === undefined) return true;
  return anyOf([join(blkio, "blkio.weight"), join(blkio, "blkio.bfq.weight")]).then(
    (path) => path !== undefined,
  );
}

/** Static ones: they have to run in any image. */
const inits = [
  "/usr/bin/catatonit",
  "/usr/libexec/podman/catatonit",
  "/usr/libexec/catatonit/catatonit",
  "/usr/lib/podman/catatonit",
  "/usr/bin/tini-static",
  "/usr/bin/docker-init",
  "/usr/libexec/docker/docker-init",
];

async function findInit(): Promise<string> {
  const path = await anyOf(inits);
  if (path !== undefined) return path;
  throw new AppError("FAILED_PRECONDITION", "There is no init for containers on this machine", {
    ...{ field: "init", hint: "Install catatonit, or leave the init out." },
  });
}

async function anyOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

async function requireSource(source: string): Promise<void> {
  await stat(source).catch((error: unknown) => {
    throw AppError.wrap(error, `${source} can't be mounted`, {
      ...{ field: "mounts", hint: "Make it first: nothing is made for a mount." },
    });
  });
}
