import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { ProcessMemory, Shim } from "#shared/contract/shims";
import { useClient, useCollection } from "./client.tsx";
import { keepReading } from "./keep-reading.ts";
import type { Collection, CollectionSource } from "./live.ts";

const shimSource: CollectionSource<"shims.watch"> = { key: ["shims"], method: "shims.watch" };

export type MemoryByPid = Record<string, ProcessMemory>;
const none: MemoryByPid = {};

export function useShims(): Collection<Shim> {
  return useCollection(shimSource);
}

/** Memory of every shim by pid, pushed for as long as somebody shows it. */
export function useShimMemory(): MemoryByPid {
  const client = useClient();
  const [memory, setMemory] = useState(none);
  useEffect(() => {
    const abort = new AbortController();
    void keepReading((signal) => client.stream("shims.watchMemory", {}, { signal }), {
      signal: abort.signal,
      take: setMemory,
      // Figures of a while ago are none.
      broken: () => {
        setMemory(none);
        return true;
      },
    });
    return () => abort.abort();
  }, [client]);
  return memory;
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
