import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { AppContract } from "#shared/contract/index";
import type { Place, RemoteContainer, RemoteUse } from "#shared/contract/remotes";
import type { Sample } from "#shared/contract/stats";
import type { Client } from "#shared/rpc/define";
import { applyDelta, type Collection, emptyCollection } from "./live.ts";
import { isLasting, keepReading } from "./keep-reading.ts";
import { historySpan } from "./stats-store.ts";
import { useClient } from "./client.tsx";

/**
 * A list that is followed only while it is shown: the core connects to other containerds for as long as somebody
 * watches. What was known stays when the stream breaks, marked as stale.
 */
function useWhileShown<T extends { id: string }>(
  open: (
    client: Client<AppContract>,
    signal: AbortSignal,
  ) => AsyncIterable<{ reset: boolean; put: T[]; removed: string[] }>,
): Collection<T> {
  const client = useClient();
  const [list, setList] = useState<Collection<T>>(emptyCollection);
  useEffect(() => {
    const abort = new AbortController();
    void keepReading((signal) => open(client, signal), {
      signal: abort.signal,
      take: (delta) => setList((before) => applyDelta(before, delta)),
      // The window says that the core is away.
      broken: () => {
        setList((before) => ({ ...before, status: "stale" }));
        return true;
      },
    });
    return () => abort.abort();
  }, [client, open]);
  return list;
}

const openPlaces = (client: Client<AppContract>, signal: AbortSignal) =>
  client.stream("remotes.watchPlaces", {}, { signal });
const openContainers = (client: Client<AppContract>, signal: AbortSignal) =>
  client.stream("remotes.watch", {}, { signal });

export function usePlaces(): Collection<Place> {
  return useWhileShown(openPlaces);
}

export function useRemoteContainers(): Collection<RemoteContainer> {
  return useWhileShown(openContainers);
}

/** What a container elsewhere uses, for as long as it is looked at. */
export interface RemoteUseHistory {
  /** Oldest first, of the last ten minutes at most. */
  history: readonly Sample[];
  /** The newest, and the one before. */
  latest: RemoteUse | undefined;
  before: RemoteUse | undefined;
}

const nothing: RemoteUseHistory = { history: [], latest: undefined, before: undefined };

/** Empty until known, and when it does not run. */
export function useRemoteUse(id: string, running: boolean): RemoteUseHistory {
  const client = useClient();
  const [use, setUse] = useState(nothing);
  useEffect(() => {
    const abort = new AbortController();
    if (running) {
      void keepReading((signal) => client.stream("remotes.watchUse", { id }, { signal }), {
        signal: abort.signal,
        take: (item) => setUse((before) => afterUse(before, item)),
        broken: (error) => !isLasting(error),
      });
    }
    return () => {
      abort.abort();
      setUse(nothing);
    };
  }, [client, id, running]);
  return use;
}

function afterUse({ history, latest }: RemoteUseHistory, use: RemoteUse): RemoteUseHistory {
  const { sample, time } = use;
  return {
    ...{ latest: use, before: latest },
    history: sample
      ? [...history.filter((each) => each.time >= time - historySpan), sample]
      : history,
  };
}

export function useRemoteSpec(id: string) {
  const client = useClient();
  return useQuery({
    queryKey: ["remotes", "spec", id],
    queryFn: ({ signal }) => client.call("remotes.inspect", { id }, { signal }),
    gcTime: 0,
    refetchOnMount: "always",
  });
}

const checkpointsKey = (id: string): string[] => ["remotes", "checkpoints", id];

export function useRemoteCheckpoints(id: string) {
  const client = useClient();
  return useQuery({
    queryKey: checkpointsKey(id),
    queryFn: ({ signal }) => client.call("remotes.checkpoints", { id }, { signal }),
    gcTime: 0,
    refetchOnMount: "always",
  });
}

export function useTakeRemoteCheckpoint(id: string) {
  const client = useClient();
  const queries = useQueryClient();
  return async (request: {
    name: string;
    tcpEstablished: boolean;
    fileLocks: boolean;
    externalUnixSockets: boolean;
  }): Promise<void> => {
    await client.call("remotes.checkpoint", { id, ...request });
    await queries.invalidateQueries({ queryKey: checkpointsKey(id) });
  };
}

export function useDeleteRemoteCheckpoint(id: string) {
  const client = useClient();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => client.call("remotes.deleteCheckpoint", { id, name }),
    onSuccess: () => queries.invalidateQueries({ queryKey: checkpointsKey(id) }),
  });
}

export type RemoteAction = "start" | "stop" | "pause" | "resume" | "kill" | "delete";

export function useRemoteAction() {
  const client = useClient();
  return useMutation({
    mutationFn: ({ id, action }: { id: string; action: RemoteAction }) =>
      action === "kill"
        ? client.call("remotes.kill", { id, signal: "SIGKILL" })
        : client.call(`remotes.${action}`, { id }),
  });
}

export function useAddPlace() {
  const client = useClient();
  return useMutation({ mutationFn: (address: string) => client.call("remotes.add", { address }) });
}

export function useForgetPlace() {
  const client = useClient();
  return useMutation({ mutationFn: (id: string) => client.call("remotes.forget", { id }) });
}

export function useAllowDelete() {
  const client = useClient();
  return useMutation({
    mutationFn: (request: { place: string; namespace: string; allow: boolean }) =>
      client.call("remotes.allowDelete", request),
  });
}
