import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function registryHandlers({ registries }: Core): Handlers<AppContract>["registries"] {
  return {
    watch: (_input, { signal }) => registries.watch(signal),
    put: async (input) => {
      await registries.put(input);
      return {};
    },
    remove: async ({ host }) => {
      await registries.remove(host);
      return {};
    },
    test: ({ host }, { signal }) => registries.test(host, { signal }),
    signIn: async (input, { signal }) => {
      await registries.signIn(input, { signal });
      return {};
    },
    signOut: async ({ host }) => {
      await registries.signOut(host);
      return {};
    },
  };
}
