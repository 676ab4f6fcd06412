import { create } from "zustand";
import type { FileSource } from "#shared/contract/files";

/** Where one is in what can be closed, hidden or drawn elsewhere, to be there again when it is shown anew. */
interface Places {
  /** The inspector's tab, while it shows the same container. */
  tab?: { id: string; value: string };
  /** Directories that file browsers show, by source. */
  directories: ReadonlyMap<string, string>;
}

export const usePlaces = create<Places>(() => ({ directories: new Map() }));

const keyOf = ({ kind, id }: FileSource): string => `${kind} ${id}`;

export function useDirectory(source: FileSource): string {
  return usePlaces(({ directories }) => directories.get(keyOf(source)) ?? "/");
}

export function goToDirectory(source: FileSource, path: string): void {
  usePlaces.setState(({ directories }) => ({
    directories: new Map(directories).set(keyOf(source), path),
  }));
}

export function chooseTab(id: string, value: string): void {
  usePlaces.setState({ tab: { id, value } });
}
