import type { CdiEdits, CdiHook } from "../../cdi/cdi-spec.ts";
import type { OciSpec } from "../../runtime/runtime.ts";

type OciMount = OciSpec["mounts"][number];

interface OciHook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

/** Applies what devices by name need: the last of two settings of a variable wins. Their nodes are with the others. */
export function applyCdi(spec: OciSpec, edits: readonly CdiEdits[], warnings: string[]): void {
  if (edits.length === 0) return;
  const { process } = spec;
  const env = new Map((process.env ?? []).map((entry) => [nameOf(entry), entry]));
  for (const entry of edits.flatMap((edit) => edit.env ?? [])) env.set(nameOf(entry), entry);
  process.env = [...env.values()];
  const gids = edits.flatMap(({ additionalGids }) => additionalGids ?? []).filter((gid) => gid > 0);
  if (gids.length > 0) {
    const before = process.user.additionalGids ?? [];
    process.user = { ...process.user, additionalGids: [...new Set([...before, ...gids])] };
  }
  const depth = ({ destination }: OciMount): number => destination.split("/").length;
  const mounts = edits.flatMap((edit) => (edit.mounts ?? []).map(toMount));
  spec.mounts = [...spec.mounts, ...mounts.sort((a, b) => depth(a) - depth(b))];
  const hooks = edits.flatMap((edit) => edit.hooks ?? []);
  if (hooks.length > 0) spec.hooks = byName(hooks);
  if (edits.some(({ intelRdt }) => intelRdt != null)) {
    warnings.push("The cache and memory bandwidth that its devices ask for are not set");
  }
}

const nameOf = (entry: string): string => entry.slice(0, entry.indexOf("="));

function toMount(mount: NonNullable<CdiEdits["mounts"]>[number]): OciMount {
  const { hostPath, containerPath, options, type } = mount;
  const binds = options?.some((option) => option === "bind" || option === "rbind") ?? false;
  const plain = type == null || type === "bind" || type === "none";
  return {
    ...{ destination: containerPath, source: hostPath, type: plain ? "bind" : type },
    options: [...(plain && !binds ? ["rbind"] : []), ...(options ?? [])],
  };
}

/** As the specification has them (config.md#posix-platform-hooks). */
function byName(hooks: readonly CdiHook[]): Record<string, OciHook[]> {
  const named: Record<string, OciHook[]> = {};
  for (const { hookName, path, args, env, timeout } of hooks) {
    (named[hookName] ??= []).push({
      path,
      ...(args ? { args } : {}),
      ...(env ? { env } : {}),
      ...(timeout ? { timeout } : {}),
    });
  }
  return named;
}
