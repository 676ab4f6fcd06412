import type { Security } from "#shared/contract/container-options";
import { AppError } from "#shared/errors";

/** moby: oci/caps/defaults.go */
export const defaultCapabilities = [
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

/** capabilities(7), in the kernel's order: a name's place is its bit in /proc/PID/status. */
const names = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"],
  ...["SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"],
  ...["IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"],
  ...["SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"],
  ...["LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"],
  ...["WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"],
].map((name) => `CAP_${name}`);

/** Those in a mask of /proc/PID/status, `CapBnd` or `CapEff`. */
export function capabilitiesIn(status: string, line: "CapBnd" | "CapEff"): string[] {
  const mask = BigInt(`0x${new RegExp(`^${line}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0"}`);
  return names.filter((_, bit) => (mask >> BigInt(bit)) & 1n);
}

/**
 * docker's rule (moby: oci/caps/utils.go, TweakCapabilities): `ALL` added is every one but the dropped, `ALL` dropped
 * leaves the added. `available` is what this manager may give away; what it lacks is left out with a warning.
 */
export function chooseCapabilities(
  { capAdd = [], capDrop = [] }: Pick<Security, "capAdd" | "capDrop">,
  available: readonly string[],
  warnings: string[],
): string[] {
  for (const [field, list] of [["capAdd", capAdd] as const, ["capDrop", capDrop] as const]) {
    const unknown = list.find((name) => name !== "ALL" && !names.includes(name));
    if (unknown === undefined) continue;
    throw new AppError("INVALID_ARGUMENT", `There is no capability ${unknown}`, {
      ...{ field: `security.${field}`, hint: "Write one as CAP_NET_ADMIN; see capabilities(7)." },
    });
  }
  if (capAdd.includes("ALL")) return available.filter((name) => !capDrop.includes(name));
  const kept = capDrop.includes("ALL")
    ? []
    : defaultCapabilities.filter((name) => !capDrop.includes(name));
  const missing = capAdd.filter((name) => !available.includes(name));
  if (missing.length > 0) {
    warnings.push(`It is not given ${missing.join(", ")}: this manager does not have it itself`);
  }
  return [...new Set([...kept, ...capAdd.filter((name) => available.includes(name))])];
}
