import { create } from "zustand";
import type { FileSource } from "#shared/contract/files";

/** What lies over the window, at most one at a time. */
export type Overlay =
  | { kind: "palette" }
  | { kind: "shortcuts" }
  | { kind: "create"; imageId?: string }
  | { kind: "import"; source: "tar" | "directory" }
  | { kind: "delete"; ids: readonly string[] }
  | { kind: "files"; source: FileSource; name: string }
  | { kind: "limits"; id: string }
  | { kind: "checkpoint"; id: string }
  | { kind: "action"; id: string; action: string; containerId: string };

interface OverlayState {
  overlay?: Overlay | undefined;
}

export const useOverlay = create<OverlayState>(() => ({}));

export function openOverlay(overlay: Overlay): void {
  useOverlay.setState({ overlay });
}

export function closeOverlay(): void {
  useOverlay.setState({ overlay: undefined });
}

export function openPalette(): void {
  openOverlay({ kind: "palette" });
}

export function openShortcuts(): void {
  openOverlay({ kind: "shortcuts" });
}
