import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function shimHandlers({ shims }: Core): Handlers<AppContract>["shims"] {
  return {
    watch: (_input, { signal }) => shims.watch(signal),
    watchMemory: (_input, { signal }) => shims.watchMemory(signal),
    log: ({ id }) => shims.log(id),
    reconnect: async ({ id }) => {
      await shims.reconnect(id);
      return {};
    },
    terminate: async ({ id }) => {
      await shims.terminate(id);
      return {};
    },
    discard: async ({ id }) => {
      await shims.discard(id);
      return {};
    },
  };
}
