import {
  ArrowDownToLine,
  ArrowUpFromLine,
  Copy,
  FileArchive,
  FolderOpen,
  PanelRight,
  Play,
  Tag,
  Trash2,
  X,
} from "lucide-react";
import type { Image } from "#shared/contract/images";
import { plural } from "../../components/format.ts";
import type { MenuEntry } from "../../components/menu.tsx";
import type { ImageCommands } from "./commands.ts";

/** Everything that can be done to these images, in the same order everywhere. */
export function imageMenu(images: readonly Image[], commands: ImageCommands): MenuEntry[] {
  const ids = images.map(({ id }) => id);
  const [only] = images;
  if (!only) return [];
  if (images.length > 1) {
    return [
      {
        label: `Save ${plural(ids.length, "image")}…`,
        icon: FileArchive,
        shortcut: "s",
        onSelect: () => commands.save(ids),
      },
      { kind: "separator" },
      {
        label: `Delete ${plural(ids.length, "image")}…`,
        icon: Trash2,
        shortcut: "Del",
        danger: true,
        onSelect: () => commands.remove(ids),
      },
    ];
  }
  const { id, names, digest, source, origin } = only;
  const unnamed = names.length === 0 && "It has no name";
  return [
    { label: "Run…", icon: Play, shortcut: "r", onSelect: () => commands.run(id) },
    { label: "Open", icon: PanelRight, shortcut: "Enter", onSelect: () => commands.open(id) },
    { label: "Browse files…", icon: FolderOpen, onSelect: () => commands.browse(only) },
    { kind: "separator" },
    { label: "Tag…", icon: Tag, shortcut: "t", onSelect: () => commands.tag(id) },
    {
      kind: "submenu",
      label: "Untag",
      icon: X,
      disabledReason: unnamed,
      entries: names.map((name) => ({ label: name, onSelect: () => commands.untag(id, name) })),
    },
    {
      label: "Push…",
      icon: ArrowUpFromLine,
      shortcut: "p",
      disabledReason: unnamed,
      onSelect: () => commands.push(id),
    },
    ...(source === "pull"
      ? [
          {
            label: "Pull again",
            icon: ArrowDownToLine,
            onSelect: () => commands.pull(origin),
          },
        ]
      : []),
    {
      label: "Save to an archive…",
      icon: FileArchive,
      shortcut: "s",
      onSelect: () => commands.save(ids),
    },
    { kind: "separator" },
    ...names.slice(0, 1).map((name) => ({
      label: "Copy name",
      icon: Copy,
      onSelect: () => commands.copy(name, "Name"),
    })),
    { label: "Copy id", icon: Copy, onSelect: () => commands.copy(id, "Id") },
    { label: "Copy digest", icon: Copy, onSelect: () => commands.copy(digest, "Digest") },
    { kind: "separator" },
    {
      label: "Delete…",
      icon: Trash2,
      shortcut: "Del",
      danger: true,
      onSelect: () => commands.remove(ids),
    },
  ];
}
