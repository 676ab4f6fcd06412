import { z } from "zod";
import { CdiName, Namespaces, UserNamespace } from "./isolation.ts";

/**
 * What a container can be given beyond what most need, in the words of the kernel and of docker: where both have one
 * the name is docker's. Absent is always docker's default.
 */

/** Absolute, with no `..` that would lead elsewhere. */
const Inside = z
  .string()
  .regex(/^\/[^\0]*$/, "Must be an absolute path")
  .refine((path) => !path.split("/").includes(".."), "A path inside has no ..");
export const MountTarget = Inside.refine((path) => !/^\/+$/.test(path), "Its / is the image's");
const OnHost = z.string().regex(/^\/[^\0]*$/, "Must be an absolute path on this machine");

export const Propagation = z.enum(["private", "rprivate", "slave", "rslave", "shared", "rshared"]);
export type Propagation = z.infer<typeof Propagation>;

export const BindMount = z.object({
  type: z.literal("bind"),
  /** A file or directory of this machine, which must be there when the container starts. */
  source: OnHost,
  target: MountTarget,
  readOnly: z.boolean(),
  /** Absent: rprivate. */
  propagation: Propagation.optional(),
  /**
   * As its user namespace sees it: what root owns on this machine is its root's. Without what else is mounted below the
   * source.
   */
  idmap: z.boolean().optional(),
});
export type BindMount = z.infer<typeof BindMount>;

/** docker's rule; `.` and `..` are none. */
export const VolumeName = z
  .string()
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/,
    "A volume's name begins with a letter or digit; then letters, digits, '_', '.', '-'; at most 255",
  );

export const VolumeMount = z.object({
  type: z.literal("volume"),
  /** Made with the container when there is none of that name. Absent: one without a name, the container's own. */
  source: VolumeName.optional(),
  target: MountTarget,
  readOnly: z.boolean(),
  /** An empty one is left so, not filled with what the image has at that place. */
  noCopy: z.boolean().optional(),
});
export type VolumeMount = z.infer<typeof VolumeMount>;

export const TmpfsMount = z.object({
  type: z.literal("tmpfs"),
  target: MountTarget,
  readOnly: z.boolean(),
  /** Bytes; absent: half of the memory, the kernel's own. */
  size: z.number().int().min(4096).optional(),
  /** As chmod takes it; absent: 1777. */
  mode: z
    .string()
    .regex(/^[0-7]{3,4}$/, "Write a mode as 1777")
    .optional(),
  /** Programs in it can be run. */
  exec: z.boolean().optional(),
});
export type TmpfsMount = z.infer<typeof TmpfsMount>;

export const ContainerMount = z.discriminatedUnion("type", [BindMount, VolumeMount, TmpfsMount]);
export type ContainerMount = z.infer<typeof ContainerMount>;

/** capabilities(7), with the CAP_ before it; docker's `ALL` stands for every one. */
export const CapabilityName = z
  .string()
  .regex(/^(ALL|CAP_[A-Z_]+)$/, "Write a capability as CAP_NET_ADMIN, or ALL");

export const SeccompChoice = z.union([
  z.literal("default"),
  z.literal("unconfined"),
  /** A profile on this machine, in docker's format or in OCI's. */
  z.object({ path: OnHost }),
]);
export type SeccompChoice = z.infer<typeof SeccompChoice>;

export const Security = z.object({
  /** docker's: every capability and device, no filter of system calls, nothing of /proc and /sys hidden. */
  privileged: z.boolean().optional(),
  capAdd: z.array(CapabilityName).max(64).optional(),
  capDrop: z.array(CapabilityName).max(64).optional(),
  seccomp: SeccompChoice.optional(),
  /** No program in it can gain rights, as by setuid. */
  noNewPrivileges: z.boolean().optional(),
  /** Nothing can be written but in its mounts. */
  readOnlyRoot: z.boolean().optional(),
});
export type Security = z.infer<typeof Security>;

/** A list as the kernel takes it: `0-3,8`. */
const CpuList = z.string().regex(/^\d+(-\d+)?(,\d+(-\d+)?)*$/, "Write a list as 0-3,8");

/** What it may read or write of one block device in a second: bytes, or operations. */
export const DeviceRate = z.object({
  device: z.string().regex(/^\/dev\/[^\0]+$/, "A device is under /dev"),
  rate: z.number().int().min(1),
});
export type DeviceRate = z.infer<typeof DeviceRate>;

const DeviceRates = z.array(DeviceRate).max(64);
const Weight = z.number().int().min(10).max(1000);

/** Beside Limits, which can be changed while it runs. Memory in bytes. */
export const MoreLimits = z.object({
  /** Its weight where CPUs are short; docker's default is 1024. */
  cpuShares: z.number().int().min(2).max(262_144).optional(),
  cpusetCpus: CpuList.optional(),
  cpusetMems: CpuList.optional(),
  /** Memory and swap together, -1 for no limit of swap. Absent: as much as the memory limit, so no swap. */
  memorySwap: z.union([z.literal(-1), z.number().int().min(1)]).optional(),
  /** What it is pressed down to when memory is short. */
  memoryReservation: z.number().int().min(1).optional(),
  blkioWeight: Weight.optional(),
  /** In place of that one, for a device. */
  blkioWeightDevice: z
    .array(z.object({ device: DeviceRate.shape.device, weight: Weight }))
    .max(64)
    .optional(),
  deviceReadBps: DeviceRates.optional(),
  deviceWriteBps: DeviceRates.optional(),
  deviceReadIops: DeviceRates.optional(),
  deviceWriteIops: DeviceRates.optional(),
  /** The higher, the sooner it is killed when memory is short. */
  oomScoreAdj: z.number().int().min(-1000).max(1000).optional(),
});
export type MoreLimits = z.infer<typeof MoreLimits>;

/** setrlimit(2), without RLIMIT_. */
export const UlimitName = z.enum([
  ...(["as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue"] as const),
  ...(["nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"] as const),
]);
export type UlimitName = z.infer<typeof UlimitName>;

/** -1 is no limit. */
const UlimitValue = z.number().int().min(-1);
export const Ulimit = z
  .object({ name: UlimitName, soft: UlimitValue, hard: UlimitValue })
  .refine(
    ({ soft, hard }) => hard === -1 || (soft !== -1 && soft <= hard),
    "The soft limit is above the hard one",
  );
export type Ulimit = z.infer<typeof Ulimit>;

export const DeviceChoice = z.object({
  /** Of this machine. */
  source: z.string().regex(/^\/dev\/[^\0]+$/, "A device is under /dev"),
  /** In the container; absent: the same. */
  target: Inside.optional(),
  /** Read, write, make node. */
  access: z.string().regex(/^(?=.)r?w?m?$/, "Write some of rwm"),
});
export type DeviceChoice = z.infer<typeof DeviceChoice>;

/** Those that hold in a container alone (moby: opts/opts.go; the rest would change this machine). */
export const SysctlName = z
  .string()
  .regex(
    /^(net\.[\w.\-/]+|fs\.mqueue\.\w+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced|domainname))$/,
    "Only net.*, fs.mqueue.* and the kernel's IPC settings hold in a container alone",
  );

const DnsName = z.string().regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$|^\.$/, "Write a domain");
export const Dns = z.object({
  servers: z
    .array(z.union([z.ipv4(), z.ipv6()]))
    .max(16)
    .optional(),
  search: z.array(DnsName).max(16).optional(),
  /** resolv.conf(5): `ndots:2`. */
  options: z
    .array(z.string().regex(/^[a-z0-9-]+(:\d+)?$/, "Write an option as ndots:2"))
    .max(16)
    .optional(),
});
export type Dns = z.infer<typeof Dns>;

export const ExtraHost = z.object({
  host: z.string().regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/, "Write a host name"),
  /** docker's `host-gateway` is this machine as the container reaches it. */
  ip: z.union([z.ipv4(), z.ipv6(), z.literal("host-gateway")]),
});
export type ExtraHost = z.infer<typeof ExtraHost>;

/** The fields that they add to a container's configuration. */
export const containerOptions = {
  security: Security.optional(),
  moreLimits: MoreLimits.optional(),
  ulimits: z.array(Ulimit).max(16).optional(),
  /** No two at one place. */
  mounts: z
    .array(ContainerMount)
    .max(256)
    .refine(
      (mounts) => new Set(mounts.map(({ target }) => target)).size === mounts.length,
      "Two mounts have the same place",
    )
    .optional(),
  devices: z.array(DeviceChoice).max(256).optional(),
  /** Devices by name, with what else their makers say a container needs for them. */
  cdiDevices: z.array(CdiName).max(64).optional(),
  /** Groups beside its user's own: names that the image's /etc/group knows, or gids. */
  groupAdd: z.array(z.string().min(1).max(64)).max(64).optional(),
  /** Absent: those of the machine (of an ordinary user: of that user). */
  userns: UserNamespace.optional(),
  /** Absent: its own, as far as docker's are. */
  namespaces: Namespaces.optional(),
  sysctls: z.record(SysctlName, z.string().max(4096)).optional(),
  /** Size of /dev/shm, bytes; absent: 64 MiB. */
  shmSize: z.number().int().min(4096).optional(),
  /** A small init is process 1: it passes signals on and reaps what is left behind. */
  init: z.boolean().optional(),
  /** Written into the container's /etc/resolv.conf. */
  dns: Dns.optional(),
  /** Written into the container's /etc/hosts. */
  extraHosts: z.array(ExtraHost).max(256).optional(),
};
