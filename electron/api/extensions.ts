import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function extensionHandlers({ extensions }: Core): Handlers<AppContract>["extensions"] {
  return {
    watch: (_input, { signal }) => extensions.watch(signal),
    shipped: () => extensions.shipped(),
    inspect: ({ path }, { signal }) => extensions.inspect(path, { signal }),
    install: ({ enable, ...request }) => extensions.install(request, enable),
    enable: async ({ id }) => {
      await extensions.enable(id);
      return {};
    },
    disable: async ({ id }) => {
      await extensions.disable(id);
      return {};
    },
    remove: async ({ id }) => {
      await extensions.remove(id);
      return {};
    },
    setGrants: async ({ id, grants }) => {
      await extensions.setGrants(id, grants);
      return {};
    },
    log: ({ id }) => extensions.log(id),
    panel: ({ id }) => extensions.panel(id),
    call: ({ id, call }, { signal }) => extensions.call(id, call, { signal }),
    runAction: (request, { signal }) => extensions.runAction(request, { signal }),
  };
}
