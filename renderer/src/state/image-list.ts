import { create } from "zustand";
import { persist } from "zustand/middleware";

export type ImageView = "images" | "registries";
export type ImageSegment = "all" | "used" | "unused" | "unnamed";
export type ImageSortKey = "name" | "source" | "platform" | "size" | "own" | "age" | "used";

export interface ImageListState {
  view: ImageView;
  filter: string;
  segment: ImageSegment;
  sort: { key: ImageSortKey; descending: boolean };
}

/** What the page of images shows and in which order. The order is remembered, the rest is not. */
export const useImageList = create<ImageListState>()(
  persist(
    (): ImageListState => ({
      view: "images",
      filter: "",
      segment: "all",
      sort: { key: "name", descending: false },
    }),
    { name: "shimyard.images", version: 1, partialize: ({ sort }) => ({ sort }) },
  ),
);

export function setImageView(view: ImageView): void {
  useImageList.setState({ view });
}

export function setImageFilter(filter: string): void {
  useImageList.setState({ filter });
}

export function setImageSegment(segment: ImageSegment): void {
  useImageList.setState({ segment });
}

/** Sizes and uses are wanted largest first; everything else from A on, ages from the youngest. A second time turns it round. */
export function sortImagesBy(key: ImageSortKey): void {
  useImageList.setState(({ sort }) => ({
    sort: {
      key,
      descending:
        sort.key === key ? !sort.descending : key === "size" || key === "own" || key === "used",
    },
  }));
}
