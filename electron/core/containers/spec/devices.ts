import type { BigIntStats } from "node:fs";
import { access, constants, readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type { DeviceChoice, MoreLimits } from "#shared/contract/container-options";
import { AppError } from "#shared/errors";
import type { CdiDeviceNode } from "../../cdi/cdi-spec.ts";

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

/** A node, what may be done with it (some of `rwm`), and where it is on this machine. */
export interface GivenDevice {
  node: OciDevice;
  access: string;
  source: string;
}

/** A device that was asked for by its path; of a directory all in it, as docker has it (moby: oci/devices_linux.go). */
export async function findDevicesAt(choice: DeviceChoice): Promise<GivenDevice[]> {
  const { source, target = source, access: rights } = choice;
  // A link, as /dev/cdrom is one, leads to a device or to a directory of them.
  const isDirectory = await stat(source).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory) {
    return [{ source, access: rights, node: toNode(target, await statDevice(source, "devices")) }];
  }
  const found = await devicesIn(source);
  if (found.length === 0) {
    throw new AppError("INVALID_ARGUMENT", `There is no device in ${source}`, {
      ...{ field: "devices", hint: "Mount it, if it is an ordinary directory." },
    });
  }
  return found.map((device) => {
    const path = join(target, relative(source, device.source));
    return { ...device, access: rights, node: { ...device.node, path } };
  });
}

/** One that a spec of its maker's names: what the spec leaves out is as on this machine. */
export async function findCdiDevice(device: CdiDeviceNode): Promise<GivenDevice> {
  const { path, type, major, minor, fileMode, uid, gid } = device;
  const source = device.hostPath ?? path;
  const there = toNode(path, await statDevice(source, "cdiDevices"));
  return {
    ...{ source, access: device.permissions || "rwm" },
    node: {
      path,
      type: type === "b" ? "b" : type ? "c" : there.type,
      ...{ major: major ?? there.major, minor: minor ?? there.minor },
      fileMode: fileMode ?? there.fileMode,
      ...{ uid: uid ?? there.uid, gid: gid ?? there.gid },
    },
  };
}

/** Directories of /dev that a container has of its own, or of which each one has its own (moby: oci/devices_linux.go). */
const ownDirectories = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"]);

/** What the runtime puts there itself (config-linux.md#default-devices), and can't where something is mounted. */
const ownNodes = new Set(
  ["console", "full", "null", "ptmx", "random", "tty", "urandom", "zero"].map(
    (name) => `/dev/${name}`,
  ),
);

/** Every device of this machine, for a privileged container; of an ordinary user's those that the user may read. */
export async function findAllDevices(rootless: boolean): Promise<GivenDevice[]> {
  const all = (await devicesIn("/dev")).filter(({ source }) => !ownNodes.has(source));
  if (!rootless) return all;
  const readable = await Promise.all(
    all.map(({ source }) =>
      access(source, constants.R_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return all.filter((_, at) => readable[at]);
}

async function devicesIn(under: string): Promise<GivenDevice[]> {
  const entries = await readdir(under, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry): Promise<GivenDevice[]> => {
      const path = join(under, entry.name);
      if (entry.isDirectory()) {
        return under === "/dev" && ownDirectories.has(entry.name) ? [] : devicesIn(path);
      }
      if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
      try {
        const node = toNode(path, await stat(path, { bigint: true }));
        return [{ source: path, access: "rwm", node }];
      } catch {
        // Gone meanwhile.
        return [];
      }
    }),
  );
  return found.flat();
}

const rateFields = [
  ...(["blkioWeightDevice", "deviceReadBps", "deviceWriteBps"] as const),
  ...(["deviceReadIops", "deviceWriteIops"] as const),
];

/** The numbers of the block devices whose rates or weights are limited, by path. */
export async function findLimitedDevices(
  limits: MoreLimits,
): Promise<Map<string, { major: number; minor: number }>> {
  const found = new Map<string, { major: number; minor: number }>();
  for (const field of rateFields) {
    for (const { device } of limits[field] ?? []) {
      const stats = await statDevice(device, `moreLimits.${field}`);
      const { type, major, minor } = toNode(device, stats);
      if (type === "c") throw unfit(`${device} is no block device`, field);
      const part = await access(`/sys/dev/block/${major}:${minor}/partition`).then(
        () => true,
        () => false,
      );
      // The kernel takes whole disks only (blk-cgroup.c, blkg_conf_open_bdev).
      if (part) throw unfit(`${device} is a part of a disk: rates hold for whole disks`, field);
      found.set(device, { major, minor });
    }
  }
  return found;
}

const unfit = (message: string, field: string): AppError =>
  new AppError("INVALID_ARGUMENT", message, { field: `moreLimits.${field}` });

async function statDevice(source: string, field: string): Promise<BigIntStats> {
  const found = await stat(source, { bigint: true }).catch((error: unknown) => {
    throw AppError.wrap(error, `The device ${source} can't be given`, { field });
  });
  if (found.isCharacterDevice() || found.isBlockDevice()) return found;
  throw new AppError("INVALID_ARGUMENT", `${source} is no device`, {
    ...{ field, hint: "Mount it, if it is a file." },
  });
}

function toNode(path: string, stats: BigIntStats): OciDevice {
  const { rdev, mode, uid, gid } = stats;
  return {
    path,
    type: stats.isBlockDevice() ? "b" : "c",
    // glibc: sys/sysmacros.h
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
    ...{ fileMode: Number(mode) & 0o777, uid: Number(uid), gid: Number(gid) },
  };
}
