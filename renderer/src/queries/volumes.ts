import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { AppContract } from "#shared/contract/index";
import type { Volume, VolumePrune } from "#shared/contract/volumes";
import { AppError } from "#shared/errors";
import type { Client } from "#shared/rpc/define";
import { plural } from "../components/format.ts";
import { announce, notify } from "../components/notices.ts";
import { clearRowError, setRowError } from "../state/row-errors.ts";
import { allBounded } from "./all-bounded.ts";
import { useClient, useCollection, useCollectionItem } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";
import { revisionOf } from "./revision.ts";

export const volumeKeys = {
  all: ["volumes"] as const,
  sizes: ["volume-sizes"] as const,
  prune: (what: VolumePrune["what"]) => ["volume-prune", what] as const,
};

const volumeSource: CollectionSource<"volumes.watch"> = {
  key: volumeKeys.all,
  method: "volumes.watch",
};

export function useVolumes(): Collection<Volume> {
  return useCollection(volumeSource);
}

export function useVolume(id: string | undefined): Volume | undefined {
  return useCollectionItem(volumeSource, id);
}

const noSizes: ReadonlyMap<string, number> = new Map();

/** Bytes on disk by name, counted anew when volumes come or go; what is not known yet is absent. */
export function useVolumeSizes(): ReadonlyMap<string, number> {
  const client = useClient();
  const { items, status } = useVolumes();
  const { data = noSizes } = useQuery({
    queryKey: [...volumeKeys.sizes, [...items.keys()].join("/")],
    queryFn: async ({ signal }) =>
      new Map(
        (await client.call("volumes.diskUse", {}, { signal })).map((one) => [one.id, one.size]),
      ),
    enabled: status !== "loading" && items.size > 0,
    placeholderData: (previous) => previous,
    refetchOnMount: "always",
    gcTime: 0,
  });
  return data;
}

/** What pruning would remove, asked anew whenever the volumes change. */
export function usePrunePreview(what: VolumePrune["what"]) {
  const client = useClient();
  const { items, status } = useVolumes();
  return useQuery({
    queryKey: [...volumeKeys.prune(what), revisionOf(items)],
    queryFn: ({ signal }) => client.call("volumes.previewPrune", { what }, { signal }),
    enabled: status !== "loading",
    placeholderData: (before, query) => (query?.queryKey[1] === what ? before : undefined),
    gcTime: 0,
  });
}

/** What can be done to volumes and goes on without a dialog. A failure is put on its row. Every promise resolves. */
export class VolumeActions {
  readonly #client: Client<AppContract>;

  constructor(client: Client<AppContract>) {
    this.#client = client;
  }

  /** Each by itself: one that is used keeps no other. */
  async delete(ids: readonly string[]): Promise<void> {
    const outcomes = await allBounded(ids, async (id) => {
      clearRowError(id);
      try {
        await this.#client.call("volumes.delete", { id });
        return true;
      } catch (error) {
        setRowError(id, { title: "Could not delete", error: AppError.from(error).toInfo() });
        return false;
      }
    });
    const deleted = outcomes.filter(Boolean).length;
    if (deleted === 0) announce(`Could not delete ${ids.join(", ")}`);
    else if (ids.length === 1) announce(`${ids[0]} deleted`);
    else notify({ tone: "good", title: `${plural(deleted, "volume")} deleted` });
  }
}

export function useVolumeActions(): VolumeActions {
  const client = useClient();
  return useMemo(() => new VolumeActions(client), [client]);
}
