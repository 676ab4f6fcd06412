import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function networkHandlers({ networks, containers }: Core): Handlers<AppContract>["networks"] {
  return {
    watch: (_input, { signal }) => networks.watch(signal),
    list: () => networks.list(),
    abilities: () => networks.abilities,
    create: (config) => networks.create(config),
    remove: async ({ id }) => {
      await networks.remove(id);
      return {};
    },
    connect: async ({ containerId, network }) => {
      await containers.membership.connect(containerId, network);
      return {};
    },
    disconnect: async ({ containerId, network }) => {
      await containers.membership.disconnect(containerId, network);
      return {};
    },
    checkPort: (port) => networks.checkPort(port),
  };
}
