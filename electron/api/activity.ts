import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function activityHandlers(core: Core): Handlers<AppContract>["activity"] {
  return {
    events: (input) => core.exchange.query(input),
    watchEvents: (_input, { signal }) => core.exchange.watch(signal),
    watchOperations: (_input, { signal }) => core.operations.watch(signal),
    cancel: ({ id }) => {
      core.operations.cancel(id);
      return {};
    },
  };
}
