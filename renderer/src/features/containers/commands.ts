import { useMemo } from "react";
import { create } from "zustand";
import { copyText } from "../../components/copy-button.tsx";
import { type ContainerActions, useContainerActions } from "../../queries/container-actions.ts";
import { useReadCollection } from "../../queries/client.tsx";
import { containerSource } from "../../queries/containers.ts";
import { useOfferedActions } from "../../queries/extensions.ts";
import { useSystem } from "../../queries/system.ts";
import { openLogs } from "../../state/dock.ts";
import { openOverlay } from "../../state/overlays.ts";
import { chooseTab } from "../../state/places.ts";
import { inspect } from "../../state/selection.ts";
import { useOpenTerminal } from "../terminals/open-terminal.ts";
import { possible } from "./view.ts";

interface RenameState {
  id?: string | undefined;
}

/** The row whose name is being edited. */
export const useRenaming = create<RenameState>(() => ({}));

/** Why something can't be done on this host; absent when it can. */
export interface Reasons {
  pause: string | undefined;
  checkpoint: string | undefined;
  limits: string | undefined;
}

/** Everything that a row, its menus, the bulk bar and the palette offer. */
export interface Commands {
  reasons: Reasons;
  start: (ids: readonly string[]) => void;
  stop: (ids: readonly string[]) => void;
  restart: (ids: readonly string[]) => void;
  pause: (ids: readonly string[]) => void;
  resume: (ids: readonly string[]) => void;
  kill: (ids: readonly string[], signal: string) => void;
  remove: (ids: readonly string[]) => void;
  exec: (id: string) => void;
  attach: (id: string) => void;
  logs: (ids: readonly string[]) => void;
  open: (id: string) => void;
  files: (id: string) => void;
  checkpoint: (id: string) => void;
  limits: (id: string) => void;
  beginRename: (id: string) => void;
  endRename: () => void;
  rename: (id: string, name: string) => void;
  /** Changes what it is made from. */
  edit: (id: string) => void;
  /** Another one as this. */
  duplicate: (id: string) => void;
  /** Makes an image of it. */
  commit: (id: string) => void;
  exportFiles: (id: string) => void;
  /** As a unit that systemd starts. */
  exportUnit: (id: string) => void;
  copyId: (id: string) => void;
  /** What running extensions offer for a container. */
  actions: readonly { extension: string; action: string; title: string }[];
  runAction: (extension: string, action: string, containerId: string) => void;
  /** Stops what runs, else starts it. */
  toggleRunning: (ids: readonly string[]) => void;
  togglePaused: (ids: readonly string[]) => void;
}

export function useCommands(): Commands {
  const actions = useContainerActions();
  const openTerminal = useOpenTerminal();
  const read = useReadCollection(containerSource);
  const abilities = useSystem()?.abilities;
  const pause = reasonOf(abilities?.pause, "This host's runtimes can't pause");
  const checkpoint = reasonOf(abilities?.checkpoint, "This host's runtimes can't checkpoint");
  const limits = reasonOf(abilities?.limits, "Limits can't be set on this host");
  const offered = useOfferedActions();
  return useMemo(() => {
    const can = (ids: readonly string[], what: "start" | "stop" | "pause" | "resume"): string[] => {
      const { items } = read();
      return ids.filter((id) => {
        const container = items.get(id);
        return container !== undefined && possible(container)[what];
      });
    };
    const run = (act: (actions: ContainerActions) => Promise<number>): void => void act(actions);
    const commands: Commands = {
      reasons: { pause, checkpoint, limits },
      start: (ids) => run((on) => on.start(ids)),
      stop: (ids) => run((on) => on.stop(ids)),
      restart: (ids) => run((on) => on.restart(ids)),
      pause: (ids) => run((on) => on.pause(ids)),
      resume: (ids) => run((on) => on.resume(ids)),
      kill: (ids, signal) => run((on) => on.kill(ids, signal)),
      remove: (ids) => openOverlay({ kind: "delete", ids }),
      exec: (id) => void openTerminal(id, { kind: "exec" }),
      attach: (id) => void openTerminal(id, { kind: "attach" }),
      logs: (ids) => openLogs(ids),
      open: (id) => inspect(id),
      files: (id) => {
        chooseTab(id, "files");
        inspect(id);
      },
      checkpoint: (id) => openOverlay({ kind: "checkpoint", id }),
      limits: (id) => openOverlay({ kind: "limits", id }),
      beginRename: (id) => useRenaming.setState({ id }),
      endRename: () => useRenaming.setState({ id: undefined }),
      rename: (id, name) => run((on) => on.rename(id, name)),
      edit: (id) => openOverlay({ kind: "edit", id }),
      duplicate: (id) => openOverlay({ kind: "duplicate", id }),
      commit: (id) => openOverlay({ kind: "commit", containerId: id }),
      exportFiles: (id) => openOverlay({ kind: "export", containerId: id }),
      exportUnit: (id) => openOverlay({ kind: "unit", id }),
      copyId: (id) => void copyText(id, "Id copied"),
      actions: offered,
      runAction: (id, action, containerId) =>
        openOverlay({ kind: "action", id, action, containerId }),
      toggleRunning: (ids) => {
        const toStop = can(ids, "stop");
        if (toStop.length > 0) return commands.stop(toStop);
        const toStart = can(ids, "start");
        if (toStart.length > 0) commands.start(toStart);
      },
      togglePaused: (ids) => {
        if (pause) return;
        const toPause = can(ids, "pause");
        if (toPause.length > 0) return commands.pause(toPause);
        const toResume = can(ids, "resume");
        if (toResume.length > 0) commands.resume(toResume);
      },
    };
    return commands;
  }, [actions, offered, openTerminal, read, pause, checkpoint, limits]);
}

function reasonOf(
  ability: { ok: boolean; reason?: string | undefined } | undefined,
  otherwise: string,
): string | undefined {
  return !ability || ability.ok ? undefined : (ability.reason ?? otherwise);
}
