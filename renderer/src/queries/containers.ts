import { useQuery } from "@tanstack/react-query";
import type { Container, ContainerDetail } from "#shared/contract/containers";
import { useClient, useCollection, useCollectionItem } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

export const containerKeys = {
  all: ["containers"] as const,
  detail: (id: string) => ["container", id] as const,
};

export const containerSource: CollectionSource<"containers.watch"> = {
  key: containerKeys.all,
  method: "containers.watch",
};

export function useContainers(): Collection<Container> {
  return useCollection(containerSource);
}

export function useContainer(id: string | undefined): Container | undefined {
  return useCollectionItem(containerSource, id);
}

/** What the list has no room for; asked again whenever the container's row changes. */
export function useContainerDetail(id: string): {
  detail: ContainerDetail | undefined;
  error: Error | null;
} {
  const client = useClient();
  const container = useContainer(id);
  const { data, error } = useQuery({
    queryKey: [...containerKeys.detail(id), container],
    queryFn: ({ signal }) => client.call("containers.get", { id }, { signal }),
    enabled: container !== undefined,
    placeholderData: (previous) => (previous?.container.id === id ? previous : undefined),
    gcTime: 0,
  });
  return { detail: data, error };
}
