import { useMutation } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Checkpoint } from "#shared/contract/checkpoints";
import { useClient, useCollection } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

const checkpointSource: CollectionSource<"checkpoints.watch"> = {
  key: ["checkpoints"],
  method: "checkpoints.watch",
};

export function useCheckpoints(): Collection<Checkpoint> {
  return useCollection(checkpointSource);
}

/** A container's checkpoints, newest first. */
export function useCheckpointsOf(containerId: string): Checkpoint[] {
  const { items } = useCheckpoints();
  return useMemo(
    () =>
      [...items.values()]
        .filter((checkpoint) => checkpoint.containerId === containerId)
        .sort((a, b) => b.createdAt - a.createdAt),
    [items, containerId],
  );
}

export function useRestoreCheckpoint() {
  const client = useClient();
  return useMutation({
    mutationFn: (id: string) => client.call("checkpoints.restore", { id }),
  });
}

export function useDeleteCheckpoint() {
  const client = useClient();
  return useMutation({
    mutationFn: (id: string) => client.call("checkpoints.delete", { id }),
  });
}
