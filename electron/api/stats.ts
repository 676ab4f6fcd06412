import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function statsHandlers({ stats }: Core): Handlers<AppContract>["stats"] {
  return {
    watch: (_input, context) => stats.watch(context),
    history: (input) => stats.history(input),
    host: (_input, context) => stats.host(context),
  };
}
