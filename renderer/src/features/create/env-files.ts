import type { OutputOf } from "#shared/rpc/define";
import type { AppContract } from "#shared/contract/index";
import type { Read } from "./definition.ts";

/** By path, those that were read. */
export type EnvFiles = ReadonlyMap<string, OutputOf<AppContract["containers"]["readEnvFile"]>>;

/** A line with the variables of its files before its own, as docker takes them, and what of them is missing. */
export function withEnvFiles(read: Read & { ok: true }, files: EnvFiles): Read & { ok: true } {
  const named = read.notes.flatMap(({ envFile }) => {
    const content = envFile === undefined ? undefined : files.get(envFile);
    return content && envFile !== undefined ? [{ path: envFile, ...content }] : [];
  });
  if (named.length === 0) return read;
  const env = new Map(
    [...named.flatMap(({ env }) => env), ...read.draft.env].map((entry) => [
      entry.slice(0, entry.indexOf("=")),
      entry,
    ]),
  );
  const missing = named.flatMap(({ path, unset }) =>
    unset
      .filter((name) => !env.has(name))
      .map((flag) => ({ flag, lost: true, reason: `It has no value in ${path}: write it here` })),
  );
  const kept = read.notes.filter(({ envFile }) => envFile === undefined || !files.has(envFile));
  return {
    ...read,
    draft: { ...read.draft, env: [...env.values()] },
    notes: [...kept, ...missing],
  };
}
