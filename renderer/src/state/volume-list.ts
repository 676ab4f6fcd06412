import { create } from "zustand";
import { persist } from "zustand/middleware";

export type VolumeSegment = "all" | "used" | "unused" | "anonymous";
export type VolumeSortKey = "name" | "size" | "age" | "used";

export interface VolumeListState {
  filter: string;
  segment: VolumeSegment;
  sort: { key: VolumeSortKey; descending: boolean };
}

/** What the page of volumes shows and in which order. The order is remembered, the rest is not. */
export const useVolumeList = create<VolumeListState>()(
  persist(
    (): VolumeListState => ({
      filter: "",
      segment: "all",
      sort: { key: "name", descending: false },
    }),
    { name: "shimyard.volumes", version: 1, partialize: ({ sort }) => ({ sort }) },
  ),
);

export function setVolumeFilter(filter: string): void {
  useVolumeList.setState({ filter });
}

export function setVolumeSegment(segment: VolumeSegment): void {
  useVolumeList.setState({ segment });
}

/** Sizes and uses are wanted largest first, names from A on, ages from the youngest. A second time turns it round. */
export function sortVolumesBy(key: VolumeSortKey): void {
  useVolumeList.setState(({ sort }) => ({
    sort: {
      key,
      descending: sort.key === key ? !sort.descending : key === "size" || key === "used",
    },
  }));
}
