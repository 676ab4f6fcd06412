import {
  Activity,
  Box,
  Cable,
  Camera,
  HardDrive,
  History,
  Keyboard,
  Layers,
  type LucideIcon,
  Moon,
  Pause,
  Play,
  Network,
  Plus,
  Puzzle,
  RotateCw,
  ScrollText,
  Square,
  SquareTerminal,
  Sun,
  SunMoon,
  Trash2,
  Upload,
  Waypoints,
} from "lucide-react";
import type { Container } from "#shared/contract/containers";
import { statusLook } from "../../components/status-mark.tsx";
import { setSegment } from "../../state/container-list.ts";
import { goTo } from "../../state/layout.ts";
import { openOverlay, openShortcuts } from "../../state/overlays.ts";
import { chooseTheme } from "../../state/theme.ts";
import type { Commands } from "../containers/commands.ts";
import { possible } from "../containers/view.ts";

export interface PaletteItem {
  id: string;
  group: "Containers" | "Actions" | "Go to" | "On containers";
  label: string;
  /** Dim, behind the label: an image, a state. */
  detail?: string;
  icon: LucideIcon;
  shortcut?: string;
  /** The container it is, whose state is then shown in place of the icon. */
  container?: Container;
  run: () => void;
}

/** What can be done without a container. */
export function windowItems(): PaletteItem[] {
  return [
    item("Actions", "New container", Plus, () => openOverlay({ kind: "create" }), "n"),
    item("Actions", "Import an archive as an image", Upload, () =>
      openOverlay({ kind: "import", source: "tar" }),
    ),
    item("Actions", "Import a directory as an image", Upload, () =>
      openOverlay({ kind: "import", source: "directory" }),
    ),
    item("Go to", "Containers", Box, () => goTo("containers"), "Ctrl 1"),
    item("Go to", "Images", Layers, () => goTo("images"), "Ctrl 2"),
    item("Go to", "Networks", Waypoints, () => goTo("networks"), "Ctrl 3"),
    item("Go to", "Checkpoints", History, () => goTo("checkpoints"), "Ctrl 4"),
    item("Go to", "Shims", Cable, () => goTo("shims"), "Ctrl 5"),
    item("Go to", "Elsewhere", Network, () => goTo("elsewhere"), "Ctrl 6"),
    item("Go to", "Extensions", Puzzle, () => goTo("extensions"), "Ctrl 7"),
    item("Go to", "Activity", Activity, () => goTo("activity"), "Ctrl 8"),
    item("Go to", "System", HardDrive, () => goTo("system"), "Ctrl 9"),
    item("Go to", "Containers in trouble", Box, () => {
      goTo("containers");
      setSegment("trouble");
    }),
    item("Actions", "Appearance: dark", Moon, () => chooseTheme("dark")),
    item("Actions", "Appearance: light", Sun, () => chooseTheme("light")),
    item("Actions", "Appearance: as the system", SunMoon, () => chooseTheme("system")),
    item("Actions", "Keyboard shortcuts", Keyboard, openShortcuts, "?"),
  ];
}

function item(
  group: PaletteItem["group"],
  label: string,
  icon: LucideIcon,
  run: () => void,
  shortcut?: string,
): PaletteItem {
  return { id: `${group}/${label}`, group, label, icon, run, shortcut };
}

/** One item a container, to open it. */
export function containerItem(container: Container, commands: Commands): PaletteItem {
  const { id, name, image } = container;
  return {
    id,
    group: "Containers",
    label: name,
    detail: `${image.name} · ${statusLook(container.state).word}`,
    icon: Box,
    container,
    run: () => commands.open(id),
  };
}

/** What can be done to one container: `Stop web`. */
export function actionItems(container: Container, commands: Commands): PaletteItem[] {
  const { id, name, state } = container;
  const can = possible(container);
  const running = state.status === "running";
  const make = (
    when: boolean,
    verb: string,
    icon: LucideIcon,
    run: () => void,
    shortcut?: string,
  ): PaletteItem[] =>
    when
      ? [
          {
            id: `${verb}/${id}`,
            group: "On containers",
            label: `${verb} ${name}`,
            icon,
            run,
            shortcut,
          },
        ]
      : [];
  return [
    ...make(can.start, "Start", Play, () => commands.start([id]), "s"),
    ...make(can.stop, "Stop", Square, () => commands.stop([id]), "s"),
    ...make(running, "Restart", RotateCw, () => commands.restart([id]), "r"),
    ...make(
      can.pause && !commands.reasons.pause,
      "Pause",
      Pause,
      () => commands.pause([id]),
      "Space",
    ),
    ...make(can.resume, "Resume", Play, () => commands.resume([id]), "Space"),
    ...make(running, "Terminal in", SquareTerminal, () => commands.exec(id), "e"),
    ...make(true, "Logs of", ScrollText, () => commands.logs([id]), "l"),
    ...make(running && !commands.reasons.checkpoint, "Checkpoint", Camera, () =>
      commands.checkpoint(id),
    ),
    ...make(true, "Delete", Trash2, () => commands.remove([id]), "Del"),
  ];
}
