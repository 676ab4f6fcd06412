import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { AppContract } from "#shared/contract/index";
import type { ProcessMemory, Shim } from "#shared/contract/shims";
import type { Client } from "#shared/rpc/define";
import { useClient, useCollection } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

const shimSource: CollectionSource<"shims.watch"> = { key: ["shims"], method: "shims.watch" };

export type MemoryByPid = Record<string, ProcessMemory>;

export function useShims(): Collection<Shim> {
  return useCollection(shimSource);
}

/** Memory of every shim by pid, pushed for as long as somebody shows it. */
export function useShimMemory(): MemoryByPid {
  const client = useClient();
  const [memory, setMemory] = useState<MemoryByPid>({});
  useEffect(() => {
    const abort = new AbortController();
    // The lists' streams say when the core is away; the figures come again with the page.
    followMemory(client, abort.signal, setMemory).catch(() => {});
    return () => abort.abort();
  }, [client]);
  return memory;
}

async function followMemory(
  client: Client<AppContract>,
  signal: AbortSignal,
  tell: (memory: MemoryByPid) => void,
): Promise<void> {
  for await (const item of client.stream("shims.watchMemory", {}, { signal })) tell(item);
}

/** What a shim wrote of itself, as it is when it is asked for. */
export function useShimLog(id: string) {
  const client = useClient();
  return useQuery({
    queryKey: ["shims", "log", id],
    queryFn: ({ signal }) => client.call("shims.log", { id }, { signal }),
    gcTime: 0,
    refetchOnMount: "always",
  });
}

export function useReconnectShim() {
  const client = useClient();
  return useMutation({ mutationFn: (id: string) => client.call("shims.reconnect", { id }) });
}

export function useTerminateShim() {
  const client = useClient();
  return useMutation({ mutationFn: (id: string) => client.call("shims.terminate", { id }) });
}

export function useDiscardShim() {
  const client = useClient();
  return useMutation({ mutationFn: (id: string) => client.call("shims.discard", { id }) });
}
