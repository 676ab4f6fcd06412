import {
  ChevronDown,
  ChevronUp,
  Columns2,
  Hammer,
  PencilLine,
  Plus,
  ScrollText,
  SquareTerminal,
  X,
} from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { IconButton } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { Icon } from "../../components/icon.tsx";
import { ContextMenu, Menu, type MenuEntry } from "../../components/menu.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useTerminals } from "../../queries/terminals.ts";
import { useBuilds } from "../../state/builds.ts";
import {
  cycleTab,
  type DockTab,
  moveTab,
  openLogs,
  selectTab,
  setDockOpen,
  toggleDock,
  toggleSplit,
  useDock,
} from "../../state/dock.ts";
import { useSelection } from "../../state/selection.ts";
import { useOpenTerminal } from "../terminals/open-terminal.ts";
import { NewTerminalDialog } from "../terminals/new-terminal-dialog.tsx";
import { useTerminalName } from "../terminals/terminal-title.ts";
import { TabNameField } from "./tab-name-field.tsx";

/** Containers that the menu of new terminals names; the dialog has all. */
const mostInMenu = 12;

const icons = { terminal: SquareTerminal, logs: ScrollText, build: Hammer };

/** The strip of tabs. */
export function DockBar(props: { onClose: (tab: DockTab) => void }) {
  const { onClose } = props;
  const { open, tabs, left, right } = useDock();
  const title = useTabTitle();
  const openTerminal = useOpenTerminal();
  const [dragged, setDragged] = useState<string>();
  const [naming, setNaming] = useState<string>();

  const choose = (key: string): void => {
    selectTab(key);
    setDockOpen(true);
  };
  const onKey = (event: KeyboardEvent, tab: DockTab): void => {
    if (event.key === "ArrowRight") cycleTab(1);
    else if (event.key === "ArrowLeft") cycleTab(-1);
    else if (event.key === "Delete") onClose(tab);
    else if (event.key === "F2" && tab.kind === "terminal") {
      event.preventDefault();
      setNaming(tab.key);
      return;
    } else if (event.key === "Enter" || event.key === " ") choose(tab.key);
    else return;
    event.preventDefault();
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>(".dock-tab[aria-selected='true']")?.focus(),
    );
  };

  return (
    <div className="dock-bar">
      <div className="dock-bar__tabs" role="tablist" aria-label="Open terminals and logs">
        {tabs.map((tab) => {
          const shown = open && (tab.key === left || tab.key === right);
          const { text, ended } = title(tab);
          return (
            <ContextMenu
              key={tab.key}
              entries={() => tabMenu(tab, tabs, { openTerminal, close: onClose, name: setNaming })}
            >
              <div
                role="tab"
                className={cx("dock-tab", ended && "dock-tab--ended")}
                aria-selected={shown}
                tabIndex={tab.key === left || (left === undefined && tab === tabs[0]) ? 0 : -1}
                draggable={naming !== tab.key}
                onDragStart={() => setDragged(tab.key)}
                onDragOver={(event) => event.preventDefault()}
                onDrop={() => dragged && moveTab(dragged, tab.key)}
                onClick={() => choose(tab.key)}
                onDoubleClick={() => tab.kind === "terminal" && setNaming(tab.key)}
                onKeyDown={(event) => onKey(event, tab)}
                onAuxClick={(event) => event.button === 1 && onClose(tab)}
              >
                <Icon of={icons[tab.kind]} size={14} />
                {naming === tab.key && tab.kind === "terminal" ? (
                  <TabNameField tab={tab} shown={text} onDone={() => setNaming(undefined)} />
                ) : (
                  <span className="truncate" title={text}>
                    {text}
                  </span>
                )}
                <button
                  type="button"
                  className="dock-tab__close"
                  tabIndex={-1}
                  aria-label={`Close ${text}`}
                  onClick={(event) => {
                    event.stopPropagation();
                    onClose(tab);
                  }}
                >
                  <Icon of={X} size={13} />
                </button>
              </div>
            </ContextMenu>
          );
        })}
        <NewTab />
      </div>
      <span className="spacer" />
      <IconButton
        size="small"
        icon={Columns2}
        label={right === undefined ? "Split" : "Show one"}
        pressed={right !== undefined}
        disabledReason={tabs.length < 2 && "Two tabs are needed"}
        onClick={() => {
          toggleSplit();
          setDockOpen(true);
        }}
      />
      <IconButton
        size="small"
        icon={open ? ChevronDown : ChevronUp}
        label={open ? "Hide the dock" : "Show the dock"}
        shortcut="Ctrl `"
        onClick={toggleDock}
      />
    </div>
  );
}

function tabMenu(
  tab: DockTab,
  tabs: readonly DockTab[],
  on: {
    openTerminal: ReturnType<typeof useOpenTerminal>;
    close: (tab: DockTab) => void;
    name: (key: string) => void;
  },
): MenuEntry[] {
  const close: MenuEntry = { label: "Close", onSelect: () => on.close(tab) };
  if (tab.kind === "build") return [close];
  const ids = tab.kind === "logs" ? tab.containerIds : [tab.containerId];
  const [id] = ids;
  return [
    {
      label: "New terminal here",
      icon: SquareTerminal,
      disabledReason: ids.length > 1 && "These are several containers",
      onSelect: () => id && void on.openTerminal(id, { kind: "exec" }),
    },
    { label: "Logs", icon: ScrollText, onSelect: () => openLogs(ids) },
    ...(tab.kind === "terminal"
      ? [
          {
            label: "Rename…",
            icon: PencilLine,
            shortcut: "F2",
            onSelect: () => on.name(tab.key),
          },
        ]
      : []),
    { kind: "separator" },
    close,
    {
      label: "Close other logs",
      disabledReason:
        !tabs.some((other) => other !== tab && other.kind === "logs") && "There are none",
      onSelect: () => {
        for (const other of tabs) if (other !== tab && other.kind === "logs") on.close(other);
      },
    },
  ];
}

function useTabTitle(): (tab: DockTab) => { text: string; ended: boolean } {
  const { items: containers } = useContainers();
  const { items: terminals } = useTerminals();
  const { builds } = useBuilds();
  const terminalName = useTerminalName();
  const name = (id: string): string => containers.get(id)?.name ?? id.slice(0, 12);
  return (tab) => {
    if (tab.kind === "logs") {
      return { text: `${tab.name ?? tab.containerIds.map(name).join(", ")} · logs`, ended: false };
    }
    if (tab.kind === "build") {
      const ended = builds.get(tab.buildId)?.status !== "running";
      return { text: `${tab.name} · build`, ended };
    }
    const terminal = terminals.get(tab.terminalId);
    return {
      text: `${terminal?.containerName ?? name(tab.containerId)} · ${terminal ? terminalName(terminal) : "terminal"}`,
      ended: terminal !== undefined && terminal.status !== "running",
    };
  };
}

/** A new terminal: in the containers one is at, in any other, or with a command of one's choice. */
function NewTab() {
  const openTerminal = useOpenTerminal();
  const { items } = useContainers();
  const inspected = useSelection((state) => state.inspected ?? state.current);
  const [dialog, setDialog] = useState(false);
  const running = [...items.values()]
    .filter(({ state }) => state.status === "running")
    .sort(
      (a, b) =>
        Number(b.id === inspected) - Number(a.id === inspected) || a.name.localeCompare(b.name),
    );
  const entries: MenuEntry[] = [
    { kind: "heading", label: running.length === 0 ? "No container is running" : "Terminal in" },
    ...running.slice(0, mostInMenu).map(({ id, name }): MenuEntry => ({
      label: name,
      icon: SquareTerminal,
      onSelect: () => void openTerminal(id, { kind: "exec" }),
    })),
    { kind: "separator" },
    {
      label: "With command, user, directory…",
      disabledReason: running.length === 0 && "No container is running",
      onSelect: () => setDialog(true),
    },
  ];
  return (
    <>
      <Menu entries={entries} align="start" side="top">
        <IconButton size="small" icon={Plus} label="New terminal" className="dock-bar__new" />
      </Menu>
      {dialog && <NewTerminalDialog containerId={inspected} onClose={() => setDialog(false)} />}
    </>
  );
}
