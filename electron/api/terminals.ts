import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function terminalHandlers(core: Core): Handlers<AppContract>["terminals"] {
  const { terminals } = core;
  return {
    watch: (_input, { signal }) => terminals.watch(signal),
    exec: async (input, context) => {
      const terminal = await terminals.exec(input, context);
      core.containers.executed(terminal.containerId, terminal.id, terminal.args);
      return terminal;
    },
    attach: (input) => terminals.attach(input),
    connect: (input, up, context) => terminals.connect(input, up, context),
    saveScreen: async (input) => {
      await terminals.saveScreen(input);
      return {};
    },
    close: async (input) => {
      await terminals.close(input);
      return {};
    },
  };
}
