import { access, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerConfig } from "#shared/contract/containers";
import type { DeviceChoice } from "#shared/contract/container-options";
import { AppError } from "#shared/errors";
import { cgroupHost } from "../../host/cgroup.ts";
import { capabilitiesIn, chooseCapabilities } from "./capabilities.ts";
import { type HardLimits, parseHardLimits } from "./rlimits.ts";
import { loadSeccomp, type OciSeccomp } from "./seccomp.ts";

/** A device node as the specification has it (config-linux.md#devices). */
export interface OciDevice {
  path: string;
  type: "c" | "b";
  major: number;
  minor: number;
  fileMode: number;
  uid: number;
  gid: number;
}

/** What a container is given of this machine, looked up before its spec is made. */
export interface HostSide {
  capabilities: string[];
  seccomp: OciSeccomp | undefined;
  /** `source`: the node on this machine. */
  devices: { node: OciDevice; access: string; source: string }[];
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
  ...{ capabilities: [], seccomp: undefined, devices: [], init: undefined, hardLimits: {} },
  ...{ leastOomScore: -1000, blkioWeight: true, warnings: [], notes: [] },
};

/** INVALID_ARGUMENT for what is not there, with the field that asks for it. */
export async function findHostSide(config: ContainerConfig): Promise<HostSide> {
  const { security = {}, devices = [], mounts = [], ulimits = [], moreLimits = {} } = config;
  const warnings: string[] = [];
  const notes: string[] = [];
  const own = await ownRights();
  const capabilities = chooseCapabilities(security, own.given, warnings);
  const [seccomp, nodes, init, hardLimits, leastOomScore, blkioWeight] = await Promise.all([
    loadSeccomp(security.seccomp ?? "default", capabilities, notes),
    Promise.all(devices.map(findDevice)),
    config.init ? findInit() : undefined,
    ulimits.length > 0 ? findHardLimits(own.unlimited) : {},
    moreLimits.oomScoreAdj === undefined || own.unlimited ? -1000 : ownOomScore(),
    moreLimits.blkioWeight === undefined || weighsBlockIo(),
    ...mounts.map((mount) => mount.type === "bind" && requireSource(mount.source)),
  ]);
  return {
    ...{ capabilities, seccomp, devices: nodes, init, hardLimits, leastOomScore, blkioWeight },
    ...{ warnings, notes },
  };
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

async function findDevice(choice: DeviceChoice): Promise<HostSide["devices"][number]> {
  const { source, target = source, access } = choice;
  const found = await stat(source, { bigint: true }).catch((error: unknown) => {
    throw AppError.wrap(error, `The device ${source} can't be given`, { field: "devices" });
  });
  if (!found.isCharacterDevice() && !found.isBlockDevice()) {
    throw new AppError("INVALID_ARGUMENT", `${source} is no device`, {
      ...{ field: "devices", hint: "Mount it, if it is a file or a directory." },
    });
  }
  const { rdev, mode, uid, gid } = found;
  return {
    ...{ access, source },
    node: {
      path: target,
      type: found.isBlockDevice() ? "b" : "c",
      // glibc: sys/sysmacros.h
      major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
      minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
      ...{ fileMode: Number(mode) & 0o777, uid: Number(uid), gid: Number(gid) },
    },
  };
}
