import { listCdiDevices } from "#core/cdi/cdi-devices";
import type { Core } from "#core/core";
import { findEngines } from "#core/host/engines";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function systemHandlers({ system }: Core): Handlers<AppContract>["system"] {
  return {
    watch: (_input, { signal }) => system.info.watch(signal),
    probe: () => system.probe(),
    watchSettings: (_input, { signal }) => system.settings.watch(signal),
    updateSettings: (changes) => system.updateSettings(changes),
    cdiDevices: () => listCdiDevices(),
    engines: (_input, { signal }) => findEngines({ signal }),
  };
}
