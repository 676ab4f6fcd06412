import { useMutation } from "@tanstack/react-query";
import type { Registry, RegistrySettings } from "#shared/contract/registries";
import { useClient, useCollection, useCollectionItem } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

export const registryKeys = { all: ["registries"] as const };

const registrySource: CollectionSource<"registries.watch"> = {
  key: registryKeys.all,
  method: "registries.watch",
};

export function useRegistries(): Collection<Registry> {
  return useCollection(registrySource);
}

/** Undefined when nothing was ever said about it. */
export function useRegistry(host: string): Registry | undefined {
  return useCollectionItem(registrySource, host);
}

export function usePutRegistry() {
  const client = useClient();
  return useMutation({
    mutationFn: (registry: RegistrySettings & { host: string }) =>
      client.call("registries.put", registry),
  });
}

export function useRemoveRegistry() {
  const client = useClient();
  return useMutation({ mutationFn: (host: string) => client.call("registries.remove", { host }) });
}

/** A mutation although it changes nothing: it is asked for, and its answer holds for that moment. */
export function useTestRegistry() {
  const client = useClient();
  return useMutation({ mutationFn: (host: string) => client.call("registries.test", { host }) });
}

export function useSignIn() {
  const client = useClient();
  return useMutation({
    mutationFn: (credentials: { host: string; user: string; password: string }) =>
      client.call("registries.signIn", credentials),
  });
}

export function useSignOut() {
  const client = useClient();
  return useMutation({ mutationFn: (host: string) => client.call("registries.signOut", { host }) });
}
