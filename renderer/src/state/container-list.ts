import { create } from "zustand";
import { persist } from "zustand/middleware";

export type Segment = "all" | "running" | "stopped" | "trouble";
export type SortKey = "state" | "name" | "image" | "cpu" | "memory" | "since" | "runtime";

export interface ContainerListState {
  filter: string;
  segment: Segment;
  sort: { key: SortKey; descending: boolean };
}

/** What the list shows and in which order. The order is remembered, the filter is not. */
export const useContainerList = create<ContainerListState>()(
  persist(
    (): ContainerListState => ({
      filter: "",
      segment: "all",
      sort: { key: "name", descending: false },
    }),
    { name: "shimyard.containers", version: 1, partialize: ({ sort }) => ({ sort }) },
  ),
);

export function setFilter(filter: string): void {
  useContainerList.setState({ filter });
}

export function setSegment(segment: Segment): void {
  useContainerList.setState({ segment });
}

/** Loads and ages are wanted largest first; everything else from A on. A second time turns it round. */
export function sortBy(key: SortKey): void {
  useContainerList.setState(({ sort }) => ({
    sort: {
      key,
      descending: sort.key === key ? !sort.descending : key === "cpu" || key === "memory",
    },
  }));
}
