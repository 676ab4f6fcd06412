import { arch, platform as nodePlatform } from "node:os";
import { AppError } from "#shared/errors";
import { type Descriptor, type Index, isDocumentType, type Platform } from "./oci.ts";

/** Node's names to Go's, which OCI uses. */
const nodeArchitectures: Record<string, string> = {
  x64: "amd64",
  ia32: "386",
  arm64: "arm64",
  arm: "arm",
  ppc64: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
  loong64: "loong64",
  mipsel: "mipsle",
};
/** The kernel's and other tools' names to Go's, as containerd's platforms/database.go has them. */
const aliases: Record<string, { architecture: string; variant?: string }> = {
  i386: { architecture: "386" },
  i686: { architecture: "386" },
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  aarch64: { architecture: "arm64" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
};

/** What images for this machine say. Containers are Linux's, also where a shim runs them elsewhere. */
export function hostPlatform(): Platform {
  const os = nodePlatform() === "win32" ? "windows" : "linux";
  const architecture = nodeArchitectures[arch()] ?? arch();
  return normalizePlatform({ os, architecture });
}

/** `linux/arm64/v8`, or without the variant. INVALID_ARGUMENT for anything else. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  const [os = "", architecture = "", variant] = parts;
  const well = parts.length <= 3 && parts.every((part) => /^[a-z0-9_.-]+$/.test(part));
  if (!well || architecture === "") {
    throw new AppError("INVALID_ARGUMENT", `"${text}" is not a platform`, {
      field: "platform",
      hint: "Write it as linux/amd64 or linux/arm/v7.",
    });
  }
  return normalizePlatform({ os, architecture, variant });
}

export const platformText = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant ? [variant] : [])].join("/");

/** One spelling for each: no variant where it is the only one (amd64/v1, arm64/v8), arm's always there. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const alias = aliases[given];
  const architecture = alias?.architecture ?? given;
  let variant = (platform.variant || alias?.variant)?.toLowerCase();
  if (variant !== undefined && /^\d/.test(variant)) variant = `v${variant}`;
  if (architecture === "arm64" && variant === "v8") variant = undefined;
  if (architecture === "amd64" && variant === "v1") variant = undefined;
  if (architecture === "arm" && variant === undefined) variant = "v7";
  return { ...platform, os, architecture, variant };
}

/**
 * Of an index, the manifest for `wanted`: its own variant, else the newest of those that run on it too (arm64 v9
 * runs v8, arm v7 runs v6 and v5; containerd's platforms/compare.go). Another architecture is never chosen in
 * silence. Where none is for it, the only one that does not say what it is for: its config does, or it is an index itself.
 * NOT_FOUND lists what there is.
 */
export function choosePlatform(index: Index, wanted: Platform = hostPlatform()): Descriptor {
  const goal = normalizePlatform(wanted);
  const offered = platformManifests(index);
  let best: { descriptor: Descriptor; rank: number } | undefined;
  for (const { descriptor, platform } of offered) {
    if (platform.os !== goal.os || platform.architecture !== goal.architecture) continue;
    if (goal["os.version"] && platform["os.version"] !== goal["os.version"]) continue;
    const rank = variantRank(goal, platform);
    if (rank !== undefined && rank > (best?.rank ?? -1)) best = { descriptor, rank };
  }
  if (best) return best.descriptor;
  const [silent, ...others] = index.manifests.filter(
    ({ platform, mediaType, artifactType }) =>
      !platform && artifactType === undefined && isDocumentType(mediaType),
  );
  if (silent && others.length === 0) return silent;
  const there = [...new Set(offered.map(({ platform }) => platformText(platform)))].join(", ");
  throw new AppError("NOT_FOUND", `The image does not come for ${platformText(goal)}`, {
    hint: there ? `Choose one of: ${there}.` : "It has no manifest of any platform.",
  });
}

/** The images in an index with their platforms, without what is no image: BuildKit's attestations are unknown/unknown. */
export function platformManifests(index: Index): { descriptor: Descriptor; platform: Platform }[] {
  return index.manifests.flatMap((descriptor) => {
    const { platform } = descriptor;
    if (!platform || platform.os === "unknown" || platform.architecture === "unknown") return [];
    return [{ descriptor, platform: normalizePlatform(platform) }];
  });
}

/** The version of a variant that runs on `goal`, the higher the better; undefined when it does not run. */
function variantRank(goal: Platform, offered: Platform): number | undefined {
  if (goal.variant === offered.variant) return Infinity;
  const most = version(goal);
  const rank = version(offered);
  return most === undefined || rank === undefined || rank > most ? undefined : rank;
}

function version({ architecture, variant }: Platform): number | undefined {
  const defaults: Record<string, string> = { amd64: "v1", arm64: "v8" };
  const digits = /^v(\d+)(?:\.(\d+))?$/.exec(variant ?? defaults[architecture] ?? "");
  return digits ? Number(digits[1]) + Number(digits[2] ?? 0) / 100 : undefined;
}
