import {
  Activity,
  ArchiveRestore,
  Box,
  Boxes,
  Brush,
  Cable,
  Camera,
  Database,
  Download,
  FolderInput,
  Hammer,
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
  Server,
  Square,
  SquareTerminal,
  Sun,
  SunMoon,
  Trash2,
  Waypoints,
} from "lucide-react";
import type { Container } from "#shared/contract/containers";
import type { Image } from "#shared/contract/images";
import type { Project } from "#shared/contract/projects";
import { bytes, joined } from "../../components/format.ts";
import { statusLook } from "../../components/status-mark.tsx";
import { setSegment } from "../../state/container-list.ts";
import { type ImageView, setImageView } from "../../state/image-list.ts";
import { goTo, pageKey } from "../../state/layout.ts";
import { openOverlay, openShortcuts } from "../../state/overlays.ts";
import { inspectProject } from "../../state/selection.ts";
import { chooseTheme } from "../../state/theme.ts";
import type { Commands } from "../containers/commands.ts";
import { possible } from "../containers/view.ts";
import { typeReference } from "../images/pull-box.tsx";
import { imageName } from "../images/reference.ts";
import type { ProjectCommands } from "../projects/commands.ts";
import { projectLook } from "../projects/project-look.ts";

export interface PaletteItem {
  id: string;
  group: "Containers" | "Projects" | "Images" | "Actions" | "Go to" | "On containers";
  label: string;
  /** Dim, behind the label: an image, a state. */
  detail?: string;
  icon: LucideIcon;
  shortcut?: string;
  /** The container it is, whose state is then shown in place of the icon. */
  container?: Container;
  run: () => void;
}

function goToImages(view: ImageView): void {
  setImageView(view);
  goTo("images");
}

/** What can be done without a container. */
export function windowItems(canBuild: boolean): PaletteItem[] {
  return [
    item("Actions", "New container", Plus, () => openOverlay({ kind: "create" }), "n"),
    item("Actions", "Pull an image", Download, () => typeReference("")),
    ...(canBuild
      ? [item("Actions", "Build an image", Hammer, () => openOverlay({ kind: "build" }))]
      : []),
    item("Actions", "Load images from an archive", FolderInput, () =>
      openOverlay({ kind: "import", source: "archive" }),
    ),
    item("Actions", "Import a tar as an image", FolderInput, () =>
      openOverlay({ kind: "import", source: "tar" }),
    ),
    item("Actions", "Import a directory as an image", FolderInput, () =>
      openOverlay({ kind: "import", source: "directory" }),
    ),
    item("Actions", "Import a compose file", FolderInput, () =>
      openOverlay({ kind: "import-project" }),
    ),
    item("Actions", "Prune images", Brush, () => openOverlay({ kind: "prune" })),
    item("Actions", "New volume", Plus, () => openOverlay({ kind: "create-volume" })),
    item("Actions", "Restore a volume from a tar", ArchiveRestore, () =>
      openOverlay({ kind: "restore-volume" }),
    ),
    item("Actions", "Prune volumes", Brush, () => openOverlay({ kind: "prune-volumes" })),
    item("Actions", "Add a registry", Plus, () => openOverlay({ kind: "registry" })),
    item("Go to", "Containers", Box, () => goTo("containers"), pageKey("containers")),
    item("Go to", "Projects", Boxes, () => goTo("projects"), pageKey("projects")),
    item("Go to", "Images", Layers, () => goToImages("images"), pageKey("images")),
    item("Go to", "Registries", Server, () => goToImages("registries")),
    item("Go to", "Volumes", Database, () => goTo("volumes"), pageKey("volumes")),
    item("Go to", "Networks", Waypoints, () => goTo("networks"), pageKey("networks")),
    item("Go to", "Checkpoints", History, () => goTo("checkpoints"), pageKey("checkpoints")),
    item("Go to", "Shims", Cable, () => goTo("shims"), pageKey("shims")),
    item("Go to", "Elsewhere", Network, () => goTo("elsewhere"), pageKey("elsewhere")),
    item("Go to", "Extensions", Puzzle, () => goTo("extensions"), pageKey("extensions")),
    item("Go to", "Activity", Activity, () => goTo("activity"), pageKey("activity")),
    item("Go to", "System", HardDrive, () => goTo("system"), pageKey("system")),
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

/** A project by its name, and what can be done to it. */
export function projectItems(project: Project, commands: ProjectCommands): PaletteItem[] {
  const { id, imported, activity, state } = project;
  const make = (verb: string, icon: LucideIcon, run: () => void): PaletteItem => ({
    ...{ id: `project ${verb}/${id}`, group: "Projects", label: `${verb} ${id}`, icon, run },
  });
  const idle = activity === undefined;
  return [
    { ...make("Project", Boxes, () => inspectProject(id)), detail: projectLook(project).word },
    ...(idle && imported ? [make("Bring up", Play, () => commands.up(id))] : []),
    ...(idle && state !== "none" ? [make("Stop", Square, () => commands.stop(id))] : []),
  ];
}

/** One item an image, to run it: what one mostly wants of an image by its name. */
export function imageItem(image: Image): PaletteItem {
  const { id, size, usedBy } = image;
  return {
    id,
    group: "Images",
    label: `Run ${imageName(image)}`,
    detail: [joined(bytes(size)), usedBy.length > 0 && "in use"].filter(Boolean).join(" · "),
    icon: Layers,
    run: () => openOverlay({ kind: "create", imageId: id }),
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
