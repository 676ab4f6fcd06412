import { readFile } from "node:fs/promises";
import { release } from "node:os";
import { z } from "zod";
import type { SeccompChoice } from "#shared/contract/container-options";
import { AppError } from "#shared/errors";
import { readRegularFile } from "../../base/regular-file.ts";

/** The specification's `linux.seccomp`. */
export type OciSeccomp = Record<string, unknown>;

const Filter = z
  .object({
    arches: z.array(z.string()).nullish(),
    caps: z.array(z.string()).nullish(),
    minKernel: z.string().nullish(),
  })
  .nullish();

/**
 * docker's format of a profile (moby: profiles/seccomp/seccomp.go), which podman's is too: OCI's, with the
 * architectures of every machine in it and rules that hold for some capabilities only. OCI's own is one of these.
 */
const Profile = z.object({
  defaultAction: z.string(),
  defaultErrnoRet: z.number().optional(),
  architectures: z.array(z.string()).nullish(),
  archMap: z
    .array(z.object({ architecture: z.string(), subArchitectures: z.array(z.string()).nullish() }))
    .nullish(),
  flags: z.array(z.string()).nullish(),
  syscalls: z
    .array(
      z.object({
        name: z.string().optional(),
        names: z.array(z.string()).nullish(),
        action: z.string(),
        errnoRet: z.number().nullish(),
        args: z
          .array(
            z.object({
              index: z.number(),
              value: z.number(),
              valueTwo: z.number().optional(),
              op: z.string(),
            }),
          )
          .nullish(),
        includes: Filter,
        excludes: Filter,
      }),
    )
    .nullish(),
});
export type SeccompProfile = z.infer<typeof Profile>;

/** This machine as the profile has it: libseccomp's name, and Go's. */
const machines: Partial<Record<NodeJS.Architecture, [scmp: string, go: string]>> = {
  x64: ["SCMP_ARCH_X86_64", "amd64"],
  arm64: ["SCMP_ARCH_AARCH64", "arm64"],
  s390x: ["SCMP_ARCH_S390X", "s390x"],
  ppc64: ["SCMP_ARCH_PPC64LE", "ppc64le"],
  riscv64: ["SCMP_ARCH_RISCV64", "riscv64"],
};

/**
 * Each architecture's rules cost a start some 7 ms of making a filter of them, and no distribution makes programs for
 * this one; most kernels have it switched off.
 */
const unusual = "SCMP_ARCH_X32";

/** A profile as the runtime takes it, for a container with these capabilities on this machine. */
export function convertProfile(
  profile: SeccompProfile,
  capabilities: readonly string[],
  machine: { arch: NodeJS.Architecture; kernel: string } = {
    ...{ arch: process.arch, kernel: release() },
  },
): OciSeccomp {
  const [scmp, go] = machines[machine.arch] ?? [];
  const own = profile.archMap?.find(({ architecture }) => architecture === scmp);
  const architectures = own
    ? [own.architecture, ...(own.subArchitectures ?? [])].filter((name) => name !== unusual)
    : (profile.architectures ?? []);
  const included = (filter: z.infer<typeof Filter>): boolean =>
    (!filter?.arches?.length || filter.arches.includes(go ?? "")) &&
    (filter?.caps ?? []).every((name) => capabilities.includes(name)) &&
    (!filter?.minKernel || isAtLeast(machine.kernel, filter.minKernel));
  const excluded = (filter: z.infer<typeof Filter>): boolean =>
    (filter?.arches?.includes(go ?? "") ?? false) ||
    (filter?.caps ?? []).some((name) => capabilities.includes(name)) ||
    (Boolean(filter?.minKernel) && isAtLeast(machine.kernel, filter?.minKernel ?? ""));
  const syscalls = (profile.syscalls ?? [])
    .filter(({ includes, excludes }) => included(includes) && !excluded(excludes))
    .map(({ name, names, action, errnoRet, args }) => ({
      names: names ?? (name === undefined ? [] : [name]),
      action,
      ...(errnoRet == null ? {} : { errnoRet }),
      ...(args?.length ? { args } : {}),
    }));
  const { defaultAction, defaultErrnoRet, flags } = profile;
  return {
    defaultAction,
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    ...(architectures.length > 0 ? { architectures } : {}),
    ...(flags?.length ? { flags } : {}),
    syscalls,
  };
}

/** `6.1.0-18-amd64` is at least `4.8`. */
function isAtLeast(kernel: string, least: string): boolean {
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/** Where podman looks for its own: the administrator's before the package's. */
const defaultPaths = ["/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json"];

let installed: Promise<SeccompProfile | undefined> | undefined;
/** By capabilities: converting takes as long as a start can't spare. */
const converted = new Map<string, OciSeccomp>();

/** The filter that was chosen, absent for none; `default` is none too where no profile is installed, with a note. */
export async function loadSeccomp(
  choice: SeccompChoice,
  capabilities: readonly string[],
  notes: string[],
): Promise<OciSeccomp | undefined> {
  if (choice === "unconfined") return undefined;
  if (choice !== "default") return convertProfile(await readProfile(choice.path), capabilities);
  installed ??= findInstalled();
  const profile = await installed;
  if (!profile) {
    notes.push(
      "It may make any system call: there is no seccomp profile on this machine (containers-common has one)",
    );
    return undefined;
  }
  const key = capabilities.join();
  const made = converted.get(key) ?? convertProfile(profile, capabilities);
  converted.set(key, made);
  return made;
}

async function findInstalled(): Promise<SeccompProfile | undefined> {
  for (const path of defaultPaths) {
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text !== undefined) return parseProfile(text, path);
  }
  return undefined;
}

async function readProfile(path: string): Promise<SeccompProfile> {
  const text = await readRegularFile(path).catch((error: unknown) => {
    throw AppError.wrap(error, `The seccomp profile ${path} can't be read`, {
      field: "security.seccomp",
    });
  });
  return parseProfile(text, path);
}

function parseProfile(text: string, path: string): SeccompProfile {
  try {
    return Profile.parse(JSON.parse(text));
  } catch (error) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${path} is no seccomp profile`,
      { field: "security.seccomp", hint: "It has docker's format, or OCI's linux.seccomp." },
      error,
    );
  }
}
