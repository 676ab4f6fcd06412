import { useMemo } from "react";
import type { Terminal } from "#shared/contract/terminals";
import { useCollection, useCollectionItem } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

const terminalSource: CollectionSource<"terminals.watch"> = {
  key: ["terminals"],
  method: "terminals.watch",
};

export function useTerminals(): Collection<Terminal> {
  return useCollection(terminalSource);
}

export function useTerminal(id: string): Terminal | undefined {
  return useCollectionItem(terminalSource, id);
}

/** A container's terminals, oldest first. */
export function useTerminalsOf(containerId: string): Terminal[] {
  const { items } = useTerminals();
  return useMemo(
    () =>
      [...items.values()]
        .filter((terminal) => terminal.containerId === containerId)
        .sort((a, b) => a.createdAt - b.createdAt),
    [items, containerId],
  );
}
