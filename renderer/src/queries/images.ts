import type { Image } from "#shared/contract/images";
import { useCollection } from "./client.tsx";
import type { Collection, CollectionSource } from "./live.ts";

export const imageKeys = { all: ["images"] as const };

export const imageSource: CollectionSource<"images.watch"> = {
  key: imageKeys.all,
  method: "images.watch",
};

export function useImages(): Collection<Image> {
  return useCollection(imageSource);
}
