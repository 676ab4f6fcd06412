import type { RunDraft } from "./draft.ts";

/** What follows from several flags together. */
export function settle(draft: RunDraft): RunDraft {
  const { terminal, stdin, limits, moreLimits, ...rest } = draft;
  const { memorySwap, ...others } = moreLimits ?? {};
  // No swap beside the memory is what a limit means here by itself.
  const swap = memorySwap === limits.memory ? undefined : memorySwap;
  const more = { ...others, ...(swap === undefined ? {} : { memorySwap: swap }) };
  // A terminal brings its standard input along, which docker's -t alone does not.
  const input = terminal ? (stdin === true ? undefined : false) : stdin || undefined;
  const settled: RunDraft = { ...rest, terminal, limits };
  if (input !== undefined) settled.stdin = input;
  if (Object.keys(more).length > 0) settled.moreLimits = more;
  return withoutEmpty(settled);
}

/** Without what was asked for and taken back, as by `--init=false`. */
function withoutEmpty(draft: RunDraft): RunDraft {
  const { security, dns, ...rest } = draft;
  const clean = <T extends object>(group: T | undefined): T | undefined => {
    const entries = Object.entries(group ?? {}).filter(([, value]) => value !== undefined);
    return entries.length > 0 ? (Object.fromEntries(entries) as T) : undefined;
  };
  return clean({ ...rest, security: clean(security), dns: clean(dns) }) as RunDraft;
}
