import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function imageHandlers(core: Core): Handlers<AppContract>["images"] {
  const { images, transfers, containerImages, builds } = core;
  return {
    watch: (_input, { signal }) => images.watch(signal),
    get: ({ id }) => images.get(id),
    detail: ({ id }) => images.detail(id),
    ensureStarter: () => images.ensureStarter(),
    importTar: (input) => images.importTar(input),
    importDirectory: (input) => images.importDirectory(input),
    load: ({ path }) => images.loadArchive(path),
    save: async (input) => {
      await images.save(input);
      return {};
    },
    pull: ({ reference, platform }) => transfers.pull(reference, platform),
    push: ({ name }) => transfers.push(name),
    watchTransfers: (_input, { signal }) => transfers.watch(signal),
    suggest: ({ text }, { signal }) => transfers.suggest(text, { signal }),
    platforms: ({ reference }, { signal }) => transfers.platforms(reference, { signal }),
    tag: async ({ id, name }) => {
      await images.tag(id, name);
      return {};
    },
    untag: async ({ name }) => {
      await images.untag(name);
      return {};
    },
    previewDelete: ({ ids }) => images.previewDelete(ids),
    delete: ({ id }) => images.delete(id),
    previewPrune: ({ what }) => images.previewPrune(what),
    prune: async ({ what }) => {
      const result = await images.prune(what);
      if (what === "unused") await builds.clearCache();
      return result;
    },
    commit: (input) => containerImages.commit(input),
    exportContainer: async ({ containerId, path }) => {
      await containerImages.export(containerId, path);
      return {};
    },
    builder: () => builds.builder(),
    build: (input, { signal }) => builds.build(input, signal),
    watchBuild: ({ buildId }, { signal }) => builds.watch(buildId, signal),
  };
}
