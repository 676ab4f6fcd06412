import type { ContainerConfig } from "#shared/contract/containers";
import type { OciSpec } from "../../runtime/runtime.ts";
import type { HostFacts } from "../../system/host-facts.ts";

type OciMount = OciSpec["mounts"][number];

/** docker's, bytes. */
const defaultShmSize = 64 * 1024 ** 2;
const safe = ["nosuid", "noexec", "nodev"];

/** What every container has mounted. */
export function standardMounts(
  { shmSize = defaultShmSize, namespaces = {}, security }: ContainerConfig,
  facts: HostFacts,
  hostNetwork: boolean,
): OciMount[] {
  const { rootless } = facts;
  // docker's privileged ones may write to both.
  const access = security?.privileged ? [] : ["ro"];
  const list: OciMount[] = [
    // An ordinary user's can't have a procfs of processes that are not their own namespace's.
    rootless && namespaces.pid
      ? { destination: "/proc", type: "bind", source: "/proc", options: ["rbind", ...safe] }
      : { destination: "/proc", type: "proc", source: "proc", options: safe },
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
        ...(rootless ? [] : ["gid=5"]),
      ],
    },
    namespaces.ipc === "host"
      ? { destination: "/dev/shm", type: "bind", source: "/dev/shm", options: ["bind", ...safe] }
      : {
          destination: "/dev/shm",
          type: "tmpfs",
          source: "shm",
          options: [...safe, "mode=1777", `size=${shmSize}`],
        },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: safe },
    // Its sysfs is for the owner of a network namespace to mount; this machine's is not an ordinary user's.
    rootless && hostNetwork
      ? {
          destination: "/sys",
          type: "bind",
          source: "/sys",
          options: ["rbind", ...safe, ...access],
        }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...safe, ...access] },
  ];
  // For an ordinary user on v1 there is no cgroup of the container's own to show.
  if (facts.cgroup === "v2" || (facts.cgroup !== "none" && !rootless)) {
    list.push({
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...safe, "relatime", ...access],
    });
  }
  // Its file system is for the owner of an IPC namespace to mount.
  return rootless && namespaces.ipc
    ? list.filter(({ destination }) => destination !== "/dev/mqueue")
    : list;
}
