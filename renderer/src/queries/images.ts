import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Image, ImageDetail, Transfer } from "#shared/contract/images";
import { useClient, useCollection, useCollectionItem } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";
import { revisionOf } from "./revision.ts";

export const imageKeys = {
  all: ["images"] as const,
  transfers: ["transfers"] as const,
  detail: (id: string) => ["image", id] as const,
  suggestions: (text: string) => ["image-suggestions", text] as const,
  platforms: (reference: string) => ["image-platforms", reference] as const,
  removal: (of: readonly string[] | string) => ["image-removal", of] as const,
  builder: ["image-builder"] as const,
};

export const imageSource: CollectionSource<"images.watch"> = {
  key: imageKeys.all,
  method: "images.watch",
};

const transferSource: CollectionSource<"images.watchTransfers"> = {
  key: imageKeys.transfers,
  method: "images.watchTransfers",
};

export function useImages(): Collection<Image> {
  return useCollection(imageSource);
}

export function useImage(id: string | undefined): Image | undefined {
  return useCollectionItem(imageSource, id);
}

/** Pulls and pushes that are under way, or ended in the last minutes. */
export function useTransfers(): Collection<Transfer> {
  return useCollection(transferSource);
}

/** Its layers and texts; asked again whenever its row changes. */
export function useImageDetail(id: string): {
  detail: ImageDetail | undefined;
  error: Error | null;
} {
  const client = useClient();
  const image = useImage(id);
  const { data, error } = useQuery({
    queryKey: [...imageKeys.detail(id), image],
    queryFn: ({ signal }) => client.call("images.detail", { id }, { signal }),
    enabled: image !== undefined,
    placeholderData: (previous) => (previous?.image.id === id ? previous : undefined),
    gcTime: 0,
  });
  return { detail: data, error };
}

/** Milliseconds after the last key before a registry is asked. */
const patience = 250;

/** A text that stood still for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), patience);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** References that go on from what was typed; until they are known, those of the text before that still do. */
export function useSuggestions(text: string): readonly string[] {
  const client = useClient();
  const wanted = text.trim();
  const settled = useSettled(wanted);
  const { data = [], isPlaceholderData } = useQuery({
    queryKey: imageKeys.suggestions(settled),
    queryFn: ({ signal }) => client.call("images.suggest", { text: settled }, { signal }),
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  const stale = isPlaceholderData || settled !== wanted;
  return stale ? data.filter((reference) => reference.startsWith(wanted)) : data;
}

/** The platforms that a reference has, asked for only when they are wanted. */
export function usePlatforms(reference: string, wanted: boolean) {
  const client = useClient();
  return useQuery({
    queryKey: imageKeys.platforms(reference),
    queryFn: ({ signal }) => client.call("images.platforms", { reference }, { signal }),
    enabled: wanted,
    gcTime: 0,
  });
}

/** What a removal would free, asked anew whenever the images change. */
export function useRemoval(of: { ids: readonly string[] } | { what: "unnamed" | "unused" }) {
  const client = useClient();
  const images = useImages();
  const key = "ids" in of ? of.ids : of.what;
  return useQuery({
    queryKey: [...imageKeys.removal(key), revisionOf(images.items)],
    queryFn: ({ signal }) =>
      "ids" in of
        ? client.call("images.previewDelete", { ids: [...of.ids] }, { signal })
        : client.call("images.previewPrune", of, { signal }),
    enabled: images.status !== "loading" && (!("ids" in of) || of.ids.length > 0),
    // What was known stays until it is known anew, but not that of another question.
    placeholderData: (before, query) => (query?.queryKey[1] === key ? before : undefined),
    gcTime: 0,
  });
}

/** What builds here, or why nothing does; undefined until known. */
export function useBuilder() {
  const client = useClient();
  const { data } = useQuery({
    queryKey: imageKeys.builder,
    queryFn: ({ signal }) => client.call("images.builder", {}, { signal }),
    // It may have been installed meanwhile.
    refetchOnMount: "always",
  });
  return data;
}
