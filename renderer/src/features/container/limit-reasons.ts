import type { LimitKind } from "#shared/contract/system";
import { sentence } from "../../components/error-note.tsx";
import { useSystem } from "../../queries/system.ts";

/**
 * Hint and state of a limit's field: one that can't be had here says why, and can only be emptied. `told`: why none at
 * all can be had stands beside it.
 */
export function useLimitField(
  told = false,
): (kind: LimitKind, value: string, hint?: string) => { hint?: string; disabled: boolean } {
  const system = useSystem();
  return (kind, value, hint) => {
    const all = system?.abilities.limits;
    const { ok = true, reason } = (all?.ok ? system?.limits[kind] : all) ?? {};
    const shown = ok || (told && !all?.ok) ? hint : sentence(reason ?? "It can't be limited here");
    return {
      ...(shown === undefined ? {} : { hint: shown }),
      disabled: !ok && value.trim() === "",
    };
  };
}
