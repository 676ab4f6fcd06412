import { listCdiDevices } from "#core/cdi/cdi-devices";
import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers, InputOf, OutputOf } from "#shared/rpc/define";

type System = AppContract["system"];

/** What only the shell that hosts the window can answer. */
export interface ShellHandlers {
  pickPath(input: InputOf<System["pickPath"]>): Promise<OutputOf<System["pickPath"]>>;
  host(): OutputOf<System["host"]>;
}

export function systemHandlers(
  { system }: Core,
  shell: ShellHandlers,
): Handlers<AppContract>["system"] {
  return {
    watch: (_input, { signal }) => system.info.watch(signal),
    probe: () => system.probe(),
    watchSettings: (_input, { signal }) => system.settings.watch(signal),
    updateSettings: (changes) => system.updateSettings(changes),
    cdiDevices: () => listCdiDevices(),
    pickPath: (input) => shell.pickPath(input),
    host: () => shell.host(),
  };
}
