import {
  ClipboardCopy,
  Download,
  FileText,
  FolderDown,
  FolderOpen,
  FolderPlus,
  HardDriveDownload,
  PencilLine,
  Trash2,
  Upload,
} from "lucide-react";
import { joinPath, shownName } from "#shared/base/file-names";
import type { FileEntry } from "#shared/contract/files";
import { copyText } from "../../components/copy-button.tsx";
import type { MenuEntry } from "../../components/menu.tsx";
import { isDirectory, isReadable, typeNames } from "./file-view.ts";

export interface FileCommands {
  /** Why nothing can be changed. */
  readOnly: string | false;
  /** The directory. */
  path: string;
  open: (entry: FileEntry) => void;
  download: (entry: FileEntry) => void;
  copyOut: (entry: FileEntry) => void;
  rename: (entry: FileEntry) => void;
  remove: (entry: FileEntry) => void;
  upload: () => void;
  copyIn: () => void;
  makeDirectory: () => void;
}

/** What can be done with an entry, or with the directory where none is meant. */
export function fileMenu(entry: FileEntry | undefined, commands: FileCommands): MenuEntry[] {
  const { readOnly } = commands;
  const into: MenuEntry[] = [
    { label: "Upload…", icon: Upload, disabledReason: readOnly, onSelect: commands.upload },
    {
      label: "Copy from this machine…",
      icon: FolderDown,
      disabledReason: readOnly,
      onSelect: commands.copyIn,
    },
    {
      label: "New directory…",
      icon: FolderPlus,
      disabledReason: readOnly,
      onSelect: commands.makeDirectory,
    },
  ];
  if (!entry) return into;
  const directory = isDirectory(entry);
  const closed =
    !directory &&
    !isReadable(entry) &&
    (entry.type === "symlink" ? "It leads nowhere" : `It is a ${typeNames[entry.type]}`);
  const special = !["file", "directory", "symlink"].includes(entry.type);
  const path = joinPath(commands.path, entry.name);
  return [
    {
      label: directory ? "Open" : "View as text",
      icon: directory ? FolderOpen : FileText,
      shortcut: "Enter",
      disabledReason: closed,
      onSelect: () => commands.open(entry),
    },
    {
      label: directory ? "Download as archive" : "Download",
      icon: Download,
      disabledReason: closed,
      onSelect: () => commands.download(entry),
    },
    {
      label: "Copy to this machine…",
      icon: HardDriveDownload,
      disabledReason: special && `It is a ${typeNames[entry.type]}`,
      onSelect: () => commands.copyOut(entry),
    },
    { label: "Copy path", icon: ClipboardCopy, onSelect: () => void copyText(shownName(path)) },
    { kind: "separator" },
    {
      label: "Rename",
      icon: PencilLine,
      shortcut: "F2",
      disabledReason: readOnly,
      onSelect: () => commands.rename(entry),
    },
    {
      label: "Delete…",
      icon: Trash2,
      danger: true,
      shortcut: "Delete",
      disabledReason: readOnly,
      onSelect: () => commands.remove(entry),
    },
    { kind: "separator" },
    ...into,
  ];
}
