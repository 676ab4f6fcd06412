import { create } from "zustand";
import type { FileSource } from "#shared/contract/files";
import type { ProjectSource } from "#shared/contract/projects";
import type { BuildRequest } from "./builds.ts";

/** An archive of images, or a root file system as a tar or as a directory. */
export type ImportSource = "archive" | "tar" | "directory";

export interface Retry {
  direction: "pull" | "push";
  reference: string;
  platform?: string | undefined;
}

/** What lies over the window, at most one at a time. */
export type Overlay =
  | { kind: "palette" }
  | { kind: "shortcuts" }
  | { kind: "create"; imageId?: string | undefined }
  /** Another one as this. */
  | { kind: "duplicate"; id: string }
  | { kind: "edit"; id: string }
  | { kind: "import"; source: ImportSource }
  /** `again`: what an earlier one was asked. */
  | { kind: "build"; again?: BuildRequest | undefined }
  /** `source`: what is to be changed. */
  | { kind: "import-project"; source?: ProjectSource | undefined }
  | { kind: "tag"; id: string }
  | { kind: "push"; id: string }
  | { kind: "save"; ids: readonly string[] }
  | { kind: "delete-images"; ids: readonly string[] }
  | { kind: "prune" }
  | { kind: "create-volume" }
  | { kind: "back-up-volume"; id: string }
  /** An absent id is one to name. */
  | { kind: "restore-volume"; id?: string }
  | { kind: "delete-volumes"; ids: readonly string[] }
  | { kind: "prune-volumes" }
  | { kind: "commit"; containerId: string }
  | { kind: "export"; containerId: string }
  /** An absent host is one to add. */
  | { kind: "registry"; host?: string }
  /** `retry`: what failed for want of it, and is tried again afterwards. */
  | { kind: "sign-in"; host: string; retry?: Retry }
  | { kind: "delete"; ids: readonly string[] }
  | { kind: "files"; source: FileSource; name: string }
  | { kind: "limits"; id: string }
  /** It as a unit that systemd starts. */
  | { kind: "unit"; id: string }
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
