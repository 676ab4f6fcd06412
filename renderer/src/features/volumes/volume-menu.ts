import {
  Archive,
  ArchiveRestore,
  Copy,
  Download,
  FolderOpen,
  PanelRight,
  Trash2,
} from "lucide-react";
import type { Volume } from "#shared/contract/volumes";
import { plural } from "../../components/format.ts";
import type { MenuEntry } from "../../components/menu.tsx";
import type { VolumeCommands } from "./commands.ts";

/** Everything that can be done to these volumes, in the same order everywhere. */
export function volumeMenu(volumes: readonly Volume[], commands: VolumeCommands): MenuEntry[] {
  const [only] = volumes;
  if (!only) return [];
  const remove: MenuEntry = {
    label: volumes.length > 1 ? `Delete ${plural(volumes.length, "volume")}…` : "Delete…",
    icon: Trash2,
    shortcut: "Del",
    danger: true,
    onSelect: () => commands.remove(volumes.map(({ id }) => id)),
  };
  if (volumes.length > 1) return [remove];
  const { id } = only;
  return [
    { label: "Open", icon: PanelRight, shortcut: "Enter", onSelect: () => commands.open(id) },
    {
      label: "Browse files…",
      icon: FolderOpen,
      shortcut: "f",
      onSelect: () => commands.browse(id),
    },
    { kind: "separator" },
    {
      label: "Back up to a tar…",
      icon: Archive,
      shortcut: "b",
      onSelect: () => commands.backUp(id),
    },
    { label: "Download as a tar", icon: Download, onSelect: () => commands.download(id) },
    { label: "Restore from a tar…", icon: ArchiveRestore, onSelect: () => commands.restore(id) },
    { kind: "separator" },
    { label: "Copy name", icon: Copy, onSelect: () => commands.copy(id) },
    { kind: "separator" },
    remove,
  ];
}
