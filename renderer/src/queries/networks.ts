import { useMutation, useQuery } from "@tanstack/react-query";
import type {
  Member,
  Network,
  NetworkAbilities,
  NetworkChoice,
  NetworkConfig,
} from "#shared/contract/networks";
import { useClient, useCollection } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

const networkSource: CollectionSource<"networks.watch"> = {
  key: ["networks"],
  method: "networks.watch",
};

export function useNetworks(): Collection<Network> {
  return useCollection(networkSource);
}

/** A container's place in each network that it is in. */
export function useMemberships(containerId: string): { network: Network; member: Member }[] {
  const { items } = useNetworks();
  return [...items.values()].flatMap((network) =>
    network.members
      .filter((member) => member.containerId === containerId)
      .map((member) => ({ network, member })),
  );
}

/** What networks can be had here; it does not change while the core runs. */
export function useNetworkAbilities(): NetworkAbilities | undefined {
  const client = useClient();
  const { data } = useQuery({
    queryKey: ["networks", "abilities"],
    queryFn: ({ signal }) => client.call("networks.abilities", {}, { signal }),
    staleTime: Infinity,
  });
  return data;
}

export function useCreateNetwork() {
  const client = useClient();
  return useMutation({
    mutationFn: (config: NetworkConfig) => client.call("networks.create", config),
  });
}

export function useRemoveNetwork() {
  const client = useClient();
  return useMutation({ mutationFn: (id: string) => client.call("networks.remove", { id }) });
}

export function useConnect() {
  const client = useClient();
  return useMutation({
    mutationFn: (input: { containerId: string; network: NetworkChoice }) =>
      client.call("networks.connect", input),
  });
}

export function useDisconnect() {
  const client = useClient();
  return useMutation({
    mutationFn: (input: { containerId: string; network: string }) =>
      client.call("networks.disconnect", input),
  });
}
