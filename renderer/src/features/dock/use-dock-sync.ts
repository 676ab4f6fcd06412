import { useEffect } from "react";
import { isElsewhere } from "#shared/base/elsewhere";
import { useClient } from "../../queries/client.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useTerminals } from "../../queries/terminals.ts";
import {
  cycleTab,
  forgetContainers,
  syncTerminals,
  toggleDock,
  useDock,
} from "../../state/dock.ts";
import { terminalsOf } from "../../terminals/registry.ts";

/** Keeps the dock's tabs as the core's terminals and containers are, and hears its keys. */
export function useDockSync(): void {
  const client = useClient();
  const terminals = useTerminals();
  const containers = useContainers();

  useEffect(() => {
    if (terminals.status !== "live") return;
    const all = [...terminals.items.values()];
    terminalsOf(client).sync(all);
    syncTerminals(all);
  }, [client, terminals]);
  useEffect(() => {
    if (containers.status !== "live") return;
    forgetContainers((id) => containers.items.has(id) || isElsewhere(id));
  }, [containers]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
      if (event.code === "Backquote") toggleDock();
      else if (event.key === "PageDown" && useDock.getState().open) cycleTab(1);
      else if (event.key === "PageUp" && useDock.getState().open) cycleTab(-1);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
