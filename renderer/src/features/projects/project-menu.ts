import {
  Hammer,
  type LucideIcon,
  Play,
  RefreshCw,
  RotateCw,
  ScrollText,
  Square,
  Trash2,
} from "lucide-react";
import type { Project } from "#shared/contract/projects";
import { plural } from "../../components/format.ts";
import type { MenuEntry } from "../../components/menu.tsx";
import { openLogs } from "../../state/dock.ts";
import type { ProjectCommands } from "./commands.ts";
import { projectLook } from "./project-look.ts";

/** What can be done to several at once; each that it can be done to. */
export function projectsMenu(projects: readonly Project[], commands: ProjectCommands): MenuEntry[] {
  const [only] = projects;
  if (projects.length === 1 && only) return projectMenu(only, commands);
  const entry = (
    verb: string,
    icon: LucideIcon,
    can: (project: Project) => boolean,
    act: (id: string) => void,
  ): MenuEntry => {
    const which = projects.filter((each) => !each.activity && can(each));
    return {
      ...{ label: `${verb} ${plural(which.length, "project")}`, icon },
      disabledReason: which.length === 0 && "None of them can be now",
      onSelect: () => {
        for (const { id } of which) act(id);
      },
    };
  };
  const there = ({ state }: Project): boolean => state !== "none";
  return [
    entry("Bring up", Play, ({ imported }) => imported, commands.up),
    entry("Restart", RotateCw, there, commands.restart),
    entry("Stop", Square, there, commands.stop),
  ];
}

/** What can be done to a project beside asking first: bringing it down is on its page. */
export function projectMenu(project: Project, commands: ProjectCommands): MenuEntry[] {
  const { id, imported, activity, state, services } = project;
  const busy = activity && projectLook(project).word;
  const none = state === "none" && "Nothing of it is there";
  const unknown = !imported && "Import its compose file first";
  const ids = services.flatMap(({ containers }) => containers);
  return [
    {
      label: "Bring up",
      icon: Play,
      disabledReason: busy ?? unknown,
      onSelect: () => commands.up(id),
    },
    {
      label: "Build and bring up",
      icon: Hammer,
      disabledReason: busy ?? unknown,
      onSelect: () => commands.up(id, { build: true }),
    },
    {
      label: "Make all anew",
      icon: RefreshCw,
      disabledReason: busy ?? unknown,
      onSelect: () => commands.up(id, { recreate: true }),
    },
    {
      label: "Restart",
      icon: RotateCw,
      shortcut: "r",
      disabledReason: busy ?? none,
      onSelect: () => commands.restart(id),
    },
    {
      label: "Stop",
      icon: Square,
      shortcut: "s",
      disabledReason: busy ?? none,
      onSelect: () => commands.stop(id),
    },
    {
      label: "Logs below",
      icon: ScrollText,
      disabledReason: none,
      onSelect: () => openLogs(ids),
    },
    { kind: "separator" },
    {
      label: "Remove from the list",
      icon: Trash2,
      danger: true,
      disabledReason: busy ?? (ids.length > 0 && "Bring it down first"),
      onSelect: () => commands.remove(id),
    },
  ];
}
