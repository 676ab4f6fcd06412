import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function volumeHandlers({ volumes }: Core): Handlers<AppContract>["volumes"] {
  return {
    watch: (_input, { signal }) => volumes.watch(signal),
    list: () => volumes.list(),
    create: (input) => volumes.create(input),
    delete: async ({ id }) => {
      await volumes.delete(id);
      return {};
    },
    diskUse: (_input, { signal }) => volumes.diskUse({ signal }),
    previewPrune: (input, { signal }) => volumes.previewPrune(input, { signal }),
    prune: (input) => volumes.prune(input),
    download: ({ id }, { signal }) => volumes.archives.download(id, { signal }),
    backUp: async ({ id, path }) => {
      await volumes.archives.backUp(id, path);
      return {};
    },
    restore: ({ id, path }) => volumes.archives.restore(id, path),
  };
}
