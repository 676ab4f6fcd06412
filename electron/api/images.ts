import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function imageHandlers({ images }: Core): Handlers<AppContract>["images"] {
  return {
    watch: (_input, { signal }) => images.watch(signal),
    get: ({ id }) => images.get(id),
    ensureStarter: () => images.ensureStarter(),
    importTar: (input) => images.importTar(input),
    importDirectory: (input) => images.importDirectory(input),
    rename: async ({ id, name }) => {
      await images.rename(id, name);
      return {};
    },
    delete: async ({ id }) => {
      await images.delete(id);
      return {};
    },
  };
}
