import {
  Camera,
  Copy,
  FolderOpen,
  CopyPlus,
  FileArchive,
  FileCog,
  Gauge,
  Layers,
  PanelRight,
  Pause,
  PencilLine,
  Play,
  Plug,
  Puzzle,
  RotateCw,
  ScrollText,
  Settings2,
  Skull,
  Square,
  SquareTerminal,
  Trash2,
} from "lucide-react";
import type { Container } from "#shared/contract/containers";
import { plural } from "../../components/format.ts";
import type { MenuEntry } from "../../components/menu.tsx";
import type { Commands } from "./commands.ts";
import { isLive, possible } from "./view.ts";

/** The signals one sends to containers, with what they usually mean. */
export const signals: [name: string, meaning: string][] = [
  ["SIGTERM", "end"],
  ["SIGKILL", "end at once"],
  ["SIGINT", "interrupt"],
  ["SIGHUP", "reload"],
  ["SIGQUIT", "end, dump core"],
  ["SIGUSR1", "user 1"],
  ["SIGUSR2", "user 2"],
  ["SIGWINCH", "resized"],
];

/** Everything that can be done to these containers, in the same order everywhere. */
export function containerMenu(containers: readonly Container[], commands: Commands): MenuEntry[] {
  const ids = containers.map(({ id }) => id);
  const only = containers.length === 1 ? containers[0] : undefined;
  const all = containers.map(possible);
  const which = (what: "start" | "stop" | "pause" | "resume"): string[] =>
    ids.filter((_, index) => all[index]?.[what]);
  const startable = which("start");
  const stoppable = which("stop");
  const pausable = which("pause");
  const resumable = which("resume");
  const live = ids.filter((_, index) => isLive(containers[index] as Container));
  const of = (some: string[]): string => (only ? "" : ` ${plural(some.length, "container")}`);

  const entries: MenuEntry[] = [];
  if (startable.length > 0) {
    entries.push({
      label: `Start${of(startable)}`,
      icon: Play,
      shortcut: "s",
      onSelect: () => commands.start(startable),
    });
  }
  if (stoppable.length > 0) {
    entries.push({
      label: `Stop${of(stoppable)}`,
      icon: Square,
      shortcut: "s",
      onSelect: () => commands.stop(stoppable),
    });
  }
  if (live.length > 0) {
    entries.push({
      label: `Restart${of(live)}`,
      icon: RotateCw,
      shortcut: "r",
      onSelect: () => commands.restart(live),
    });
  }
  if (pausable.length > 0) {
    entries.push({
      label: `Pause${of(pausable)}`,
      icon: Pause,
      shortcut: "Space",
      disabledReason: commands.reasons.pause,
      onSelect: () => commands.pause(pausable),
    });
  }
  if (resumable.length > 0) {
    entries.push({
      label: `Resume${of(resumable)}`,
      icon: Play,
      shortcut: "Space",
      onSelect: () => commands.resume(resumable),
    });
  }
  if (live.length > 0) {
    entries.push({
      kind: "submenu",
      label: "Send a signal",
      icon: Skull,
      entries: signals.map(([name, meaning]) => ({
        label: `${name} · ${meaning}`,
        onSelect: () => commands.kill(live, name),
      })),
    });
  }
  entries.push({ kind: "separator" });
  if (only) {
    const running = only.state.status === "running";
    entries.push(
      {
        label: "Open",
        icon: PanelRight,
        shortcut: "Enter",
        onSelect: () => commands.open(only.id),
      },
      {
        label: "Open a terminal",
        icon: SquareTerminal,
        shortcut: "e",
        disabledReason: !running && "It is not running",
        onSelect: () => commands.exec(only.id),
      },
      {
        label: "Attach",
        icon: Plug,
        disabledReason: !running && "It is not running",
        onSelect: () => commands.attach(only.id),
      },
    );
  }
  entries.push({
    label: only ? "Logs" : "Logs together",
    icon: ScrollText,
    shortcut: "l",
    onSelect: () => commands.logs(ids),
  });
  if (only) {
    entries.push({ label: "Files", icon: FolderOpen, onSelect: () => commands.files(only.id) });
  }
  entries.push({ kind: "separator" });
  if (only) {
    entries.push(
      {
        label: "Checkpoint…",
        icon: Camera,
        disabledReason:
          commands.reasons.checkpoint ?? (only.state.status !== "running" && "It is not running"),
        onSelect: () => commands.checkpoint(only.id),
      },
      {
        label: "Limits and restarts…",
        icon: Gauge,
        onSelect: () => commands.limits(only.id),
      },
      {
        label: "Rename",
        icon: PencilLine,
        shortcut: "F2",
        onSelect: () => commands.beginRename(only.id),
      },
      {
        label: "Edit…",
        icon: Settings2,
        disabledReason: only.state.activity && "Something is being done to it",
        onSelect: () => commands.edit(only.id),
      },
      { label: "Duplicate…", icon: CopyPlus, onSelect: () => commands.duplicate(only.id) },
      { label: "Make an image…", icon: Layers, onSelect: () => commands.commit(only.id) },
      {
        label: "Export its files…",
        icon: FileArchive,
        onSelect: () => commands.exportFiles(only.id),
      },
      {
        label: "Export as a systemd unit or Quadlet…",
        icon: FileCog,
        onSelect: () => commands.exportUnit(only.id),
      },
      { label: "Copy id", icon: Copy, onSelect: () => commands.copyId(only.id) },
      ...commands.actions.map(({ extension, action, title }) => ({
        label: title,
        icon: Puzzle,
        onSelect: () => commands.runAction(extension, action, only.id),
      })),
      { kind: "separator" },
    );
  }
  entries.push({
    label: only ? "Delete…" : `Delete ${plural(ids.length, "container")}…`,
    icon: Trash2,
    shortcut: "Del",
    danger: true,
    onSelect: () => commands.remove(ids),
  });
  return entries;
}
