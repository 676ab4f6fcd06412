import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function checkpointHandlers({ checkpoints }: Core): Handlers<AppContract>["checkpoints"] {
  return {
    watch: (_input, { signal }) => checkpoints.watch(signal),
    create: ({ containerId, name, options }) => checkpoints.create(containerId, name, options),
    restore: async ({ id }) => {
      await checkpoints.restore(id);
      return {};
    },
    delete: async ({ id }) => {
      await checkpoints.delete(id);
      return {};
    },
  };
}
