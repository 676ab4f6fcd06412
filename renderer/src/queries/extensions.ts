import { useMutation, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Extension, Permission } from "#shared/contract/extensions";
import { useClient, useCollection } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

const extensionSource: CollectionSource<"extensions.watch"> = {
  key: ["extensions"],
  method: "extensions.watch",
};

export function useExtensions(): Collection<Extension> {
  return useCollection(extensionSource);
}

/** What running extensions offer for a container; the same list until that changes. */
export function useOfferedActions(): { extension: string; action: string; title: string }[] {
  const { items } = useExtensions();
  return useMemo(
    () =>
      [...items.values()]
        .filter(({ state }) => state.status === "running")
        .flatMap(({ id: extension, manifest }) =>
          manifest.actions.map(({ id: action, title }) => ({ extension, action, title })),
        ),
    [items],
  );
}

/** Those that come with Shimyard. */
export function useShippedExtensions() {
  const client = useClient();
  return useQuery({
    queryKey: ["extensions", "shipped"],
    queryFn: ({ signal }) => client.call("extensions.shipped", {}, { signal }),
  });
}

export function useInspectExtension() {
  const client = useClient();
  return useMutation({ mutationFn: (path: string) => client.call("extensions.inspect", { path }) });
}

export function useInstallExtension() {
  const client = useClient();
  return useMutation({
    mutationFn: (request: { path: string; digest: string; grants: Permission[] }) =>
      client.call("extensions.install", { ...request, enable: true }),
  });
}

export function useEnableExtension() {
  const client = useClient();
  return useMutation({
    mutationFn: ({ id, enabled }: { id: string; enabled: boolean }) =>
      client.call(enabled ? "extensions.enable" : "extensions.disable", { id }),
  });
}

export function useRemoveExtension() {
  const client = useClient();
  return useMutation({ mutationFn: (id: string) => client.call("extensions.remove", { id }) });
}

export function useGrant() {
  const client = useClient();
  return useMutation({
    mutationFn: (request: { id: string; grants: Permission[] }) =>
      client.call("extensions.setGrants", request),
  });
}

/** What its container wrote, as it is when it is asked for. */
export function useExtensionLog(id: string) {
  const client = useClient();
  return useQuery({
    queryKey: ["extensions", "log", id],
    queryFn: ({ signal }) => client.call("extensions.log", { id }, { signal }),
    gcTime: 0,
    refetchOnMount: "always",
  });
}

/** Where its panel is; another one after the core was started again. */
export function usePanel(id: string) {
  const client = useClient();
  return useQuery({
    queryKey: ["extensions", "panel", id],
    queryFn: ({ signal }) => client.call("extensions.panel", { id }, { signal }),
    gcTime: 0,
    refetchOnMount: "always",
  });
}

/** Runs an action of an extension for a container, once, when it is first shown. */
export function useActionResult(request: { id: string; action: string; containerId: string }) {
  const client = useClient();
  return useQuery({
    queryKey: ["extensions", "action", request],
    queryFn: ({ signal }) => client.call("extensions.runAction", request, { signal }),
    gcTime: 0,
    refetchOnMount: "always",
  });
}
